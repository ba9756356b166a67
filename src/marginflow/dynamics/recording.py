"""Recording schedules: which steps of a run are looked at.

A schedule is a value that is passed to a verb.  It answers one question, which recorded steps come
after a given one, so that a run of 10¹² steps needs no list of them; and it does not depend on
where the run ends but for the last step, so that a run continued to more steps has the records of
one that was never interrupted.

    log_spaced(50)      0, 1, 2, ..., about 50 steps in each decade, and the last step
    every(100)          0, 100, 200, ..., and the last step
    [0, 10, 1000]       these steps, and the last step
"""

import functools
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64


class Schedule(ABC):
    """Which steps are recorded, as a frozen value.  The last step always is."""

    @abstractmethod
    def after(self, step: int, below: int, limit: int) -> Int64[np.ndarray, " m"]:
        """The first `limit` steps of the schedule after `step` and below `below`, ascending."""

    def following(self, step: int, steps: int, limit: int) -> Int64[np.ndarray, " m"]:
        """The first `limit` recorded steps after `step` in a run of `steps` steps, ascending.

        `step` is −1 to include step 0.
        """
        found = self.after(step, steps, limit)
        return np.append(found, steps) if len(found) < limit and step < steps else found


@dataclass(frozen=True)
class LogSpaced(Schedule):
    """Step 0, about `per_decade` steps in each decade, and the last step."""

    per_decade: int

    def after(self, step: int, below: int, limit: int) -> Int64[np.ndarray, " m"]:
        grid = _log_grid(self.per_decade)
        first, end = np.searchsorted(grid, [step + 1, below])
        return grid[first : min(end, first + limit)]


@dataclass(frozen=True)
class Every(Schedule):
    """Every `interval`-th step from 0 on, and the last step."""

    interval: int

    def after(self, step: int, below: int, limit: int) -> Int64[np.ndarray, " m"]:
        first = (step // self.interval + 1) * self.interval
        end = min(below, first + limit * self.interval)
        return np.arange(first, end, self.interval, dtype=np.int64)


@dataclass(frozen=True)
class AtSteps(Schedule):
    """The steps that were named, and the last step."""

    named: tuple[int, ...]

    def after(self, step: int, below: int, limit: int) -> Int64[np.ndarray, " m"]:
        named = np.array(self.named, dtype=np.int64)
        return named[(named > step) & (named < below)][:limit]


def log_spaced(per_decade: int = 50) -> LogSpaced:
    """Record step 0, about `per_decade` steps in each decade, and the last step.

    Args:
        per_decade: at least 1.  The steps are 10^(j/per_decade) for j = 0, 1, ..., rounded to whole
            numbers, each once.

    Raises:
        ValueError: if `per_decade` is below 1.

    Example:
        >>> import marginflow as mf
        >>> mf.log_spaced(3).following(-1, steps=60, limit=100).tolist()
        [0, 1, 2, 5, 10, 22, 46, 60]
    """
    return LogSpaced(_positive("log_spaced: per_decade", per_decade))


def every(interval: int) -> Every:
    """Record every `interval`-th step from 0 on, and the last step.

    Args:
        interval: at least 1.

    Raises:
        ValueError: if `interval` is below 1.

    Example:
        >>> import marginflow as mf
        >>> mf.every(4).following(-1, steps=10, limit=100).tolist()
        [0, 4, 8, 10]
    """
    return Every(_positive("every: interval", interval))


def as_schedule(record: Any, steps: int) -> Schedule:
    """A schedule as it is, or the named steps as one, checked against the length of the run."""
    if isinstance(record, Schedule):
        return record
    if isinstance(record, str) or not isinstance(record, Iterable):
        raise TypeError(
            "record: expected log_spaced(...), every(...) or a sequence of steps, got "
            f"{type(record).__name__}."
        )
    try:
        named = sorted({operator.index(step) for step in record})
    except TypeError as error:
        raise TypeError(f"record: expected whole numbers of steps; {error}.") from None
    for step in named:
        if not 0 <= step <= steps:
            raise ValueError(
                f"record: expected steps from 0 to steps = {steps}, got {step}; ask for more steps "
                "or leave it out."
            )
    return AtSteps(tuple(named))


@functools.lru_cache(maxsize=16)
def _log_grid(per_decade: int) -> Int64[np.ndarray, " m"]:
    exponents = np.arange(int(18.9 * per_decade) + 1) / per_decade
    grid = np.unique(np.append(np.rint(10.0**exponents).astype(np.int64), 0))
    grid.setflags(write=False)
    return grid


def _positive(name: str, value: int) -> int:
    number = operator.index(value)
    if number < 1:
        raise ValueError(f"{name}: expected at least 1, got {value}.")
    return number
