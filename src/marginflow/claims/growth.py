"""What weights grow by in the last decade of steps, against a margin problem's weights.

Where the direction is late by 1/log t, growth is not: for each e-fold of t the weights grow by Ŵ,
up to what the residual still moves.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.claim import Check
from marginflow.claims.descents import descend, growth_share, map_of, shares, steps_of
from marginflow.dynamics import Optimizer, step_bound
from marginflow.losses import CrossEntropy

PER_DECADE = 4
TOLERANCE = 0.03
REASON = (
    "Between 10⁴ and 10⁵ steps the residual still moves, by its approach t^(−min(1, δ, λ)): "
    "hundredths of Ŵ, of which three are granted. In another norm a seventh and more is missing."
)


def weights_of(name: str, optimizers: Sequence[Optimizer], steps: int) -> np.ndarray:
    """The weights (m, r, *shape) at four steps a decade."""
    return descend(name, optimizers, steps_of(steps, PER_DECADE))[0]


def growth_check(label: str, name: str, weights: np.ndarray, norm: str) -> Check:
    """The margin gained in the last decade for each unit of norm, over the best: 1."""
    grown = float(growth_share(name, weights[[-1 - PER_DECADE, -1]], norm))
    return Check(f"margin gained over norm gained and the best: {label}", grown, 1.0, TOLERANCE)


@cache
def bound_of(name: str) -> float:
    """The learning rate below which gradient descent's risk falls."""
    maps = map_of(name)
    bound = step_bound(maps, CrossEntropy(), np.zeros(maps.weights_shape))
    assert bound is not None
    return float(bound.value)


def gap_curve(name: str, weights: np.ndarray, norm: str) -> np.ndarray:
    """What is missing of the best margin along a run."""
    return 1.0 - shares(name, weights, norm)


def draw_gaps(curves: dict[str, np.ndarray], steps: np.ndarray, ax: Any) -> Any:
    """What is missing of the best margins against the steps."""
    for name, gap in curves.items():
        ax.loglog(steps, np.maximum(gap, 1e-16), label=name)
    ax.set(xlabel="steps t", ylabel="1 − margin/best margin")
    ax.legend(fontsize="small")
    return ax
