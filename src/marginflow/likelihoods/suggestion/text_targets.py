"""Targets that are text: classes, unless they look like something else."""

import re
from typing import Any

import numpy as np
import pandas as pd

from marginflow.data.errors import DataError
from marginflow.likelihoods.suggestion.targets import (
    MOST_LEVELS,
    Targets,
    of_classes,
    refuse_constant,
)

DATE = re.compile(
    r"(\d{4}([./-])\d{1,2}\2\d{1,2}|\d{1,2}([./-])\d{1,2}\3\d{4})([T ].*)?|\d{1,2}:\d\d(:\d\d.*)?"
)


def text_targets(
    codes: np.ndarray,
    classes: pd.Index,
    kept: np.ndarray,
    notes: tuple[str, ...],
    support: str | None,
) -> Targets:
    """Text as classes.

    Args:
        codes: (n,) the number of each row's text among `classes`.
        classes: the texts, each of which occurs.
        kept: which of the given rows these are.
        notes: what is known already.
        support: a name, or None to find it.
    """
    n, found = len(codes), len(classes)
    refuse_constant([repr(str(name)) for name in classes], n)
    unread = np.array([_number(name) is None for name in classes])
    numeric = float(np.mean(~unread))
    if 0.5 <= numeric < 1 and found > 2:
        odd = [str(name) for name in classes[unread][:3]]
        raise DataError(
            f"targets: most are numbers, but there is text as {', '.join(map(repr, odd))}; mend "
            "these cells or leave them empty."
        )
    if support is None and DATE.fullmatch(str(classes[0])):
        raise DataError(
            f"targets: texts as {str(classes[0])!r} look like dates or times; pass a duration, as "
            "the days since the first, or support='categorical'."
        )
    if support is None and found > MOST_LEVELS and np.mean([_dressed(c) for c in classes]) > 0.5:
        raise DataError(
            f"targets: texts as {str(classes[0])!r} look like numbers; write them without signs, "
            "units and commas."
        )
    if support is None and found > n // 2:
        raise DataError(
            f"targets: {found} different texts in {n} rows look like names or ids, not like "
            "classes; pass another column, or support='categorical'."
        )
    allowed = ("binary", "categorical", "ordinal")
    if support not in (None, *allowed):
        raise DataError(f"targets: expected numbers for support {support!r}, got text.")
    if numeric == 1:
        notes += ("The texts read as numbers; convert them if they are quantities or counts.",)
    counts = np.bincount(codes, minlength=found)
    names = tuple(str(name) for name in classes)
    kind = support or ("binary" if found == 2 else "categorical")
    return of_classes(codes.astype(np.float64), kept, kind, counts, names, notes, "text")


def _dressed(text: Any) -> bool:
    """Whether a text is a number but for commas, signs of money and the like."""
    bare = re.sub(r"[\s,'%$€£¥]", "", str(text))
    return _number(text) is None and _number(bare) is not None


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
