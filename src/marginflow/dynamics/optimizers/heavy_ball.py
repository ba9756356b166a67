"""Gradient descent, and its two accelerations: Polyak's heavy ball and Nesterov's."""

from typing import Any

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.objective import Gradient
from marginflow.dynamics.optimizers.optimizer import Optimizer
from marginflow.dynamics.optimizers.schedules import LearningRate, as_rate, rate_at
from marginflow.dynamics.optimizers.settings import fraction


class HeavyBall(Optimizer):
    """Gradient descent, with Polyak's momentum if there is any.

    W⁺ = W − η ∇L(W) + β (W − W₋), which is momentum as in PyTorch, without dampening.  The memory
    is the last step W − W₋, or nothing if β = 0: carried by itself, it does not feed the rounding
    of W back into the next step.  On an exponential tail it maximizes the Frobenius margin, at
    rate 1/log t (Soudry et al. 2018, arXiv 1710.10345).

    Under a schedule the momentum is that of the gradients, V⁺ = β V + ∇L(W), W⁺ = W − η_t V⁺.

    Args:
        learning_rate: η > 0, or a schedule.
        momentum: β in [0, 1).

    Raises:
        ValueError: if either is out of range.

    Example:
        >>> import marginflow as mf
        >>> optimizer = mf.HeavyBall(0.1, momentum=0.9)
        >>> mf.train(mf.soudry_toy(), "cross-entropy", optimizer, steps=100).weights.shape
        (2,)
    """

    learning_rate: Any
    momentum: AnyArray | None

    def __init__(self, learning_rate: LearningRate, momentum: float | int = 0.0):
        self.learning_rate = as_rate(learning_rate)
        self.momentum = fraction("momentum", momentum) if momentum else None

    def init(self, params: Any) -> Any:
        return None if self.momentum is None else jax.tree.map(jnp.zeros_like, params)

    def step(
        self, index: AnyArray, gradient: Gradient, memory: Any, params: Any
    ) -> tuple[Any, Any]:
        rate, momentum = rate_at(self.learning_rate, index), self.momentum
        value = gradient.value()
        if momentum is None:
            return jax.tree.map(lambda w, g: w - rate * g, params, value), None
        if callable(self.learning_rate):
            pull = jax.tree.map(lambda v, g: momentum * v + g, memory, value)
            return jax.tree.map(lambda w, v: w - rate * v, params, pull), pull
        velocity = jax.tree.map(lambda v, g: momentum * v - rate * g, memory, value)
        return jax.tree.map(jnp.add, params, velocity), velocity


class Nesterov(Optimizer):
    """Gradient descent with Nesterov's momentum, as PyTorch's and optax's SGD have it.

    V⁺ = β V + ∇L(W), W⁺ = W − η (∇L(W) + β V⁺); the weights are those at which the gradient is
    taken.  Its limit is that of gradient descent.

    Args:
        learning_rate: η > 0, or a schedule.
        momentum: β in [0, 1).

    Raises:
        ValueError: if either is out of range.

    Example:
        >>> import marginflow as mf
        >>> mf.Nesterov(0.1).identity()["momentum"]
        0.9
    """

    learning_rate: Any
    momentum: AnyArray

    def __init__(self, learning_rate: LearningRate, momentum: float | int = 0.9):
        self.learning_rate = as_rate(learning_rate)
        self.momentum = fraction("momentum", momentum)

    def init(self, params: Any) -> Any:
        return jax.tree.map(jnp.zeros_like, params)

    def step(
        self, index: AnyArray, gradient: Gradient, memory: Any, params: Any
    ) -> tuple[Any, Any]:
        rate, momentum, value = rate_at(self.learning_rate, index), self.momentum, gradient.value()
        pull = jax.tree.map(lambda v, g: momentum * v + g, memory, value)
        return (
            jax.tree.map(lambda w, g, v: w - rate * (g + momentum * v), params, value, pull),
            pull,
        )
