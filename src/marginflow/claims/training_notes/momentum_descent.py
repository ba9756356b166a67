"""Descent with momentum, step by step, and what it is compared with.

Under a constant slope momentum β moves η/(1 − β) a step, ten times η for β = 0.9.  So a comparison
at equal η compares a long step with a short one, and says little of momentum; one at equal η/(1 −
β) says what momentum does beside that.  The claims on momentum judge both.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

RATE, REACH = "η", "η/(1 − β)"

Slope = Callable[[int, np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Momentum against plain descent.

    Attributes:
        equal: what both have in common, "η" or "η/(1 − β)".
        momentum: β.
    """

    equal: str = RATE
    momentum: float = 0.9

    def methods(self, reach: float) -> dict[str, tuple[float, float]]:
        """Learning rate and momentum of both, where momentum has η/(1 − β) = `reach`."""
        rate = reach * (1.0 - self.momentum)
        plain = {RATE: rate, REACH: reach}[self.equal]
        return {"momentum": (rate, self.momentum), "plain": (plain, 0.0)}


def iterates(
    slope: Slope, start: np.ndarray, rate: float | np.ndarray, momentum: float, steps: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Weights and the step that led to them, of w⁺ = w + v⁺, v⁺ = β v − η g.

    Args:
        slope: g, of the number of the step, from 0, and the weights.
        start: the first weights, of any shape.
        rate: η, or one for each entry.
        momentum: β.
        steps: how many.
    """
    weights, step = start, np.zeros_like(start)
    for index in range(steps):
        step = momentum * step - rate * slope(index, weights)
        weights = weights + step
        yield weights, step


def last(path: Iterator[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The last weights and the step that led to them."""
    return deque(path, maxlen=1).pop()
