"""The velocity of the weights in log time, for gradient flow and for discrete gradient descent.

With ds = dt/t the flow dW/dt = −∇L(W) is dW/ds = −t ∇L(W), and each slope enters as
exp(s + log |slope|): its two huge factors never meet separately.  Discrete gradient descent
follows, to third order in its step, the flow of a modified equation (backward error analysis).  For
heavy ball with momentum β, effective step h = η/(1−β) and γ = (1+β)/(1−β), the iterate at step k is
the value at time k of

    dW/dk = −h G − (γ/2) h² H G − h³ [(γ²/2 − 1/6) H H G + (γ²/4 − 1/6) D³L[G, G]],

G = ∇L, H = ∇²L; plain gradient descent is γ = 1.  In log time, with G̃ = k h G and H̃ = k h H both of
order one, the corrections carry the factors 1/k and 1/k².
"""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from marginflow._types import AnyArray
from marginflow.losses import Loss
from marginflow.margins import LinearMarginMap

# Jacobians of more weights than this are worth computing roughly, in single precision and from the
# samples whose curvature is above this share of the largest.
SMALL_SYSTEM = 128
LEAST_CURVATURE = 1e-5
TINY = np.finfo(float).tiny
EPS = np.finfo(float).eps
LOG_TWO = float(np.log(2.0))


class LogTimeField(eqx.Module):
    """dW/ds at log time s, as a function of the weights.

    Attributes:
        margin_map: linear, with JAX arrays.
        loss: gives the slopes.
        log_step: log h, the logarithm of the effective step; 0 for the flow itself.
        spread: γ = (1+β)/(1−β), or None for the flow, which has no corrections.
    """

    margin_map: LinearMarginMap
    loss: Loss
    log_step: AnyArray
    spread: AnyArray | None

    def velocity(self, log_time: AnyArray, weights: AnyArray) -> AnyArray:
        """dW/ds, in the weights' shape."""
        first, *others = self.terms(log_time, weights)
        return sum(others, start=first)

    def terms(self, log_time: AnyArray, weights: AnyArray) -> tuple[AnyArray, ...]:
        """The terms of dW/ds, of first, second and third order in the step; one for the flow."""

        def pulls(margins: AnyArray) -> AnyArray:
            sign, log_abs = self.loss.slope(margins)
            return sign * jnp.exp(log_time + self.log_step + log_abs)

        maps = self.margin_map
        margins = maps.margins(weights)
        gradient = maps.adjoint(pulls(margins))
        if self.spread is None:
            return (-gradient,)

        def derivative(point: AnyArray, direction: AnyArray) -> AnyArray:
            return jax.jvp(pulls, (point,), (direction,))[1]

        along = maps.margins(gradient)
        first, second = jax.jvp(lambda point: derivative(point, along), (margins,), (along,))
        curved = maps.adjoint(first)
        twice = maps.adjoint(derivative(margins, maps.margins(curved)))
        bent = maps.adjoint(second)
        inverse, gamma = jnp.exp(-log_time), self.spread
        third = (gamma**2 / 2 - 1 / 6) * twice + (gamma**2 / 4 - 1 / 6) * bent
        return -gradient, -inverse * gamma / 2 * curved, -(inverse**2) * third

    def neglected(self, log_time: AnyArray, weights: AnyArray) -> AnyArray:
        """The size of all terms that are left out, from how the first three grow.

        The next ratio of terms is that of the last two, or larger by as much as it grew, at most
        twofold (momentum: 1/2, 1, 5/4 times γ h H); from there on the series is geometric.
        """
        first, second, third = map(_log_norm, self.terms(log_time, weights))
        early, late = second - first, third - second
        log_ratio = jnp.maximum(early, late + jnp.clip(late - early, 0.0, LOG_TWO))
        rest = third + log_ratio - jnp.log1p(-jnp.exp(jnp.minimum(log_ratio, -TINY)))
        return jnp.where(log_ratio < 0, jnp.exp(rest), jnp.inf)

    def curvature(self, log_time: AnyArray, weights: AnyArray) -> AnyArray:
        """The second derivatives of the template, times k h: blocks (n, K−1, K−1)."""

        def pulls(margins: AnyArray) -> AnyArray:
            sign, log_abs = self.loss.slope(margins)
            return sign * jnp.exp(log_time + self.log_step + log_abs)

        return jax.vmap(jax.jacfwd(pulls))(self.margin_map.margins(weights))

    def rounding(self, weights: AnyArray) -> AnyArray:
        """What rounding makes of the gradient, as a share of it: it is a sum that may cancel."""
        maps = self.margin_map
        sign, log_abs = self.loss.slope(maps.margins(weights))
        largest = jnp.max(log_abs)
        slopes = sign * jnp.exp(log_abs - largest)
        pulled = jnp.linalg.norm(jnp.abs(maps.features_t) @ jnp.sum(jnp.abs(slopes), axis=-1))
        return EPS * pulled / jnp.maximum(jnp.linalg.norm(maps.adjoint(slopes)), TINY)

    def reach(self, weights: AnyArray) -> tuple[AnyArray, AnyArray]:
        """The least margin, and the largest log |slope|."""
        margins = self.margin_map.margins(weights)
        return jnp.min(margins), jnp.max(self.loss.slope(margins)[1])


def _log_norm(term: AnyArray) -> AnyArray:
    """The logarithm of ‖term‖; XLA may rewrite quotients of tiny ones as 0/0."""
    largest = jnp.maximum(jnp.max(jnp.abs(term)), TINY)
    return jnp.log(largest) + jnp.log(jnp.maximum(jnp.linalg.norm(term / largest), TINY))


# The field's arrays are passed apart from its structure: a call then costs 20 µs, not 100.
@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _call(method: str, structure: Any, constants: Any, arrays: list[AnyArray], *args: AnyArray):
    leaves = [
        given if array is None else array for given, array in zip(constants, arrays, strict=True)
    ]
    return getattr(jax.tree.unflatten(structure, leaves), method)(*args)


class CompiledField:
    """A `LogTimeField` with NumPy in and out, as scipy's integrators call it.

    The Jacobian is that of the uncorrected velocity, −k h H: the corrections fade as 1/k, and an
    implicit step needs its Jacobian only to steer Newton's method.
    """

    def __init__(
        self,
        margin_map: LinearMarginMap,
        loss: Loss,
        log_step: float = 0.0,
        spread: float | None = None,
    ):
        self.margin_map = margin_map
        self.shape = margin_map.weights_shape
        self.size = int(np.prod(self.shape))
        # a rough Jacobian steers Newton's method as well, where its entries fit single precision
        largest = float(np.abs(margin_map.features).max())
        self._rough = self.size > SMALL_SYSTEM and 1e-6 < largest < 1e6
        self.evaluations = 0
        self.jacobians = 0
        self.spread = spread
        field = LogTimeField(
            jax.tree.map(jnp.asarray, margin_map),
            loss,
            jnp.asarray(log_step),
            None if spread is None else jnp.asarray(spread),
        )
        leaves, self._structure = jax.tree.flatten(field)
        self._constants = tuple(None if eqx.is_array(leaf) else leaf for leaf in leaves)
        self._arrays = [leaf if eqx.is_array(leaf) else None for leaf in leaves]

    def _call(self, method: str, *args: Any) -> Any:
        return _call(method, self._structure, self._constants, self._arrays, *args)

    def velocity(self, log_time: float, flat: np.ndarray) -> np.ndarray:
        """dW/ds, flat."""
        self.evaluations += 1
        value = self._call("velocity", np.float64(log_time), flat.reshape(self.shape))
        return np.asarray(value).ravel()

    def jacobian(self, log_time: float, flat: np.ndarray, rough: bool = True) -> np.ndarray:
        """∂(dW/ds)/∂W without the corrections, (size, size); or roughly, if it is large."""
        self.jacobians += 1
        value = self._call("curvature", np.float64(log_time), flat.reshape(self.shape))
        blocks = np.asarray(value)
        if not (rough and self._rough):
            return -np.asarray(self.margin_map.weighted_gram(blocks))
        sizes = np.abs(blocks).max(axis=(1, 2))
        bent = np.flatnonzero(sizes >= LEAST_CURVATURE * sizes.max())
        gram = self.margin_map.take(bent).weighted_gram(blocks[bent].astype(np.float32))
        return -np.asarray(gram)

    def neglected(self, log_time: float, flat: np.ndarray) -> float:
        """The size of the terms of dW/ds that are left out, from those that are not."""
        return float(self._call("neglected", np.float64(log_time), flat.reshape(self.shape)))

    def step_curvature(self, flat: np.ndarray) -> float:
        """γ h ‖∇²L‖, the size of the corrections' expansion parameter at these weights."""
        curvature = -self.jacobian(0.0, flat)
        vector, norm = np.random.default_rng(0).standard_normal(len(curvature)), 0.0
        for _ in range(30):
            vector = curvature @ vector
            norm = float(np.linalg.norm(vector))
            if norm == 0.0:
                return 0.0
            vector /= norm
        return norm * (1.0 if self.spread is None else self.spread)

    def rounding(self, flat: np.ndarray) -> float:
        """What rounding makes of the gradient, as a share of it."""
        return float(self._call("rounding", flat.reshape(self.shape)))

    def reach(self, flat: np.ndarray) -> tuple[float, float]:
        """The least margin and the largest log |slope| at these weights."""
        least, largest = self._call("reach", flat.reshape(self.shape))
        return float(least), float(largest)
