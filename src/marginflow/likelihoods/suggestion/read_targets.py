"""Targets in any container, cleaned of missing values: numbers, text, or rows of numbers."""

import datetime as dt
from decimal import Decimal
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from marginflow.data.errors import DataError
from marginflow.likelihoods.suggestion.number_targets import number_targets
from marginflow.likelihoods.suggestion.targets import (
    FEWEST,
    SUPPORTS,
    Targets,
    refuse_constant,
)
from marginflow.likelihoods.suggestion.text_targets import text_targets
from marginflow.likelihoods.support import simplex


def read_targets(targets: Any, support: str | None) -> Targets:
    """Targets in any array or column, as numbers with their support.

    Raises:
        DataError: if there are too few, all are equal, one is infinite, they are ids, or they do
            not fit the support that was named.
    """
    if support is not None and support not in SUPPORTS:
        raise DataError(f"support: expected one of {', '.join(SUPPORTS)}, got {support!r}.")
    shape = np.shape(targets)
    if len(shape) == 2 and shape[1] == 1:
        targets = np.asarray(targets)[:, 0]
    elif len(shape) == 2:
        return _rows(np.asarray(targets), support)
    elif len(shape) != 1:
        raise DataError(f"targets: expected shape (n,) or (n, m), got {shape}.")
    column: Any = targets if isinstance(targets, pd.Series) else pd.Series(_plain(targets))
    kept = ~column.isna().to_numpy()
    notes = _missing_note(kept)
    column = column[kept]
    _refuse_few(len(column), len(kept))
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.cat.remove_unused_categories()
        if column.cat.ordered and support is None:
            support = "ordinal"
        if not column.cat.ordered:  # a class has its rank for number, in whatever order rows come
            known = sorted(column.cat.categories, key=lambda each: (type(each).__name__, each))
            column = column.cat.reorder_categories(known)
        codes, classes = column.cat.codes.to_numpy(), column.cat.categories
        return text_targets(codes, classes.astype(str), kept, notes, support)
    if pd.api.types.is_bool_dtype(column.dtype):
        return number_targets(column.to_numpy(np.float64), kept, notes, support)
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        column, notes = column.dt.total_seconds(), (*notes, "Durations are taken in seconds.")
    if column.dtype == object and all(isinstance(v, int | float | Decimal) for v in column):
        column = column.astype(np.float64)
    if pd.api.types.is_complex_dtype(column.dtype):
        raise DataError("targets: expected real numbers or text, got complex numbers.")
    if not pd.api.types.is_numeric_dtype(column.dtype):
        _refuse_no_text(column)
        codes, classes = pd.factorize(column.astype(str), sort=True)
        return text_targets(codes, pd.Index(classes), kept, notes, support)
    return number_targets(column.to_numpy(np.float64), kept, notes, support)


def _refuse_no_text(column: pd.Series) -> None:
    first = column.iloc[0]
    dates = pd.api.types.is_datetime64_any_dtype(column.dtype)
    if dates or isinstance(first, dt.date | dt.time):
        raise DataError(
            f"targets: expected numbers or text, got dates or times as {str(first)!r}; pass a "
            "duration, as the days since the first."
        )
    odd = {type(v) for v in column if not isinstance(v, str | bytes | bool | Number)}
    if odd:
        raise DataError(f"targets: expected numbers or text, got {odd.pop().__name__} in a cell.")


def _plain(targets: Any) -> Any:
    if hasattr(targets, "to_pandas"):  # of pyarrow
        return targets.to_pandas()
    if isinstance(targets, np.ma.MaskedArray):
        return pd.Series(targets.data).mask(np.ma.getmaskarray(targets))
    return targets if isinstance(targets, list | tuple) else np.asarray(targets)


def _missing_note(kept: np.ndarray) -> tuple[str, ...]:
    missing = int(len(kept) - kept.sum())
    if not missing:
        return ()
    return (f"{missing} of {len(kept)} targets are missing; their rows were left out.",)


def _refuse_few(n: int, given: int) -> None:
    if not given:
        raise DataError("targets: expected some, got none; check what was selected or read.")
    if not n:
        raise DataError(f"targets: all {given} are missing; check the column.")
    if n < FEWEST:
        raise DataError(f"targets: expected {FEWEST} or more to compare families, got {n}.")


def _rows(array: np.ndarray, support: str | None) -> Targets:
    """Targets of several numbers: pairs of time and event, or shares."""
    try:
        values = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"targets: rows of several columns must be numbers: {error}.") from error
    kept = ~np.any(np.isnan(values), axis=1)
    values = values[kept]
    _refuse_few(len(values), len(kept))
    if np.any(np.isinf(values)):
        raise DataError("targets: some are infinite; mend or drop these rows.")
    none, m = np.empty(0), values.shape[1]
    pairs = m == 2 and bool(np.all((values[:, 1] == 0) | (values[:, 1] == 1)))
    if support == "censored" or (support is None and pairs):
        if not pairs or np.any(values[:, 0] <= 0):
            raise DataError(
                "targets: expected pairs (time > 0, event), event 1 where the time was seen and 0 "
                "where it was censored."
            )
        refuse_constant(np.unique(values[:, 0]), len(values))
        seen = int(values[:, 1].sum())
        sentence = f"times until an event, {seen} of {len(values)} seen"
        return Targets(values, kept, "censored", none, none, None, sentence, _missing_note(kept))
    if m >= 2 and support in (None, "simplex") and np.all(simplex(m).holds(values)):
        sentence = f"rows of {m} shares that sum to 1"
        return Targets(values, kept, "simplex", none, none, None, sentence, _missing_note(kept))
    if m >= 2 and support in (None, "simplex") and np.all(values >= 0):
        zeros = int(np.sum(np.any(values == 0, axis=1)))
        if zeros and np.all(np.abs(values.sum(axis=1) - 1) <= m * np.finfo(np.float32).eps):
            hint = (
                "argmax(axis=1) if these are classes"
                if np.all(values == np.rint(values))
                else ("give the zeros a small share, or take a share by itself")
            )
            raise DataError(
                f"targets: {zeros} rows hold a share of exactly 0, where a Dirichlet density has "
                f"no value; {hint}."
            )
    raise DataError(
        f"targets: expected one column, pairs (time, event), or rows of shares > 0 that sum to 1; "
        f"got shape {array.shape}. Pass several targets one by one."
    )
