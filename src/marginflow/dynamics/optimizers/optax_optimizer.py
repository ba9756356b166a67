"""Any optax transformation as an optimizer."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import optax

from marginflow._types import AnyArray
from marginflow.dynamics.identity import nine_digits
from marginflow.dynamics.objective import Gradient
from marginflow.dynamics.optimizers.optimizer import Optimizer


class OptaxOptimizer(Optimizer):
    """An optax transformation as an optimizer.

    A run compiles anew for each transformation that is made, even with equal settings: keep one and
    pass it again.  What it does inside is not seen: where an ε of its own takes over, nothing is
    said, and it is given gradients that underflow from margin 745 on.

    Args:
        transformation: an `optax.GradientTransformation`.
    """

    transformation: optax.GradientTransformation = eqx.field(static=True)

    def init(self, params: Any) -> Any:
        return self.transformation.init(params)

    def step(
        self, index: AnyArray, gradient: Gradient, memory: Any, params: Any
    ) -> tuple[Any, Any]:
        updates, memory = self.transformation.update(gradient.value(), memory, params)
        return optax.apply_updates(params, updates), memory

    def identity(self) -> dict[str, Any]:
        # functions have no name to go by; what they do to two fixed gradients tells them apart
        first = params = jnp.array([[0.5, -1.0], [2.0, 0.25]])
        memory = self.init(params)
        for index, gradient in enumerate((params + 1.0, -2.0 * params)):
            params, memory = self.step(jnp.asarray(index), Gradient(gradient), memory, params)
        return {"optimizer": f"optax: {nine_digits(params - first)}"}
