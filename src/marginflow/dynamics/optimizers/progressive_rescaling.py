"""Progressive norm rescaling: normalized steps in a ball whose radius grows geometrically."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.objective import Gradient, tree_norm
from marginflow.dynamics.optimizers.optimizer import Optimizer
from marginflow.dynamics.optimizers.schedules import LearningRate, as_rate, rate_at
from marginflow.dynamics.optimizers.settings import above_one, whole


class PRGD(Optimizer):
    """Progressive rescaling gradient descent.

    After `warmup` steps of W⁺ = W − η h, with h the gradient over the sum of all pulls (∇L/L for
    the exponential loss), the weights have norm R₀.  Then, in turn: one step that rescales W to
    norm R_k = R₀ growth^k, and `period` − 1 steps W⁺ = Proj(W − η h) onto the ball of radius R_k.
    It maximizes the Frobenius margin at an exponential rate under conditions on the data (Wang,
    Min & Wu 2024, arXiv 2311.14387, abstract).  The steps are their algorithm as remembered, which
    could not be checked against the paper.

    Where the pull of the rescaled weights toward the best direction is too slow for the growth of
    the radius, the direction freezes short of it: then lower `growth` or raise `period`.

    Args:
        learning_rate: η > 0, or a schedule.
        growth: of the radius, above 1.
        period: steps from one rescaling to the next, at least 2.
        warmup: steps before the first, at least 1.

    Raises:
        ValueError: if one is out of range.

    Example:
        >>> import marginflow as mf
        >>> mf.PRGD(1.0, growth=1.1).identity()["growth"]
        1.1
    """

    learning_rate: Any
    growth: AnyArray
    period: int = eqx.field(static=True)
    warmup: int = eqx.field(static=True)

    def __init__(
        self,
        learning_rate: LearningRate,
        growth: float | int = 1.02,
        period: int = 5,
        warmup: int = 100,
    ):
        self.learning_rate = as_rate(learning_rate)
        self.growth = above_one("growth", growth)
        self.period, self.warmup = whole("period", period, 2), whole("warmup", warmup, 1)

    @property
    def scale_free(self) -> bool:
        return True

    @property
    def steady(self) -> bool:
        return False

    def init(self, params: Any) -> AnyArray:
        return jnp.asarray(jnp.inf)

    def step(
        self, index: AnyArray, gradient: Gradient, memory: AnyArray, params: Any
    ) -> tuple[Any, AnyArray]:
        rate, pull = rate_at(self.learning_rate, index), gradient.over_pull()
        rescales = (index >= self.warmup) & ((index - self.warmup) % self.period == 0)
        norm = tree_norm(params)
        radius = jnp.where(
            rescales, self.growth * jnp.where(jnp.isinf(memory), norm, memory), memory
        )
        moved = jax.tree.map(lambda w, g: w - jnp.where(rescales, 0.0, rate) * g, params, pull)
        length = jnp.where(rescales, norm, tree_norm(moved))
        target = jnp.where(rescales, radius, jnp.minimum(length, radius))
        factor = jnp.where(length > 0, target / jnp.where(length > 0, length, 1.0), 1.0)
        return jax.tree.map(lambda w: w * factor, moved), radius
