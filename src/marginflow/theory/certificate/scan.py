"""Fine scans along lines: dents, kinks and flat pieces that no cloud of random points comes upon.

Along equal margins, along one margin while the others are at the center, and along one while the
others are far above, a template is looked at four times a length out to a hundred lengths, and at
every hundredth of the distance out to a thousand.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from marginflow.theory.certificate.search import clipped
from marginflow.theory.certificate.template_view import Evaluation, View

Part = Callable[[Evaluation], np.ndarray]
# Levels of a scan: they meet no round number, where templates are often pieced together.
STEP, FINE, FARTHEST = 0.25, 100.0, 1e3
_OFFSET = 0.0371
# A share of the slopes that is less than what rounding may do.
ROUNDING = 64 * float(np.finfo(float).eps)
# What stands for the margins that are far above.
_ABOVE = 40.0


def _slopes(found: Evaluation) -> np.ndarray:
    return found.slope


@cache
def levels() -> np.ndarray:
    """Along a line, in lengths."""
    near = np.arange(-FINE, FINE, STEP) + _OFFSET
    far = FINE * np.exp(np.arange(1, 1 + int(100 * np.log(FARTHEST / FINE))) / 100)
    return np.concatenate([-far[::-1], near, far])


def scan(view: View) -> list[np.ndarray]:
    """Points (m, k) along each line, as far as derivatives can be trusted."""
    k, along = view.n_margins, levels()[:, None]
    lines = [np.repeat(along, k, axis=1)]
    if k > 1:
        first = np.eye(k)[0]
        lines += [along * first, along * first + _ABOVE * (1 - first)]
    low, high = view.reach
    return [line[(line >= low).all(axis=1) & (line <= high).all(axis=1)] for line in lines]


def steps(view: View) -> tuple[np.ndarray, np.ndarray]:
    """The ends of all intervals between neighbors of a scan."""
    lines = [line for line in scan(view) if len(line) > 1]
    if not lines:
        return np.zeros((0, view.n_margins)), np.zeros((0, view.n_margins))
    return np.concatenate([line[:-1] for line in lines]), np.concatenate(
        [line[1:] for line in lines]
    )


def noise(view: View, points: np.ndarray, step: np.ndarray, part: Part = _slopes) -> np.ndarray:
    """By how much slopes differ between floats that are all but the same, (m,).

    A template that cancels, as 1 − e^(−S), has slopes that are mostly rounding far out; what they
    do there says nothing of it.

    Args:
        view: of the template.
        points: (m, k).
        step: (m, k), from each point to the first of those that it is compared with.
        part: what is compared, (m, n).
    """
    here, worst = part(view.evaluate(points)), np.zeros(len(points))
    for count in range(1, 5):
        moved = clipped(view, points + count * step)
        with np.errstate(invalid="ignore"):
            apart = np.abs(part(view.evaluate(moved)) - here).max(axis=1)
        worst = np.maximum(worst, np.nan_to_num(apart, nan=np.inf))
    return worst


def rounding(view: View, points: np.ndarray) -> np.ndarray:
    """What slopes and second derivatives are to be trusted to, (m,), in the view's units.

    A template in which 1 − p is a term has curvature that is mostly rounding where p is nearly 1,
    and that falls in steps.  So a share of the largest slope there is taken, or of 1, the slope
    that a view counts in.
    """
    slope = np.abs(view.evaluate(points).slope).max(axis=1)
    return ROUNDING * np.maximum(np.where(np.isfinite(slope), slope, np.inf), 1.0)
