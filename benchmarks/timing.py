"""Timing two sides of a comparison in turn, so that a machine's drift meets both alike."""

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Timing(NamedTuple):
    """Seconds of the two sides, and the ratio theirs/ours, each the median over the rounds."""

    ours: float
    theirs: float
    ratio: float


def in_turn(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int = 7) -> Timing:
    """Time both sides `rounds` times, one after the other, after a first call of each."""
    ours(), theirs()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(rounds)]
    return Timing(
        statistics.median(pair[0] for pair in pairs),
        statistics.median(pair[1] for pair in pairs),
        statistics.median(pair[1] / pair[0] for pair in pairs),
    )


def seconds(function: Callable[[], Any], rounds: int = 3) -> float:
    """The median time of one side, after a first call."""
    function()
    return statistics.median(_seconds(function) for _ in range(rounds))


def _seconds(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
