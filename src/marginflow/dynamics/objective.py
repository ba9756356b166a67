"""Objectives: what an optimizer sees of a problem, parameters → (direction, log scale).

A gradient of e^(−10⁶) is zero in float64, yet its direction is well defined, and methods that
measure a step by its direction alone (normalized, sign and spectral descent) go on following it.
An objective therefore gives its gradient as a direction and the logarithm of a factor taken out of
it.  The margin objective below is the risk of a loss on a margin map; a regression or a factorized
model is another objective over the same methods.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.identity import array_hash, loss_identity, map_identity
from marginflow.losses import Loss
from marginflow.margins import MarginMap
from marginflow.norms import Norm


class Gradient(NamedTuple):
    """A gradient, direction · exp(log_scale).

    Attributes:
        direction: in the structure of the parameters.
        log_scale: a scalar, or None where no factor was taken out.
        pull: the sum of all |∂ψ/∂u| in units of exp(log_scale), divided by n where the risk is; for
            the exponential loss it is the risk.  None where it was not formed.
        log_risk: the logarithm of the risk on the same samples, as a function of the parameters,
            for methods that try a step.  None where the scale was not taken out.
    """

    direction: Any
    log_scale: AnyArray | None = None
    pull: AnyArray | None = None
    log_risk: Callable[[Any], AnyArray] | None = None

    def value(self) -> Any:
        """The gradient itself; zero where it underflows."""
        if self.log_scale is None:
            return self.direction
        scale = jnp.exp(self.log_scale)
        return jax.tree.map(lambda entry: entry * scale, self.direction)

    def over_risk(self, log_risk: AnyArray) -> Any:
        """∇L/L, zero where L is."""
        shift = log_risk if self.log_scale is None else log_risk - self.log_scale
        inverse = jnp.where(jnp.isfinite(log_risk), jnp.exp(-shift), 0.0)
        return jax.tree.map(lambda entry: entry * inverse, self.direction)

    def over_pull(self) -> Any:
        """The gradient over the sum of all pulls, ∇L/L for the exponential loss."""
        if self.pull is None:
            raise TypeError("expected an objective that forms the sum of its samples' pulls.")
        pull = jnp.where(self.pull > 0, self.pull, 1.0)
        return jax.tree.map(lambda entry: entry / pull, self.direction)


class Objective(eqx.Module):
    """A function of parameters to be made small."""

    @abstractmethod
    def gradient(self, params: Any, samples: AnyArray | None = None) -> Gradient:
        """The gradient on all samples, or on the chosen ones (b,) alone."""

    @abstractmethod
    def observe(self, params: Any) -> dict[str, AnyArray]:
        """What is recorded of every run.

        Among it is the scalar `risk`, which is finite unless the run has diverged.
        """

    @abstractmethod
    def has_vanished(self, params: Any) -> AnyArray:
        """Whether every sample's pull is exactly zero in float64: a boolean scalar."""

    @abstractmethod
    def identity(self, params: Any) -> dict[str, Any]:
        """What tells it from others, for checkpoints: JSON values by the names of arguments."""


class MarginObjective(Objective):
    """The risk Σ_i w_i ψ(u_i) of a loss on the relative margins of a map.

    Attributes:
        margin_map: with JAX arrays.
        loss: the template ψ.
        mean: whether the risk is divided by the sum of the weights; a minibatch's by its own.
        scaled: whether the largest slope is taken out of the gradient as its log scale.
        norms: those in which the normalized margin is recorded, besides the Frobenius norm.
        log_weights: (n,) log w; None where all weights are 1.
    """

    margin_map: MarginMap
    loss: Loss
    mean: bool = eqx.field(static=True, default=False)
    scaled: bool = eqx.field(static=True, default=False)
    norms: tuple[Norm, ...] = ()
    log_weights: AnyArray | None = None

    def gradient(self, params: Any, samples: AnyArray | None = None) -> Gradient:
        maps = self.margin_map if samples is None else self.margin_map.take(samples)
        log_weights = self._log_weights(samples)
        margins = maps.margins(params)
        if not self.scaled:
            slopes, log_scale, pull = self.loss.slope_value(margins), None, None
            if log_weights is not None:
                slopes = slopes * jnp.exp(log_weights)[:, None]
        else:
            sign, log_abs = self.loss.slope(margins)
            if log_weights is not None:
                log_abs = log_abs + log_weights[:, None]
            largest = jnp.max(log_abs)
            log_scale = jnp.where(jnp.isfinite(largest), largest, 0.0)
            sizes = jnp.exp(log_abs - log_scale)
            slopes, pull = sign * sizes, jnp.sum(sizes)
        direction = maps.vjp(params, slopes)
        if self.mean:
            divisor = self._total(margins, log_weights)
            direction = jax.tree.map(lambda entry: entry / divisor, direction)
            pull = None if pull is None else pull / divisor
        if not self.scaled:
            return Gradient(direction, log_scale, pull)
        return Gradient(direction, log_scale, pull, lambda at: self.log_risk(at, samples))

    def log_risk(self, params: Any, samples: AnyArray | None = None) -> AnyArray:
        """The logarithm of the risk, on all samples or the chosen ones (b,) alone."""
        maps = self.margin_map if samples is None else self.margin_map.take(samples)
        margins, log_weights = maps.margins(params), self._log_weights(samples)
        log_values = self.loss.log_template(margins)
        if log_weights is not None:
            log_values = log_values + log_weights
        log_sum = jax.nn.logsumexp(log_values)
        return log_sum - jnp.log(self._total(margins, log_weights)) if self.mean else log_sum

    def _log_weights(self, samples: AnyArray | None) -> AnyArray | None:
        if self.log_weights is None or samples is None:
            return self.log_weights
        return self.log_weights[samples]

    def _total(self, margins: AnyArray, log_weights: AnyArray | None) -> AnyArray | int:
        return margins.shape[0] if log_weights is None else jnp.sum(jnp.exp(log_weights))

    def has_vanished(self, params: Any) -> AnyArray:
        if self.scaled:
            return jnp.all(self.loss.slope(self.margin_map.margins(params))[0] == 0)
        return jnp.all(self.loss.slope_value(self.margin_map.margins(params)) == 0)

    def identity(self, params: Any) -> dict[str, Any]:
        n_columns = self.margin_map.margins(params).shape[-1]
        return {
            "data": map_identity(self.margin_map),
            "loss": loss_identity(self.loss, n_columns),
            "reduction": "mean" if self.mean else "sum",
            "norms": [norm.name for norm in self.norms],
            **({} if self.log_weights is None else {"weights": array_hash(self.log_weights)}),
        }

    def observe(self, params: Any) -> dict[str, AnyArray]:
        margins = self.margin_map.margins(params)
        divisor = self._total(margins, self.log_weights) if self.mean else 1
        values = self.loss.template(margins)
        if self.log_weights is not None:
            values = values * jnp.exp(self.log_weights)
        least = jnp.min(margins)
        norm, degree = tree_norm(params), self.margin_map.homogeneity
        others = {norm_observable(other): least / other(params) ** degree for other in self.norms}
        return {
            "risk": jnp.sum(values) / divisor,
            "log_risk": self.log_risk(params),
            "margin": least,
            "normalized_margin": least / norm**degree,
            "weights_norm": norm,
            "accuracy": jnp.mean(jnp.all(margins > 0, axis=-1), dtype=margins.dtype),
            "gradient_norm": tree_norm(self.gradient(params).value()),
            **others,
        }


def norm_observable(norm: Norm) -> str:
    """How the margin over a norm of the weights is called among the observables."""
    return f"normalized_margin_{norm.name}"


def tree_norm(tree: Any) -> AnyArray:
    """The Frobenius norm of all arrays of a tree together, also where its square underflows."""
    flat = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(tree)])
    exponent = jnp.frexp(jnp.max(jnp.abs(flat)))[1]
    return jnp.ldexp(jnp.linalg.norm(jnp.ldexp(flat, -exponent)), exponent)
