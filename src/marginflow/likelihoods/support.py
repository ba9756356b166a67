"""What the targets of a likelihood are: a sentence, and a check that names what does not fit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.core import Tracer
from numpy.typing import ArrayLike

Numbers: TypeAlias = ArrayLike | float | int


@dataclass(frozen=True)
class Support:
    """Where the targets of a likelihood live.

    Attributes:
        name: one word, as `count`.
        sentence: what a target is, to be read after "expected".
        n_columns: how many numbers make one target; 0 where it is a number without an axis.
        holds: which entries of a NumPy array of targets fit.
        discrete: whether a target's loss is that of a probability, not of a density.
        open_ends: the ends of an interval that do not belong to it; None where there are none.

    Example:
        >>> import marginflow as mf
        >>> mf.get_likelihood("poisson").support.sentence
        'whole numbers >= 0'
    """

    name: str
    sentence: str
    holds: Callable[[np.ndarray], Any]
    n_columns: int = 0
    discrete: bool = False
    open_ends: tuple[float, float] | None = None

    def inside(self, draws: np.ndarray) -> np.ndarray:
        """Draws that rounding has put on an open end, moved to the number next to it."""
        if self.open_ends is None:
            return draws
        low, high = np.array(self.open_ends, draws.dtype)
        # next to zero is the least normal number: compiled code takes smaller ones for zero
        least = np.finfo(draws.dtype).tiny if low == 0 else np.nextafter(low, high)
        return np.clip(draws, least, np.nextafter(high, low))

    def check(self, targets: Numbers) -> Any:
        """The targets as an array; the values of traced ones cannot be checked.

        Raises:
            ValueError: if a target lies outside, with the first of them.
        """
        array = targets if isinstance(targets, jax.Array) else np.asarray(targets)
        if array.dtype.kind not in "iufb" and array.dtype.name != "bfloat16":
            raise ValueError(f"targets: expected {self.sentence}, got dtype {array.dtype}.")
        if self.n_columns and (array.ndim == 0 or array.shape[-1] != self.n_columns):
            raise ValueError(
                f"targets: expected {self.sentence}, in an array (..., {self.n_columns}); "
                f"got shape {array.shape}."
            )
        if isinstance(array, Tracer):
            return array
        values = np.asarray(array)
        wrong = ~self.holds(values.astype(np.float64))
        if np.any(wrong):
            first = values[tuple(np.argwhere(wrong)[0])]
            raise ValueError(f"targets: expected {self.sentence}, got {first}.")
        self._refuse_subnormal(values)
        return array

    def _refuse_subnormal(self, values: np.ndarray) -> None:
        """Raise on what is so near to an open end at zero that compiled code takes it for zero."""
        if self.open_ends is None or self.open_ends[0] != 0 or values.dtype.kind != "f":
            return
        least = np.finfo(values.dtype).tiny
        lost = (values > 0) & (values < least)
        if np.any(lost):
            raise ValueError(
                f"targets: expected {self.sentence}, none below {least:.3g}, which compiled code "
                f"takes for 0; got {values[lost][0]}.  Measure in another unit."
            )


def _whole(y: np.ndarray) -> Any:
    return np.isfinite(y) & (y == np.floor(y))


BINARY = Support("binary", "labels 0 or 1", lambda y: (y == 0) | (y == 1), discrete=True)
COUNT = Support("count", "whole numbers >= 0", lambda y: _whole(y) & (y >= 0), discrete=True)
REAL = Support("real", "finite real numbers", np.isfinite)
POSITIVE = Support(
    "positive", "finite numbers > 0", lambda y: np.isfinite(y) & (y > 0), open_ends=(0.0, np.inf)
)
PROPORTION = Support(
    "proportion",
    "numbers between 0 and 1, both excluded",
    lambda y: (y > 0) & (y < 1),
    open_ends=(0.0, 1.0),
)
ANGLE = Support("angle", "finite angles in radians", np.isfinite)


def _censored(y: np.ndarray) -> Any:
    time, event = y[..., 0], y[..., 1]
    return np.isfinite(time) & (time > 0) & ((event == 0) | (event == 1))


CENSORED = Support(
    "censored",
    "pairs (time > 0, event), event 1 where the time was seen and 0 where it was censored",
    _censored,
    n_columns=2,
    open_ends=(0.0, np.inf),
)


def classes(name: str, n_classes: int) -> Support:
    """Labels 0..K−1; `name` says whether their order counts."""
    return Support(
        name,
        f"labels in 0..{n_classes - 1}",
        lambda y: _whole(y) & (y >= 0) & (y < n_classes),
        discrete=True,
    )


def simplex(n_classes: int) -> Support:
    """Rows of K positive shares that sum to one, up to rounding in single precision."""

    def holds(y: np.ndarray) -> Any:
        rounding = n_classes * np.finfo(np.float32).eps
        return np.all(y > 0, axis=-1) & (np.abs(np.sum(y, axis=-1) - 1) <= rounding)

    return Support(
        "simplex",
        f"rows of {n_classes} shares > 0 that sum to 1",
        holds,
        n_columns=n_classes,
        open_ends=(0.0, 1.0),
    )
