"""What a column of targets is: read, cleaned of missing values, and its support found.

Numbers do not say what they mean.  Whole numbers may count, rank or name; what is decided here is
only which families may compete.  Whatever was left out or assumed is put into words.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from marginflow.data.errors import DataError
from marginflow.likelihoods.support import simplex

SUPPORTS = (
    "binary", "categorical", "ordinal", "count", "real",
    "positive", "proportion", "angle", "censored", "simplex",
)  # fmt: skip
FEWEST = 10  # targets, below which nothing can be compared
MOST_LEVELS = 20  # distinct numbers that may be classes, each seen ten times on the average
ROWS_A_LEVEL = 10
IDS = 10.0  # equal pairs expected where there is none, which chance gives once in e^10 tables
NEAR_THE_END = 0.05  # of a period: so near to both ends come angles all around


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets as numbers.

    Attributes:
        values: (n,), or (n, m) where a target is m numbers; classes as their numbers 0..K−1.
        kept: which of the given rows these are.
        kind: a support, or "few counts" for whole numbers that may as well be classes, or "real
            angle" for numbers all around a circle.
        levels: the distinct values and how often each occurs, where a target is one number.
        counts: how often.
        classes: what the class numbers stand for; None of a quantity.
        sentence: what was found.
        notes: what was left out or assumed.
    """

    values: np.ndarray
    kept: np.ndarray
    kind: str
    levels: np.ndarray
    counts: np.ndarray
    classes: tuple[str, ...] | None
    sentence: str
    notes: tuple[str, ...]


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
            column = column.cat.reorder_categories(sorted(column.cat.categories, key=str))
        codes, classes = column.cat.codes.to_numpy(), column.cat.categories
        return _text(codes, classes.astype(str), kept, notes, support)
    if pd.api.types.is_bool_dtype(column.dtype):
        return _numbers(column.to_numpy(np.float64), kept, notes, support)
    if column.dtype == object and all(isinstance(v, int | float) for v in column):
        column = pd.to_numeric(column)
    if not pd.api.types.is_numeric_dtype(column.dtype):
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            raise DataError("targets: expected numbers or text, got dates; pass a duration.")
        codes, classes = pd.factorize(column.astype(str), sort=True)
        return _text(codes, pd.Index(classes), kept, notes, support)
    return _numbers(column.to_numpy(np.float64), kept, notes, support)


def _plain(targets: Any) -> Any:
    if hasattr(targets, "to_pandas"):  # of pyarrow
        return targets.to_pandas()
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


def _refuse_constant(levels: Any, n: int) -> None:
    if len(levels) == 1:
        raise DataError(
            f"targets: all {n} are {levels[0]!s}; a constant needs no model, and no likelihood "
            "has a maximum there."
        )


def _text(
    codes: np.ndarray,
    classes: pd.Index,
    kept: np.ndarray,
    notes: tuple[str, ...],
    support: str | None,
) -> Targets:
    n, found = len(codes), len(classes)
    _refuse_constant([repr(str(name)) for name in classes], n)
    unread = np.array([_number(name) is None for name in classes])
    numeric = float(np.mean(~unread))
    if 0.5 <= numeric < 1 and found > 2:
        odd = [str(name) for name in classes[unread][:3]]
        raise DataError(
            f"targets: most are numbers, but there is text as {', '.join(map(repr, odd))}; mend "
            "these cells or leave them empty."
        )
    if support is None and found > n // 2:
        raise DataError(
            f"targets: {found} different texts in {n} rows look like names or ids, not like "
            "classes; pass another column, or support='categorical'."
        )
    allowed = ("binary", "categorical", "ordinal")
    if support not in (None, *allowed):
        raise DataError(f"targets: expected numbers for support {support!r}, got text.")
    counts = np.bincount(codes, minlength=found)
    names = tuple(str(name) for name in classes)
    kind = support or ("binary" if found == 2 else "categorical")
    return _classes(codes.astype(np.float64), kept, kind, counts, names, notes, "text")


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _classes(
    codes: np.ndarray,
    kept: np.ndarray,
    kind: str,
    counts: np.ndarray,
    names: tuple[str, ...],
    notes: tuple[str, ...],
    what: str,
) -> Targets:
    if kind == "binary" and len(names) != 2:
        raise DataError(f"targets: expected two classes, got {len(names)}; leave support out.")
    once = int(np.sum(counts == 1))
    if once:
        notes += (f"{once} of {len(names)} classes occur once: nothing is known of them held out.",)
    if kind == "binary":
        notes += (f"Class 0 is {names[0]}, class 1 is {names[1]}.",)
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    sentence = f"{what} of {len(names)} classes ({shown})"
    return Targets(codes, kept, kind, np.arange(float(len(names))), counts, names, sentence, notes)


def _numbers(
    y: np.ndarray, kept: np.ndarray, notes: tuple[str, ...], support: str | None
) -> Targets:
    infinite = int(np.sum(~np.isfinite(y)))
    if infinite:
        raise DataError(f"targets: {infinite} of {len(y)} are infinite; mend or drop these rows.")
    y = y + 0.0
    levels, counts = np.unique(y, return_counts=True)
    _refuse_constant(levels, len(y))
    kind, more = (support, ()) if support else _find_kind(levels, counts)
    _refuse_misfit(kind, levels)
    notes += more
    span = f"from {levels[0]:g} to {levels[-1]:g}, {len(levels)} different"
    if kind in ("binary", "categorical", "ordinal"):
        codes = np.searchsorted(levels, y).astype(np.float64)
        names = tuple(f"{value:g}" for value in levels)
        return _classes(codes, kept, kind, counts, names, notes, "numbers")
    whole = "whole numbers" if np.all(levels == np.floor(levels)) else "numbers"
    return Targets(y, kept, kind, levels, counts, None, f"{whole} {span}", notes)


def _find_kind(levels: np.ndarray, counts: np.ndarray) -> tuple[str, tuple[str, ...]]:
    """The kind that numbers look like, and what was assumed."""
    n, found = int(counts.sum()), len(levels)
    least, largest = float(levels[0]), float(levels[-1])
    whole = bool(np.all(levels == np.floor(levels)))
    few = found <= MOST_LEVELS and n >= ROWS_A_LEVEL * found
    if found == 2:
        return "binary", ()
    if whole and least >= 0 and found == n and _pairs_expected(n, largest - least + 1) > IDS:
        raise DataError(
            f"targets: {n} whole numbers from {least:g} to {largest:g}, and none occurs twice, as "
            "in ids or row numbers; pass another column, or name the support."
        )
    if few and not (whole and least >= 0):
        return "ordinal", (f"{found} levels were taken for ordered classes.",)
    if whole and least >= 0:
        return ("few counts" if few else "count"), _distinct_note(found, n)
    repeated = _repeated_note(levels, counts)
    if whole:
        note = "Whole numbers, some of them negative, are taken as real."
        return "real", (note, *repeated)
    if _all_around(least, largest):
        note = (
            "The numbers fill a circle in radians, so that the von Mises family competes too; name "
            "support='angle' if they are angles."
        )
        return "real angle", (note, *repeated)
    if least >= 0 and largest <= 1:
        ends = int(counts[(levels == 0) | (levels == 1)].sum())
        if not ends:
            return "proportion", repeated
        note = f"{ends} of {n} shares are exactly 0 or 1, where a beta density has no value."
        return "real", (note, *repeated)
    if least > 0:
        return "positive", repeated
    if least == 0:
        zeros = int(counts[0])
        note = (
            f"{zeros} of {n} targets are exactly 0 and the others positive: gamma, log-normal and "
            "Weibull have no zeros. A model of zero or not, and one of what is positive, may suit."
        )
        return "real", (note, *repeated)
    return "real", repeated


def _pairs_expected(n: int, places: float) -> float:
    """How many pairs of n independent draws from that many places are equal, or more of them."""
    return n * (n - 1) / (2 * places)


def _distinct_note(found: int, n: int) -> tuple[str, ...]:
    if found < n or n <= MOST_LEVELS:
        return ()
    return ("No value occurs twice, as in ids; is this a quantity?",)


def _repeated_note(levels: np.ndarray, counts: np.ndarray) -> tuple[str, ...]:
    n, at = int(counts.sum()), int(np.argmax(counts))
    if counts[at] < max(0.05 * n, 3):
        return ()
    return (
        f"{counts[at]} of {n} targets are exactly {levels[at]:g}: a density gives a single value "
        "no probability, and a narrow one is rewarded there without end.",
    )


def _all_around(least: float, largest: float) -> bool:
    for low in (-np.pi, 0.0):
        high, margin = low + 2 * np.pi, NEAR_THE_END * 2 * np.pi
        if low <= least <= low + margin and high - margin <= largest <= high:
            return True
    return False


def _refuse_misfit(kind: str, levels: np.ndarray) -> None:
    least, largest = levels[0], levels[-1]
    whole = np.all(levels == np.floor(levels))
    wrong = {
        "count": "whole numbers >= 0" if least < 0 or not whole else "",
        "positive": "numbers > 0" if least <= 0 else "",
        "proportion": "numbers between 0 and 1, both excluded"
        if least <= 0 or largest >= 1
        else "",
        "censored": "an array (n, 2) of times and events",
        "simplex": "an array (n, K) of shares",
    }.get(kind, "")
    if wrong:
        raise DataError(
            f"targets: support {kind!r} expects {wrong}, got numbers from {least:g} to {largest:g}."
        )


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
        _refuse_constant(np.unique(values[:, 0]), len(values))
        seen = int(values[:, 1].sum())
        sentence = f"times until an event, {seen} of {len(values)} seen"
        return Targets(values, kept, "censored", none, none, None, sentence, _missing_note(kept))
    if m >= 2 and support in (None, "simplex") and np.all(simplex(m).holds(values)):
        sentence = f"rows of {m} shares that sum to 1"
        return Targets(values, kept, "simplex", none, none, None, sentence, _missing_note(kept))
    raise DataError(
        f"targets: expected one column, pairs (time, event), or rows of shares > 0 that sum to 1; "
        f"got shape {array.shape}. Pass several targets one by one."
    )
