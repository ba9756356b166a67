"""Samples of several classes in the plane, and the rectangle that a picture of them shows."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from marginflow.figures.style import COLORS, MARKERS

FILL = 0.24  # how much of a class's color its region has
MARGIN = 0.12  # of the data's extent, around them


def class_points(
    ax: Axes, points: Float[np.ndarray, "n 2"], labels: np.ndarray, names: Sequence[str]
) -> None:
    """Draw samples by class, with a color and a marker of its own for each.

    Args:
        ax: draws here.
        points: of two features.
        labels: from 0 to K − 1.
        names: of the K classes.
    """
    for k, name in enumerate(names):
        ax.plot(
            *points[labels == k].T,
            ls="none",
            marker=MARKERS[k % len(MARKERS)],
            color=COLORS[k % len(COLORS)],
            mec="white",
            mew=0.7,
            ms=7,
            label=f"class {name}",
        )


def box_around(points: Float[np.ndarray, "n 2"]) -> tuple[float, float, float, float]:
    """A rectangle around points, left, right, bottom, top, not narrower than half of its length."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = (high - low) / 2
    half = np.maximum(half, 0.5 * half.max()) * (1 + 2 * MARGIN)
    half = np.where(half > 0, half, 1.0)
    middle = (low + high) / 2
    (left, bottom), (right, top) = middle - half, middle + half
    return float(left), float(right), float(bottom), float(top)
