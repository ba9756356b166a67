"""The squared error of a regression model, as an objective of the optimizers."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.identity import array_hash
from marginflow.dynamics.objective import Gradient, Objective, tree_norm
from marginflow.dynamics.regression_model import RegressionModel


class SquaredError(Objective):
    """½ Σ (prediction − target)², or that over the number of targets.

    Attributes:
        model: with JAX arrays.
        mean: whether it is divided.
        scaled: whether the largest residual is taken out of the gradient as its log scale.
        keep: whether the effective weights are observed.
    """

    model: RegressionModel
    mean: bool = eqx.field(static=True, default=False)
    scaled: bool = eqx.field(static=True, default=False)
    keep: bool = eqx.field(static=True, default=False)

    def gradient(self, params: Any, samples: AnyArray | None = None) -> Gradient:
        predictions, pull_back = jax.vjp(self.model.predictions, params)
        residuals, log_scale = (predictions - self.model.targets) / self._divisor, None
        if self.scaled:
            largest = jnp.max(jnp.abs(residuals))
            scale = jnp.where(largest > 0, largest, 1.0)
            residuals, log_scale = residuals / scale, jnp.log(scale)
        return Gradient(pull_back(residuals)[0], log_scale)

    def has_vanished(self, params: Any) -> AnyArray:
        return jnp.all(self.model.predictions(params) == self.model.targets)

    def identity(self, params: Any) -> dict[str, Any]:
        model = self.model
        return {
            "model": f"{type(model).__name__} {model.shapes()} {array_hash(model)}",
            "reduction": "mean" if self.mean else "sum",
            "record_weights": self.keep,
        }

    def observe(self, params: Any) -> dict[str, AnyArray]:
        off = self.model.predictions(params) - self.model.targets
        effective = self.model.effective(params)
        return {
            "risk": 0.5 * jnp.sum(off**2) / self._divisor,
            "weights_norm": tree_norm(effective),
            "gradient_norm": tree_norm(self.gradient(params).value()),
            **self.model.observe(params),
            **({"effective": effective} if self.keep else {}),
        }

    @property
    def _divisor(self) -> int:
        return self.model.targets.shape[0] if self.mean else 1
