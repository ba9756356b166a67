"""Normalized gradient descent with momentum from the dual."""

from typing import Any

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.objective import Gradient
from marginflow.dynamics.optimizers.optimizer import Optimizer
from marginflow.dynamics.optimizers.schedules import LearningRate, as_rate, rate_at


class DualMomentum(Optimizer):
    """Normalized gradient descent with the momentum of an accelerated method on the dual.

    Let h_t be the gradient at W_t over the sum of all pulls |∂ψ/∂u|, which for the exponential loss
    is ∇L/L.  Then G_t = ((t − 1)/t) (G_(t−1) + h_t), with G_0 = 0, and
    W_(t+1) = W_t − η (G_t + h_t).  With η = 1/max ‖a‖², a the gradient of a relative margin, it
    maximizes the Frobenius margin at rate 1/t², up to logarithms (Ji, Srebro & Telgarsky 2021,
    arXiv 2107.00595, abstract).  The recursion and its learning rate are their algorithm 1, with
    θ_t = 1 and λ_t = t/(t + 1), and theorem 3.1 as remembered: neither wording nor number could be
    checked against the paper.

    Args:
        learning_rate: η > 0, or a schedule.

    Example:
        >>> import marginflow as mf
        >>> rate = mf.recommended_rate(mf.soudry_toy()) ** 2
        >>> mf.DualMomentum(rate).scale_free
        True
    """

    learning_rate: Any

    def __init__(self, learning_rate: LearningRate):
        self.learning_rate = as_rate(learning_rate)

    @property
    def scale_free(self) -> bool:
        return True

    @property
    def steady(self) -> bool:
        return False

    def init(self, params: Any) -> Any:
        return jax.tree.map(jnp.zeros_like, params)

    def step(
        self, index: AnyArray, gradient: Gradient, memory: Any, params: Any
    ) -> tuple[Any, Any]:
        rate, now = rate_at(self.learning_rate, index), gradient.over_pull()
        share = jnp.where(index > 0, (index - 1.0) / jnp.maximum(index, 1), 0.0)
        kept = jax.tree.map(lambda m, h: share * (m + h), memory, now)
        after = jax.tree.map(lambda w, m, h: w - rate * (m + h), params, kept, now)
        return after, kept
