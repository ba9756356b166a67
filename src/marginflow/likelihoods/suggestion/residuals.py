"""Whether the chosen family fits: randomized quantile residuals, and what they betray.

A target's residual is Φ⁻¹(F(y)), with F the distribution that a fit predicts which has not seen it;
a uniform draw between F(y−1) and F(y) takes the place of F(y) where the target is a count or a
class, and one between F(t) and 1 where all that is known of a time is that it was longer than t.
If the family is right they are standard normal.

Reference: Dunn & Smyth 1996, "Randomized quantile residuals", sections 2 and 3.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import ndtri

from marginflow.likelihoods.dirichlet import Beta
from marginflow.likelihoods.poisson import Poisson
from marginflow.likelihoods.suggestion.ranking import Entry
from marginflow.likelihoods.suggestion.rows import Rows

MOST_RESIDUALS = 20_000
LEVEL = 0.01
FAR = 3.0  # standard deviations from where on a residual lies in a tail


@dataclass(frozen=True)
class FitTest:
    """One test of fit.

    Attributes:
        name: what is tested.
        statistic: its value.
        p_value: the probability of one as extreme if the family is right.
        sentence: what it says.
    """

    name: str
    statistic: float
    p_value: float
    sentence: str


def quantile_residuals(
    entry: Entry, rows: Rows, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Residuals (k,), and the targets and coordinates they are of, at most 20,000 of them."""
    index, fold = rows.expanded(MOST_RESIDUALS, rng)
    targets = entry.candidate.encode(rows.values)[index]
    design = rows.design[index]
    coordinates = np.empty((len(index), entry.fit.likelihood.n_scores))
    for k, fitted in enumerate(entry.folds):
        coordinates[fold == k] = fitted.coordinates(design[fold == k])
    with np.errstate(all="ignore"):
        below, above = _ends(entry, coordinates, targets)
    place = below + (above - below) * rng.random(len(index))
    edge = np.finfo(np.float64).eps
    return ndtri(np.clip(place, edge, 1 - edge)), targets, coordinates


def _ends(
    entry: Entry, coordinates: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Between which values of the distribution function a target lies, (k,) each."""
    likelihood = entry.fit.likelihood
    if likelihood.support.name == "simplex":  # of the first share, which has no order with others
        a = np.exp(coordinates)
        of_share = np.log(np.stack([a[:, 0], a[:, 1:].sum(axis=1)], axis=1))
        value = Beta()._cdf(of_share, targets[:, 0])
        return value, value
    y = targets[:, 0] if likelihood.support.n_columns else targets
    if likelihood.support.discrete:
        return likelihood._cdf(coordinates, y - 1), likelihood._cdf(coordinates, y)
    if entry.candidate.rounded:
        return likelihood._cdf(coordinates, y - 0.5), likelihood._cdf(coordinates, y + 0.5)
    value = likelihood._cdf(coordinates, y)
    if likelihood.support.name == "censored":
        return value, np.where(targets[:, 1] == 1, value, 1.0)
    return value, value


def fit_tests(
    entry: Entry, rows: Rows, residuals: np.ndarray, targets: np.ndarray, coordinates: np.ndarray
) -> tuple[FitTest, ...]:
    """What the residuals say of the chosen family; nothing of classes without features."""
    support = entry.fit.likelihood.support
    saturated = support.name in ("binary", "categorical", "ordinal") and not rows.design.shape[1]
    if saturated:
        return ()
    tests = [_shape(residuals), _dispersion(residuals), _tails(residuals)]
    if support.name == "count":
        tests.append(_zeros(entry, targets, coordinates))
    return tuple(tests)


def poisson_dispersion(entries: list[Entry], rows: Rows) -> FitTest | None:
    """Whether counts scatter more than a Poisson variable of their mean, of Dean and Lawless."""
    found = [e for e in entries if isinstance(e.fit.likelihood, Poisson)]
    if not found:
        return None
    mean = np.exp(found[0].fit.coordinates(rows.design)[:, 0])
    y, w = rows.values, rows.weights
    ratio = float(w @ ((y - mean) ** 2 / mean) / w.sum())
    statistic = float(w @ (((y - mean) ** 2 - y) / mean) / np.sqrt(2 * w.sum()))
    p_value = float(2 * stats.norm.sf(abs(statistic)))
    word = "over" if statistic > 0 else "under"
    verdict = f"{word}-dispersed for Poisson" if p_value < LEVEL else "as Poisson has it"
    sentence = f"The variance is {ratio:.3g} times the mean: {verdict}."
    return FitTest("dispersion of counts", statistic, p_value, sentence)


def _shape(residuals: np.ndarray) -> FitTest:
    found = stats.kstest(residuals, "norm")
    verdict = "are not normal: the family misses the shape" if found.pvalue < LEVEL else "normal"
    sentence = f"Residuals {'are ' if verdict == 'normal' else ''}{verdict} (Kolmogorov-Smirnov)."
    return FitTest("shape", float(found.statistic), float(found.pvalue), sentence)


def _dispersion(residuals: np.ndarray) -> FitTest:
    n, ratio = len(residuals), float(np.mean(residuals**2))
    statistic = (ratio - 1) * np.sqrt(n / 2)
    p_value = float(2 * stats.norm.sf(abs(statistic)))
    word = "right"
    if p_value < LEVEL:
        word = "too small: over-dispersion" if ratio > 1 else "too large: under-dispersion"
    sentence = f"Residuals have mean square {ratio:.3g}; the predicted spread is {word}."
    return FitTest("dispersion", float(statistic), p_value, sentence)


def _tails(residuals: np.ndarray) -> FitTest:
    n, seen = len(residuals), int(np.sum(np.abs(residuals) > FAR))
    share = float(2 * stats.norm.sf(FAR))
    p_value = float(stats.binomtest(seen, n, share).pvalue)
    word = "as expected"
    if p_value < LEVEL:
        word = "heavier than the family's" if seen > n * share else "lighter than the family's"
    sentence = f"{seen} residuals beyond 3, {n * share:.1f} expected: tails {word}."
    return FitTest("tails", float(seen), p_value, sentence)


def _zeros(entry: Entry, targets: np.ndarray, coordinates: np.ndarray) -> FitTest:
    at_zero = entry.fit.likelihood._cdf(coordinates, np.zeros(len(targets)))
    seen, expected = int(np.sum(targets == 0)), float(np.sum(at_zero))
    spread = float(np.sqrt(np.sum(at_zero * (1 - at_zero))))
    statistic = (seen - expected) / spread if spread > 0 else 0.0
    p_value = float(2 * stats.norm.sf(abs(statistic)))
    word = "as expected"
    if p_value < LEVEL:
        word = "too many for the family" if seen > expected else "too few for the family"
    return FitTest("zeros", statistic, p_value, f"{seen} zeros, {expected:.1f} expected: {word}.")
