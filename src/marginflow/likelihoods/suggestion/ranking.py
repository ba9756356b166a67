"""The contest: each family's log-likelihood of rows that its fit has not seen.

Differences between families are taken row by row, since a hard row is hard for all of them; their
standard error is that of the mean difference.  Within one of them of the best, the fewest
parameters win: on data of a Poisson family those that contain it are otherwise ahead in one or two
of ten cases.  Between a family and one that contains it the standard error vanishes with the
parameter between them and does not show the noise, which is that of a likelihood ratio; so a gap
counts as none either where one of the rivals exceeds it by chance in one table of twenty (`noise`).
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2
from threadpoolctl import threadpool_limits

from marginflow.likelihoods.fit import (
    Fit,
    fit,
    linear_coordinates,
    losses_and_scores,
)
from marginflow.likelihoods.gaussian_mixture import GaussianMixture
from marginflow.likelihoods.suggestion.candidates import Candidate
from marginflow.likelihoods.suggestion.rows import Rows

NARROWEST = 1e-3  # of the targets' spread: a component below it has fallen on single values
COINCIDE = 1e-5  # nats a target, which the optimizer's tolerance does not tell apart
CHANCE = 0.05  # that the noise between a family and those that contain it is exceeded
LOST = 1e-8  # a difference of distribution functions with fewer digits than this is rounding


@dataclass(frozen=True, eq=False)
class Entry:
    """What became of a candidate.

    Attributes:
        candidate: the family.
        place: where it stood among the candidates.
        n_parameters: coefficients that the data determine.
        log_likelihood: of a held-out target, in nats; −∞ where a fit failed.
        gap: to the best.
        standard_error: of the gap, paired.
        indistinguishable: whether the gap is at most one standard error, or noise.
        fit: on all rows.
        folds: the fits that each fold was held out of.
        in_sample_loss: of the fit on all rows, in nats a target.
        failure: why there is no log-likelihood; empty otherwise.
    """

    candidate: Candidate
    place: int
    n_parameters: int
    log_likelihood: float
    gap: float
    standard_error: float
    indistinguishable: bool
    fit: Fit
    folds: tuple[Fit, ...]
    in_sample_loss: float
    failure: str = ""


def rank(candidates: list[Candidate], rows: Rows) -> list[Entry]:
    """All candidates, the best first."""
    with threadpool_limits(1, user_api="blas"):  # on matrices this small threads only wait
        contests = [_contest(candidate, place, rows) for place, candidate in enumerate(candidates)]
    entries, losses = zip(*contests, strict=True)
    best = int(np.argmax([entry.log_likelihood for entry in entries]))
    compared = [
        _compared(entry, loss - losses[best], rows, noise(len(entries)))
        if not entry.failure
        else entry
        for entry, loss in zip(entries, losses, strict=True)
    ]
    return sorted(compared, key=lambda entry: (np.rint(entry.gap / COINCIDE), entry.place))


def noise(n_candidates: int) -> float:
    """Nats over all rows by which the best of the rivals of a family leads, by chance alone.

    Twice the gap to a family that has one parameter more is χ² of one degree of freedom; a rival of
    more parameters loses as much by them on rows that it has not seen.
    """
    return 0.5 * float(chi2.isf(CHANCE / max(n_candidates - 1, 1), 1))


def choose(entries: list[Entry]) -> Entry:
    """Of those that cannot be told from the best: the fewest parameters, no rounding, the best.

    Families that coincide differ by rounding alone; the one named first is taken.
    """
    near = [entry for entry in entries if entry.indistinguishable]
    fewest = min((entry.n_parameters, entry.candidate.rounded) for entry in near)
    tied = [e for e in near if (e.n_parameters, e.candidate.rounded) == fewest]
    best = max(entry.log_likelihood for entry in tied)
    same = [entry for entry in tied if best - entry.log_likelihood <= COINCIDE]
    return min(same, key=lambda entry: entry.place)


def _contest(candidate: Candidate, place: int, rows: Rows) -> tuple[Entry, np.ndarray]:
    """A candidate's fits, and its losses (folds, m) of what they have not seen."""
    likelihood = candidate.likelihood
    targets = candidate.encode(rows.values)
    linear = linear_coordinates(likelihood)
    whole = fit(likelihood, targets, rows.design, rows.weights, linear)
    # each fold begins anew: a fit on all rows knows those that the fold holds out
    folds = [
        fit(likelihood, targets, rows.design, rows.weights - out, linear) for out in rows.held_out
    ]
    losses = np.stack([held_out_losses(candidate, one, rows, targets) for one in folds])
    seen = rows.held_out > 0
    losses += candidate.n_shapes / rows.n_used
    value = float(np.sum(rows.held_out[seen] * losses[seen]) / rows.n_used)
    in_sample, _ = losses_and_scores(likelihood, whole.coordinates(rows.design), targets)
    failure = _collapse(whole, folds, rows) or ("" if np.isfinite(value) else "its loss overflows")
    entry = Entry(
        candidate,
        place,
        candidate.n_parameters(rows.design.shape[1]),
        -np.inf if failure else -value,
        np.inf if failure else 0.0,
        np.nan,
        False,
        whole,
        tuple(folds),
        float(np.average(in_sample, weights=rows.weights)),
        failure,
    )
    return entry, losses


def held_out_losses(
    candidate: Candidate, fitted: Fit, rows: Rows, targets: np.ndarray
) -> np.ndarray:
    """−log of the density or probability of each target; of its interval where it is rounded.

    Where the difference of two distribution functions is lost to rounding, far out in a tail, the
    density in the middle of the interval stands for it.
    """
    coordinates = fitted.coordinates(rows.design)
    losses, _ = losses_and_scores(fitted.likelihood, coordinates, targets)
    if not candidate.rounded:
        return losses
    with np.errstate(all="ignore"):
        y = rows.values
        above, below = (fitted.likelihood._cdf(coordinates, y + s) for s in (0.5, -0.5))
        mass = above - below
        return np.where(mass > LOST, -np.log(np.maximum(mass, LOST)), losses)


def _collapse(whole: Fit, folds: list[Fit], rows: Rows) -> str:
    """Why a mixture's likelihood has no maximum here."""
    if not isinstance(whole.likelihood, GaussianMixture):
        return ""
    mean = np.average(rows.values, weights=rows.weights)
    spread = float(np.sqrt(np.average((rows.values - mean) ** 2, weights=rows.weights)))
    for one in (whole, *folds):
        scales = np.exp(whole.likelihood._parts(one.intercepts)[2])
        if np.min(scales) < NARROWEST * spread:
            return "a component fell on single values, where its likelihood has no bound"
    return ""


def _compared(entry: Entry, differences: np.ndarray, rows: Rows, least: float) -> Entry:
    """The gap to the best and its paired standard error."""
    seen = rows.held_out > 0
    weights, d = rows.held_out[seen], differences[seen]
    gap = float(weights @ d / rows.n_used)
    variance = float(weights @ (d - gap) ** 2 / max(rows.n_used - 1, 1))
    error = float(np.sqrt(variance / rows.n_used))
    near = gap <= max(error, least / rows.n_used)
    return replace(entry, gap=gap, standard_error=error, indistinguishable=near)
