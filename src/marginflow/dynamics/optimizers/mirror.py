"""Mirror descent with the potential of a p-norm."""

from typing import Any

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.objective import Gradient
from marginflow.dynamics.optimizers.optimizer import Optimizer
from marginflow.dynamics.optimizers.schedules import LearningRate, as_rate, rate_at
from marginflow.dynamics.optimizers.settings import above_one


class MirrorDescent(Optimizer):
    """Mirror descent with potential φ(W) = ‖W‖_p^p/p: ∇φ(W⁺) = ∇φ(W) − η ∇L(W), entry by entry.

    ∇φ(W) = sign(W) |W|^(p−1).  It maximizes the margin in the entrywise p-norm, at 1/log t (Sun,
    Ahn, Thrampoulidis & Azizan 2022, arXiv 2205.12808, theorem 4).  The memory is ∇φ(W), so that
    the rounding of W is not fed back.  p = 2 is gradient descent.

    Args:
        learning_rate: η > 0, or a schedule.
        p: above 1.

    Example:
        >>> import marginflow as mf
        >>> mf.MirrorDescent(0.1, p=1.5).identity()["p"]
        1.5
    """

    learning_rate: Any
    p: AnyArray

    def __init__(self, learning_rate: LearningRate, p: float | int = 3.0):
        self.learning_rate, self.p = as_rate(learning_rate), above_one("p", p)

    def init(self, params: Any) -> Any:
        return jax.tree.map(lambda w: _power(w, self.p - 1), params)

    def step(
        self, index: AnyArray, gradient: Gradient, memory: Any, params: Any
    ) -> tuple[Any, Any]:
        rate = rate_at(self.learning_rate, index)
        dual = jax.tree.map(lambda z, g: z - rate * g, memory, gradient.value())
        return jax.tree.map(lambda z: _power(z, 1 / (self.p - 1)), dual), dual


def _power(entries: AnyArray, exponent: AnyArray) -> AnyArray:
    return jnp.sign(entries) * jnp.abs(entries) ** exponent
