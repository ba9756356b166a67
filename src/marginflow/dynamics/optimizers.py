"""Optimizers: how a gradient becomes a step.

An optimizer is a pair `init`, `step` over parameters and a state of its own.  Heavy ball is ours,
with gradient descent as its momentum-free case; any optax transformation takes part through
`OptaxOptimizer`.
"""

from abc import abstractmethod
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from marginflow._types import AnyArray
from marginflow.dynamics.identity import nine_digits
from marginflow.dynamics.objective import Gradient


class Optimizer(eqx.Module):
    """A first-order method.

    Attributes:
        scale_free: whether a step depends on the gradient's direction alone; such a method is given
            gradients with their scale taken out, and goes on where the gradient underflows.
    """

    scale_free: ClassVar[bool] = False

    @abstractmethod
    def init(self, params: Any) -> Any:
        """The state before the first step."""

    @abstractmethod
    def step(self, gradient: Gradient, state: Any, params: Any) -> tuple[Any, Any]:
        """The next parameters and the next state."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What tells it from others, for checkpoints: names and numbers, as JSON can hold them."""


class HeavyBall(Optimizer):
    """Gradient descent, with Polyak's momentum if there is any.

    W⁺ = W − η ∇L(W) + β (W − W₋), which is momentum as in PyTorch, without dampening.  The state is
    the last step W − W₋, or nothing if β = 0: carried by itself, it does not feed the rounding of W
    back into the next step.

    Args:
        learning_rate: η > 0.
        momentum: β in [0, 1).

    Raises:
        ValueError: if either is out of range.
    """

    learning_rate: AnyArray
    momentum: AnyArray | None

    def __init__(self, learning_rate: float, momentum: float = 0.0):
        if not 0 < learning_rate < np.inf:
            raise ValueError(
                f"learning_rate: expected a finite number above 0, got {learning_rate}."
            )
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum: expected a number in [0, 1), got {momentum}.")
        self.learning_rate = np.array(learning_rate, dtype=np.float64)
        self.momentum = np.array(momentum, dtype=np.float64) if momentum else None

    def init(self, params: Any) -> Any:
        return None if self.momentum is None else jax.tree.map(jnp.zeros_like, params)

    def step(self, gradient: Gradient, state: Any, params: Any) -> tuple[Any, Any]:
        rate, momentum, value = self.learning_rate, self.momentum, gradient.value()
        if momentum is None:
            return jax.tree.map(lambda w, g: w - rate * g, params, value), None
        velocity = jax.tree.map(lambda v, g: momentum * v - rate * g, state, value)
        return jax.tree.map(jnp.add, params, velocity), velocity

    def identity(self) -> dict[str, Any]:
        momentum = 0.0 if self.momentum is None else float(self.momentum)
        return {
            "optimizer": "heavy ball",
            "learning_rate": float(self.learning_rate),
            "momentum": momentum,
        }


class OptaxOptimizer(Optimizer):
    """An optax transformation as an optimizer.

    A run compiles anew for each transformation that is made, even with equal settings: keep one and
    pass it again.

    Args:
        transformation: an `optax.GradientTransformation`.
    """

    transformation: optax.GradientTransformation = eqx.field(static=True)

    def init(self, params: Any) -> Any:
        return self.transformation.init(params)

    def step(self, gradient: Gradient, state: Any, params: Any) -> tuple[Any, Any]:
        updates, state = self.transformation.update(gradient.value(), state, params)
        return optax.apply_updates(params, updates), state

    def identity(self) -> dict[str, Any]:
        # functions have no name to go by; what they do to two fixed gradients tells them apart
        first = params = jnp.array([[0.5, -1.0], [2.0, 0.25]])
        state = self.init(params)
        for gradient in (params + 1.0, -2.0 * params):
            params, state = self.step(Gradient(gradient), state, params)
        return {"optimizer": f"optax: {nine_digits(params - first)}"}


def as_optimizer(optimizer: Any) -> Optimizer:
    """One of ours as it is, an optax transformation wrapped."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, optax.GradientTransformation):
        return OptaxOptimizer(optimizer)
    raise TypeError(
        "optimizer: expected an optax transformation, as optax.sgd(0.1), or one of "
        f"marginflow.dynamics.optimizers, got {type(optimizer).__name__}."
    )
