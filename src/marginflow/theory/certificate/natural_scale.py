"""The units in which a template looks alike whatever it is multiplied by.

Along equal margins t the slopes of a template fall.  Where they have fallen by e is its center, and
how far on they have fallen by e once more is its length: 1/a for a tail e^(−a u), some share of the
margin at which a hinge ends for pieces.  Both are measured, and rounded to powers of two so that
counting in them rounds nothing.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from marginflow.theory.certificate.template_view import View

# Distances that are tried first.
_DISTANCES = 2.0 ** np.arange(-44.0, 45.0)
# A slope below e to this is too near to underflow to measure from.
_LEAST_LOG = -500.0
# A center nearer to zero than so many lengths is taken to be zero.
_NEAR = 16.0
# A fall within this share of the center is a jump, and no length.
_JUMP = 1e-6


class Scale(NamedTuple):
    """Margins u = center + length·x, values ψ = unit·φ.

    Attributes:
        center: of margins, in the user's units.
        length: of margins, a power of two.
        unit: of values, a power of two.
    """

    center: float
    length: float
    unit: float

    @property
    def log_slope(self) -> float:
        """The logarithm of the unit of slopes."""
        return math.log(self.unit) - math.log(self.length)

    @property
    def curvature(self) -> float:
        """The unit of second derivatives."""
        return self.unit / self.length**2

    def margins(self, points: np.ndarray) -> np.ndarray:
        """Points in the user's units."""
        return self.center + self.length * points

    def margin(self, level: float) -> float:
        """One margin in the user's units."""
        return self.center + self.length * level

    def about_zero(self) -> "Scale":
        """The same length, or a longer one from which the center can be seen."""
        far = abs(self.center) / _NEAR
        if far <= self.length:
            return self._replace(center=0.0)
        length = _power_of_two(far)
        return Scale(0.0, length, self.unit * length / self.length)


AS_GIVEN = Scale(0.0, 1.0, 1.0)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def natural_scale(view: "View") -> Scale:
    """Center, length and unit of a template; as given where its slopes do not fall.

    Args:
        view: in the user's units.
    """
    start = _start(view)
    if start is None:
        return AS_GIVEN
    at, height = start
    first = _fallen(view, at, height - 1)
    if first is None:
        return Scale(0.0, 1.0, _power_of_two(math.exp(height)))
    second = _fallen(view, at, height - 2)
    length = math.inf if second is None else second - first
    if not _JUMP * abs(first - at) < length < math.inf:
        length = abs(first) or abs(first - at)
    length = _power_of_two(length)
    center = first if abs(first) > _NEAR * length else 0.0
    if center:  # whole lengths, which floats count exactly
        center = length * round(center / length)
    return Scale(center, length, _power_of_two(math.exp(height) * length))


def _start(view: "View") -> tuple[float, float] | None:
    """The equal margins nearest below zero at which slopes can be measured, and their logarithm."""
    levels = np.concatenate([[0.0], -_DISTANCES])
    heights = _heights(view, levels)
    usable = np.flatnonzero((heights > _LEAST_LOG) & (heights < -_LEAST_LOG))
    if not len(usable):
        usable = np.flatnonzero(np.isfinite(heights))
    if not len(usable):
        return None
    return float(levels[usable[0]]), float(heights[usable[0]])


def _fallen(view: "View", start: float, height: float) -> float | None:
    """The first equal margins behind `start` at which slopes have fallen to a height."""
    far = np.flatnonzero(_heights(view, start + _DISTANCES) <= height)
    if not len(far):
        return None
    near, end = _DISTANCES[far[0] - 1] if far[0] else 0.0, _DISTANCES[far[0]]
    for _ in range(8):
        between = np.linspace(near, end, 65)
        at = int(np.argmax(np.append(_heights(view, start + between[1:-1]) <= height, True)))
        near, end = between[at], between[at + 1]
    return float(start + end)


def _heights(view: "View", levels: np.ndarray) -> np.ndarray:
    """Mean logarithms of the slopes at equal margins; −∞ for zeros, NaN for what is lost."""
    found = view.evaluate(np.repeat(levels[:, None], view.n_margins, axis=1))
    with np.errstate(invalid="ignore"):
        logs = np.where(found.sign == 0, -np.inf, found.log_abs)
        return logs.mean(axis=1)


def _power_of_two(value: float) -> float:
    return 2.0 ** round(math.log2(value)) if 0 < value < math.inf else 1.0
