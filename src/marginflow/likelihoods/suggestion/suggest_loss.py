"""The verb: targets in, a likelihood out, with the reason and what it rests on."""

from typing import Any

import numpy as np
import pandas as pd

from marginflow._precision import in_x64
from marginflow._results import Status
from marginflow.data.errors import DataError
from marginflow.data.features import read_features
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.suggestion.candidates import candidates
from marginflow.likelihoods.suggestion.coincidences import coincidences
from marginflow.likelihoods.suggestion.loss_suggestion import LIBRARIES, LossSuggestion
from marginflow.likelihoods.suggestion.ranking import COINCIDE, Entry, choose, noise, rank
from marginflow.likelihoods.suggestion.read_targets import read_targets
from marginflow.likelihoods.suggestion.residuals import (
    FitTest,
    fit_tests,
    poisson_dispersion,
    quantile_residuals,
)
from marginflow.likelihoods.suggestion.rows import MOST_ROWS, N_FOLDS, Rows, make_rows
from marginflow.likelihoods.suggestion.targets import Targets

CLASSES = ("binary", "categorical", "ordinal")
SEPARABLE = 0.01  # nats a row in sample, below which the classes are as good as separated
CROWDED = 0.5  # of the rows: so many coefficients leave no judgment


@in_x64
def suggest_loss(
    targets: Any, features: Any = None, *, support: str | None = None, seed: int = 0
) -> LossSuggestion:
    """Suggest the likelihood, and with it the loss, that suits given targets.

    The support is found, the families that live there are fitted, with scores that are constant or
    linear in the features, and ranked by the log-likelihood of rows that a fit has not seen, in
    five folds.  Among those within one paired standard error of the best, or two nats over all
    rows, the fewest parameters win; they are listed as indistinguishable.  Randomized quantile
    residuals test the fit.

    Without features it is the distribution of the targets alone that is judged; a loss should suit
    that of the targets given the features.

    Args:
        targets: (n,) numbers, booleans or text in an array, a list or a column of a table; or
            (n, 2) pairs of a time and whether its event was seen; or (n, K) rows of shares.
            Missing ones are left out.
        features: (n, d) numbers, or None.
        support: what the targets are, where their values do not tell: "binary", "categorical",
            "ordinal", "count", "real", "positive", "proportion", "angle", "censored", "simplex".
        seed: of the folds, of the sample where there are many rows, and of the residuals.

    Returns:
        The choice, the candidates, tests of fit, and notes.

    Raises:
        DataError: if the targets are too few, constant, infinite or ids, or the features do not fit
            them.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> counts = np.random.default_rng(0).negative_binomial(2, 0.2, size=500)
        >>> mf.suggest_loss(counts).code
        'loss = mf.NegativeBinomial()'
    """
    rng = np.random.default_rng(seed)
    if not hasattr(targets, "__len__") or isinstance(targets, str | bytes | dict):
        raise DataError(
            f"targets: expected an array, a list or a column, got {type(targets).__name__}."
        )
    n_given = len(targets)
    targets, table, notes = _complete(targets, features, rng)
    found = read_targets(targets, support)
    X = None if table is None else read_features(table[found.kept])[0]
    rows = make_rows(found, X, rng)
    _refuse_crowded(rows)
    entries = rank(candidates(found, _linear_residuals(rows), rows.design.shape[1]), rows)
    if not any(entry.indistinguishable for entry in entries):
        raise DataError("targets: no candidate's likelihood has a maximum here; look at the data.")
    chosen = choose(entries)
    residuals, sample, coordinates = quantile_residuals(chosen, rows, rng)
    classes = chosen.fit.likelihood.support.name in CLASSES
    counts = None if classes else poisson_dispersion(entries, rows)
    tests = fit_tests(chosen, rows, residuals, sample, coordinates)
    tests += (counts,) if counts else ()
    reason = _reason(found, entries, chosen, counts)
    return LossSuggestion(
        status=Status.DONE,
        message=reason,
        reason=reason,
        choice=chosen.candidate.likelihood,
        targets=found.sentence,
        classes=found.classes,
        indistinguishable=tuple(e.candidate.label for e in entries if e.indistinguishable),
        known_as=_known_as(chosen.candidate.likelihood),
        code=f"loss = {chosen.candidate.code}",
        tests=tests,
        notes=(
            *found.notes,
            *notes,
            *_row_notes(rows, chosen, 0 if X is None else X.shape[1]),
            *_remarks(found, entries, chosen),
        ),
        entries=tuple(entries),
        rows=rows,
        residuals=residuals,
        statistics={
            "n_rows": n_given,
            "n_used": rows.n_used,
            "n_features": rows.design.shape[1],
            "n_folds": N_FOLDS,
            "seed": seed,
        },
    )


def _complete(
    targets: Any, features: Any, rng: np.random.Generator
) -> tuple[Any, pd.DataFrame | None, tuple[str, ...]]:
    """Targets and features of the rows that lack no feature, sampled where there are many."""
    if features is None:
        return targets, None, ()
    if np.ndim(features) not in (1, 2) or hasattr(features, "toarray"):
        raise DataError(
            f"features: expected a dense array (n, d), got {type(features).__name__} of shape "
            f"{np.shape(features)}."
        )
    table = features if isinstance(features, pd.DataFrame) else pd.DataFrame(np.asarray(features))
    n = len(table)
    notes: tuple[str, ...] = ()
    if n != len(targets):
        raise DataError(f"features: expected one row a target, {len(targets)}; got {n} rows.")
    if n > MOST_ROWS:
        chosen = np.sort(rng.choice(n, MOST_ROWS, replace=False))
        targets, table = _taken(targets, chosen), table.take(chosen)
        notes = (f"A random sample of {MOST_ROWS} of {n} rows was taken.",)
    whole = ~table.isna().any(axis=1).to_numpy()
    if whole.all():
        return targets, table, notes
    if not whole.any():
        raise DataError("features: every row has a missing value; leave a column out.")
    note = f"{int(np.sum(~whole))} of {len(table)} rows lack a feature and were left out."
    complete = np.flatnonzero(whole)
    return _taken(targets, complete), table.take(complete), (*notes, note)


def _taken(targets: Any, rows: np.ndarray) -> Any:
    if isinstance(targets, pd.Series):
        return targets.iloc[rows]
    return np.asarray(targets)[rows] if np.ndim(targets) == 2 else pd.Series(targets).iloc[rows]


def _refuse_crowded(rows: Rows) -> None:
    d, n = rows.design.shape[1], rows.n_used
    if d > CROWDED * n:
        raise DataError(
            f"features: {d} independent columns on {n} rows leave nothing to judge a fit by; pass "
            "fewer."
        )


def _linear_residuals(rows: Rows) -> np.ndarray:
    """Single targets less their linear prediction, for the shape of the distribution."""
    if rows.values.ndim > 1:
        return np.empty(0)
    index, _ = rows.expanded(5_000, np.random.default_rng(0))
    y, design = rows.values[index], rows.design[index]
    if not design.shape[1]:
        return y
    design = np.column_stack([np.ones(len(y)), design])
    return y - design @ np.linalg.lstsq(design, y, rcond=None)[0]


def _known_as(likelihood: Likelihood) -> dict[str, str | None]:
    return {library: likelihood.known_as.get(library) for library in LIBRARIES}


def _reason(found: Targets, entries: list[Entry], chosen: Entry, counts: FitTest | None) -> str:
    label, best = chosen.candidate.label, entries[0]
    start = f"{label}: the targets are {found.sentence}."
    if len(entries) == 1:
        why = "It is the only family on this support."
    elif chosen is best:
        others = [entry for entry in entries if entry is not chosen]
        second = next((entry for entry in others if entry.gap > COINCIDE), others[0])
        why = (
            f"Of {len(entries)} candidates it has the highest cross-validated log-likelihood, "
            f"{chosen.log_likelihood:.4g} nats a target"
        )
        if np.isfinite(second.gap):
            why += (
                f"; {second.candidate.label} is {abs(second.gap - chosen.gap):.2g} "
                f"(standard error {second.standard_error:.2g}) behind"
            )
        why += "."
    else:
        what = "fewer parameters"
        if chosen.n_parameters == best.n_parameters:
            what = "as many parameters, but it is a family of such targets itself"
            if chosen.candidate.rounded == best.candidate.rounded:
                what = "as many parameters"
        within = f"within one standard error ({chosen.standard_error:.2g})"
        if chosen.gap > chosen.standard_error:
            within = f"less than the {noise(len(entries)):.2g} nats over all rows that chance gives"
        why = (
            f"Its cross-validated log-likelihood is {chosen.gap:.2g} nats a target behind that of "
            f"{best.candidate.label}, {within}, with {what} "
            f"({chosen.n_parameters} against {best.n_parameters})."
        )
    scatter = f" {counts.sentence}" if counts else ""
    return f"{start} {why}{scatter}"


def _row_notes(rows: Rows, chosen: Entry, n_features: int) -> tuple[str, ...]:
    notes, rank = [], rows.design.shape[1]
    if rows.n_used < rows.n_rows:
        notes.append(
            f"The ranking and the fits rest on a random sample of {rows.n_used} of {rows.n_rows} "
            "rows."
        )
    elif rows.grouped and rows.n_rows > len(rows.values):
        notes.append(
            f"All {rows.n_rows} rows were fitted, equal targets taken together: "
            f"{len(rows.values)} different ones."
        )
    if rank < n_features:
        notes.append(f"{rank} of {n_features} features vary independently; the others say no more.")
    if not n_features:
        notes.append(
            "No features were given: this is the distribution of the targets alone. A loss should "
            "suit the targets given the features."
        )
    if rows.n_used < 100:
        notes.append(f"{rows.n_used} rows tell families apart only roughly.")
    classes = chosen.fit.likelihood.support.name in CLASSES
    if classes and chosen.in_sample_loss < SEPARABLE and rank:
        notes.append(
            "The features separate the classes, or nearly: the likelihood then has no maximum, "
            "weights grow without end, and held-out rows are predicted with too much confidence. "
            "Penalize the weights; mf.max_margin shows where they tend."
        )
    return tuple(notes)


def _remarks(found: Targets, entries: list[Entry], chosen: Entry) -> tuple[str, ...]:
    """What a reader should know beyond the ranking."""
    notes = []
    rounded = [e.candidate.label for e in entries if e.candidate.rounded and e.indistinguishable]
    if chosen.candidate.rounded:
        notes.append("The whole numbers are better seen as a rounded real quantity than as counts.")
    elif rounded:
        notes.append(
            f"As a rounded real quantity the targets are told no worse by {', '.join(rounded)}."
        )
    if found.kind == "few counts" and chosen.fit.likelihood.support.name in CLASSES:
        notes.append(
            "The whole numbers are better seen as classes than as counts; whether their order "
            "counts, only their meaning tells."
        )
    failures = [f"{e.candidate.label}: {e.failure}." for e in entries if e.failure]
    uncensored = found.kind == "censored" and bool(np.all(found.values[:, 1] == 1))
    return (*notes, *failures, *coincidences(entries, chosen, uncensored=uncensored))
