"""What a column of targets is once it has been read: numbers, their support, and what to know.

Numbers do not say what they mean.  Whole numbers may count, rank or name; what is decided is only
which families may compete.  Whatever was left out or assumed is put into words.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.data.errors import DataError

SUPPORTS = (
    "binary", "categorical", "ordinal", "count", "real",
    "positive", "proportion", "angle", "censored", "simplex",
)  # fmt: skip
FEWEST = 10  # targets, below which nothing can be compared
MOST_LEVELS = 20  # distinct numbers that may be classes, each seen ten times on the average


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


def of_classes(
    codes: np.ndarray,
    kept: np.ndarray,
    kind: str,
    counts: np.ndarray,
    names: tuple[str, ...],
    notes: tuple[str, ...],
    what: str,
) -> Targets:
    """Classes by their numbers 0..K−1, with how often each occurs and what it stands for."""
    if kind == "binary" and len(names) != 2:
        raise DataError(f"targets: expected two classes, got {len(names)}; leave support out.")
    once = int(np.sum(counts == 1))
    if once:
        notes += (f"{once} of {len(names)} classes occur once: nothing is known of them held out.",)
    if kind == "binary":
        notes += (f"Class 0 is {_on_a_line(names[0])}, class 1 is {_on_a_line(names[1])}.",)
    shown = ", ".join(map(_on_a_line, names[:5])) + (", ..." if len(names) > 5 else "")
    sentence = f"{what} of {len(names)} classes ({shown})"
    return Targets(codes, kept, kind, np.arange(float(len(names))), counts, names, sentence, notes)


def _on_a_line(name: str) -> str:
    return " ".join(name.split())


def refuse_constant(levels: Any, n: int) -> None:
    """Raise if there is one level only."""
    if len(levels) == 1:
        raise DataError(
            f"targets: all {n} are {levels[0]!s}; a constant needs no model, and no likelihood "
            "has a maximum there."
        )
