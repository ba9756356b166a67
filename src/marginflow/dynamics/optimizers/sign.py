"""Methods whose steps are signs: sign descent, Signum, Lion."""

from typing import Any

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.objective import Gradient
from marginflow.dynamics.optimizers.log_scaled import LogScaled, at_common_scale, nothing
from marginflow.dynamics.optimizers.optimizer import Optimizer
from marginflow.dynamics.optimizers.schedules import LearningRate, as_rate, rate_at
from marginflow.dynamics.optimizers.settings import fraction, nonnegative
from marginflow.dynamics.optimizers.steepest import SteepestDescent


class SignDescent(SteepestDescent):
    """Sign descent, W⁺ = W − η sign(∇L(W)): steepest descent in the max-norm.

    It maximizes the margin in the largest entry's absolute value, at log t/√t for η_t = c/√t (Fan,
    Schmidt & Thrampoulidis 2025, arXiv 2502.04664).

    Args:
        learning_rate: η > 0, or a schedule.
        normalized: if not, a step is η ‖∇L‖₁ sign(∇L).

    Example:
        >>> import marginflow as mf
        >>> mf.SignDescent(0.1).norm.name
        'max'
    """

    def __init__(self, learning_rate: LearningRate, *, normalized: bool = True):
        super().__init__("max", learning_rate, normalized=normalized)


class Signum(SteepestDescent):
    """Sign descent on a memory of gradients: M⁺ = β M + ∇L(W), W⁺ = W − η sign(M⁺).

    The usual average (1 − β)∇L + β M has the same signs.  Its limit is that of sign descent (Fan,
    Schmidt & Thrampoulidis 2025, arXiv 2502.04664).

    Args:
        learning_rate: η > 0, or a schedule.
        momentum: β in [0, 1).

    Example:
        >>> import marginflow as mf
        >>> mf.Signum(0.1).identity()["momentum"]
        0.9
    """

    def __init__(self, learning_rate: LearningRate, momentum: float | int = 0.9):
        super().__init__("max", learning_rate, momentum=momentum)


class Lion(Optimizer):
    """Lion: W⁺ = W − η (sign(b₁ M + (1 − b₁) ∇L) + λ W), M⁺ = b₂ M + (1 − b₂) ∇L.

    Without weight decay its limit is that of sign descent; with it the weights stay bounded, by
    1/λ in the max-norm (Chen et al. 2023, arXiv 2302.06675, program 1).

    Args:
        learning_rate: η > 0, or a schedule.
        b1: of the step, in [0, 1).
        b2: of the memory, in [0, 1).
        weight_decay: λ ≥ 0.

    Example:
        >>> import marginflow as mf
        >>> mf.Lion(1e-3, weight_decay=0.1).identity()["b2"]
        0.99
    """

    learning_rate: Any
    b1: AnyArray
    b2: AnyArray
    weight_decay: AnyArray

    def __init__(
        self,
        learning_rate: LearningRate,
        b1: float | int = 0.9,
        b2: float | int = 0.99,
        weight_decay: float | int = 0.0,
    ):
        self.learning_rate = as_rate(learning_rate)
        self.b1, self.b2 = fraction("b1", b1), fraction("b2", b2)
        self.weight_decay = nonnegative("weight_decay", weight_decay)

    @property
    def scale_free(self) -> bool:
        return True

    def init(self, params: Any) -> LogScaled:
        return nothing(params)

    def step(
        self, index: AnyArray, gradient: Gradient, memory: LogScaled, params: Any
    ) -> tuple[Any, LogScaled]:
        rate, b1, b2 = rate_at(self.learning_rate, index), self.b1, self.b2
        past, now, log_scale = at_common_scale(memory, gradient)
        signs = jax.tree.map(lambda m, g: jnp.sign(b1 * m + (1 - b1) * g), past, now)
        kept = jax.tree.map(lambda m, g: b2 * m + (1 - b2) * g, past, now)
        after = jax.tree.map(lambda w, s: w - rate * (s + self.weight_decay * w), params, signs)
        return after, LogScaled(kept, log_scale)
