"""Branch and bound: a statement holds on a cube if enclosures show it on every part of a split.

Boxes on which an enclosure decides are done; others are halved across their longest side, until
none is left, a point is found at which the statement is false, or the time is over.  Only the first
of these is a proof.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from marginflow.theory.proof.enclosure import Boxes
from marginflow.theory.proof.intervals import Interval

# Encloses on each box what has to be positive.
Score = Callable[[Boxes], Interval]
BATCH = 4096
PENDING = 1_000_000
# A box this small that is not decided will not be: a bound is touched there.
SMALLEST = 2.0**-40
PROBES = 4


class Outcome(NamedTuple):
    """What a search came to.

    Attributes:
        proved: whether every box was decided.
        boxes: how many were looked at.
        witness: coordinates at which the statement is false, or None.
        reason: why it stopped, if it did.
        is_stuck: whether more time would not have helped.
    """

    proved: bool
    boxes: int = 0
    witness: np.ndarray | None = None
    reason: str = ""
    is_stuck: bool = False


def branch_and_bound(
    score: Score,
    lo: np.ndarray,
    hi: np.ndarray,
    deadline: float,
    touching: bool = False,
    limit: int = 10**9,
) -> Outcome:
    """Show that a score is positive on a box.

    Args:
        score: encloses what has to be positive.
        lo: (k,), lower ends.
        hi: (k,), upper ends.
        deadline: of `time.monotonic`.
        touching: whether zero will do.
        limit: of boxes.
    """
    lows, highs, looked_at = lo[None], hi[None], 0
    while len(lows):
        if time.monotonic() > deadline:
            return Outcome(False, looked_at, None, f"{len(lows)} boxes were left when time was up")
        if looked_at > limit or len(lows) > PENDING:
            return Outcome(False, looked_at, None, f"{len(lows)} boxes were left undecided")
        low, high = lows[-BATCH:], highs[-BATCH:]
        lows, highs = lows[:-BATCH], highs[:-BATCH]
        found = score(Boxes(low, high)).lo
        looked_at += len(low)
        left = ~(found >= 0) if touching else ~(found > 0)
        if not left.any():
            continue
        low, high, found = low[left], high[left], found[left]
        witness = _witness(score, low, high, found, touching)
        if witness is not None:
            return Outcome(False, looked_at, witness, "a counterexample")
        if (high - low).max(axis=1).min() < SMALLEST:
            at = int((high - low).max(axis=1).argmin())
            words = ", ".join(f"{entry:.3g}" for entry in high[at])
            return Outcome(False, looked_at, None, f"it stayed open near ({words})", True)
        low, high = _halved(low, high)
        lows, highs = np.concatenate([lows, low]), np.concatenate([highs, high])
    return Outcome(True, looked_at)


def _halved(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both halves of each box, across its longest side."""
    rows = np.arange(len(low))
    across = (high - low).argmax(axis=1)
    a, b = low[rows, across], high[rows, across]
    # far from zero boxes shrink evenly, near it by equal ratios
    middle = np.where((a > 0) & (b > 8 * a), np.sqrt(a) * np.sqrt(b), a + (b - a) / 2)
    below, above = high.copy(), low.copy()
    below[rows, across] = above[rows, across] = middle
    return np.concatenate([low, above]), np.concatenate([below, high])


def _witness(
    score: Score, low: np.ndarray, high: np.ndarray, found: np.ndarray, touching: bool
) -> np.ndarray | None:
    """A middle of one of the worst boxes at which the score is negative."""
    worst = np.argsort(found)[:PROBES]
    middle = low[worst] + (high[worst] - low[worst]) / 2
    above = score(Boxes(middle, middle)).hi
    bad = above < 0 if touching else above <= 0
    return middle[int(np.argmax(bad))] if bad.any() else None
