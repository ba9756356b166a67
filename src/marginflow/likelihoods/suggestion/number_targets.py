"""Targets that are numbers: classes, counts or a quantity, by their values alone."""

import numpy as np

from marginflow.data.errors import DataError
from marginflow.likelihoods.suggestion.targets import (
    FEWEST,
    MOST_LEVELS,
    Targets,
    of_classes,
    refuse_constant,
)

ROWS_A_LEVEL = 10
IDS = 10.0  # equal pairs expected where there is none, which chance gives once in e^10 tables
NEAR_THE_END = 0.05  # of a period: so near to both ends come angles all around
AT_AN_END, ROWS_AT_AN_END = 0.005, 3  # the share of them, and how many at the least
ATOM, OUTSTANDING = 0.05, 3  # one value with such a share, so many times that of any other
LARGEST = 1e100  # whose powers float64 holds
EXACT = 2.0**53  # beyond it float64 has not all whole numbers


def number_targets(
    y: np.ndarray, kept: np.ndarray, notes: tuple[str, ...], support: str | None
) -> Targets:
    """Numbers with the support that was named or that they seem to have.

    Args:
        y: (n,) without missing ones.
        kept: which of the given rows these are.
        notes: what is known already.
        support: a name, or None to find it.
    """
    infinite = int(np.sum(~np.isfinite(y)))
    if infinite:
        raise DataError(f"targets: {infinite} of {len(y)} are infinite; mend or drop these rows.")
    y = y + 0.0
    levels, counts = np.unique(y, return_counts=True)
    refuse_constant([_shown(level) for level in levels[:2]], len(y))
    if support is None and not np.all(levels == np.floor(levels)):
        y, kept, levels, counts, more = _without_atom(y, kept, levels, counts)
        notes += more
    kind, more = (support, ()) if support else _find_kind(levels, counts)
    _refuse_misfit(kind, levels)
    notes += more
    if kind in ("binary", "categorical", "ordinal"):
        codes = np.searchsorted(levels, y).astype(np.float64)
        names = tuple(_shown(value) for value in levels)
        return of_classes(codes, kept, kind, counts, names, notes, "numbers")
    _refuse_scale(levels)
    span = f"from {_shown(levels[0])} to {_shown(levels[-1])}, {len(levels)} different"
    whole = "whole numbers" if np.all(levels == np.floor(levels)) else "numbers"
    notes += _order_note(y, levels)
    return Targets(y, kept, kind, levels, counts, None, f"{whole} {span}", notes)


def _shown(value: float) -> str:
    """A number in few digits, a whole one in all of its own."""
    return f"{value:.0f}" if value == np.floor(value) and abs(value) < EXACT else f"{value:g}"


def _without_atom(
    y: np.ndarray, kept: np.ndarray, levels: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """What is left of a quantity without the one value that has a share of its own."""
    n, at = len(y), int(np.argmax(counts))
    others = np.delete(counts, at)
    left = n - counts[at]
    stands_out = counts[at] >= ATOM * n and counts[at] > OUTSTANDING * others.max()
    if not stands_out or len(levels) <= MOST_LEVELS or left < FEWEST:
        return y, kept, levels, counts, ()
    value = _shown(levels[at])
    note = (
        f"{counts[at]} of {n} targets are exactly {value}, to which a density gives no "
        f"probability: they were left out, and what follows is of the other {left}. Whether a "
        f"target is {value} is a matter for mf.Bernoulli()."
    )
    stays = y != levels[at]
    kept = kept.copy()
    kept[kept] = stays
    return y[stays], kept, np.delete(levels, at), others, (note,)


def _refuse_scale(levels: np.ndarray) -> None:
    size = np.abs(levels)
    if not 1 / LARGEST < size.max() < LARGEST:
        raise DataError(
            f"targets: expected sizes between {1 / LARGEST:g} and {LARGEST:g}, got numbers up to "
            f"{size.max():g}; measure them in another unit, or take logarithms."
        )
    lost = int(np.sum((size > 0) & (size < np.finfo(np.float64).tiny)))
    if lost:
        raise DataError(
            f"targets: {lost} different ones are nearer to zero than float64 holds in full "
            f"({np.finfo(np.float64).tiny:.2g}); measure them in another unit, or take logarithms."
        )


def _order_note(y: np.ndarray, levels: np.ndarray) -> tuple[str, ...]:
    """What order and size tell of whole numbers."""
    if len(levels) <= MOST_LEVELS or not np.all(levels == np.floor(levels)):
        return ()
    notes = []
    if len(levels) == len(y) and np.all(np.diff(y) > 0):
        notes.append("The rows are in the order of their targets, as with ids and time stamps.")
    if np.abs(levels).max() > EXACT:
        notes.append("Whole numbers beyond 2^53 are rounded in float64.")
    return tuple(notes)


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
            f"targets: {n} whole numbers from {_shown(least)} to {_shown(largest)}, none of which "
            "occurs twice, as in ids or row numbers; pass another column, or name the support."
        )
    if few and not (whole and least >= 0):
        return "ordinal", (f"{found} levels were taken for ordered classes.",)
    if whole and least >= 0:
        return ("few counts" if few else "count"), _distinct_note(found, n)
    if whole:
        note = "Whole numbers, some of them negative, are taken as real."
        return "real", (note, *_distinct_note(found, n))
    if _all_around(levels, counts):
        note = (
            "The numbers fill a circle in radians, so that the von Mises family competes too; name "
            "support='angle' if they are angles."
        )
        return "real angle", (note,)
    if least >= 0 and largest <= 1:
        ends = int(counts[(levels == 0) | (levels == 1)].sum())
        if not ends:
            return "proportion", ()
        note = f"{ends} of {n} shares are exactly 0 or 1, where a beta density has no value."
        return "real", (note,)
    if least > 0:
        return "positive", ()
    return "real", ()


def _pairs_expected(n: int, places: float) -> float:
    """How many pairs of n independent draws from that many places are equal, or more of them."""
    return n * (n - 1) / (2 * places)


def _distinct_note(found: int, n: int) -> tuple[str, ...]:
    if found < n or n <= MOST_LEVELS:
        return ()
    return ("No value occurs twice, as in ids; is this a quantity?",)


def _all_around(levels: np.ndarray, counts: np.ndarray) -> bool:
    """Whether numbers keep to one period and yet come often near both ends of it."""
    period, n = 2 * np.pi, counts.sum()
    for low in (-np.pi, 0.0):
        high, margin = low + period, NEAR_THE_END * period
        ends = counts[levels <= low + margin].sum(), counts[levels >= high - margin].sum()
        inside = low <= levels[0] and levels[-1] <= high
        if inside and min(ends) >= max(AT_AN_END * n, ROWS_AT_AN_END):
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
