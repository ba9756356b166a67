"""The velocity of the weights in log time, for gradient flow and for discrete gradient descent.

With ds = dt/t the flow dW/dt = −∇L(W) is dW/ds = −t ∇L(W), and each slope enters as
exp(s + log |slope|): its two huge factors never meet separately.  Discrete gradient descent
follows, to third order in its step, the flow of a modified equation (backward error analysis).
With the effective step h and the coefficients c₁, c₂ of its method (see `linear_method`) the
iterate at step k is the value at time k of

    dW/dk = −h G + c₁ h² H G − h³ [(c₁² + c₂) H H G + c₂ D³L[G, G]],

G = ∇L, H = ∇²L; plain gradient descent has c₁ = −1/2, c₂ = 1/12.  In log time, with G̃ = k h G and
H̃ = k h H both of order one, the corrections carry the factors 1/k and 1/k².
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from marginflow._types import AnyArray
from marginflow.dynamics.compiled_module import CompiledModule
from marginflow.dynamics.linear_method import LinearMethod
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
        lag: c₁ of the method, or None for the flow, which has no corrections.
        bend: c₂.
    """

    margin_map: LinearMarginMap
    loss: Loss
    log_step: AnyArray
    lag: AnyArray | None = None
    bend: AnyArray | None = None

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
        if self.lag is None or self.bend is None:
            return (-gradient,)

        def derivative(point: AnyArray, direction: AnyArray) -> AnyArray:
            return jax.jvp(pulls, (point,), (direction,))[1]

        along = maps.margins(gradient)
        first, second = jax.jvp(lambda point: derivative(point, along), (margins,), (along,))
        curved = maps.adjoint(first)
        twice = maps.adjoint(derivative(margins, maps.margins(curved)))
        bent = maps.adjoint(second)
        inverse = jnp.exp(-log_time)
        third = (self.lag**2 + self.bend) * twice + self.bend * bent
        return -gradient, inverse * self.lag * curved, -(inverse**2) * third

    def neglected(self, log_time: AnyArray, weights: AnyArray) -> AnyArray:
        """The size of all terms that are left out, from how the first three grow.

        The next ratio of terms is that of the last two, or larger by as much as it grew, at most
        twofold (momentum: 1/2, 1, 5/4 times γ h H); from there on the series is geometric.
        """
        return rest_of_series(*self.terms(log_time, weights))

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


def rest_of_series(first: AnyArray, second: AnyArray, third: AnyArray) -> AnyArray:
    """The size of all later terms of a series that begins with these."""
    sizes = [_log_norm(term) for term in (first, second, third)]
    early, late = sizes[1] - sizes[0], sizes[2] - sizes[1]
    log_ratio = jnp.maximum(early, late + jnp.clip(late - early, 0.0, LOG_TWO))
    rest = sizes[2] + log_ratio - jnp.log1p(-jnp.exp(jnp.minimum(log_ratio, -TINY)))
    return jnp.where(log_ratio < 0, jnp.exp(rest), jnp.inf)


def _log_norm(term: AnyArray) -> AnyArray:
    """The logarithm of ‖term‖; XLA may rewrite quotients of tiny ones as 0/0."""
    largest = jnp.maximum(jnp.max(jnp.abs(term)), TINY)
    return jnp.log(largest) + jnp.log(jnp.maximum(jnp.linalg.norm(term / largest), TINY))


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
        method: LinearMethod | None = None,
        *,
        field: LogTimeField | None = None,
        spread: float = 1.0,
    ):
        self.margin_map = margin_map
        self.shape = margin_map.weights_shape
        self.size = int(np.prod(self.shape))
        # a rough Jacobian steers Newton's method as well, where its entries fit single precision
        largest = float(np.abs(margin_map.features).max())
        self._rough = self.size > SMALL_SYSTEM and 1e-6 < largest < 1e6
        self.evaluations = 0
        self.jacobians = 0
        self.spread = spread if method is None else 2 * abs(method.lag)
        if field is None:
            corrections = () if method is None else (method.lag, method.bend)
            field = LogTimeField(
                jax.tree.map(jnp.asarray, margin_map),
                loss,
                jnp.asarray(log_step),
                *map(jnp.asarray, corrections),
            )
        self._call = CompiledModule(field)

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
        """2 |c₁| h ‖∇²L‖, the size of the corrections' expansion parameter at these weights."""
        curvature = -self.jacobian(0.0, flat)
        vector, norm = np.random.default_rng(0).standard_normal(len(curvature)), 0.0
        for _ in range(30):
            vector = curvature @ vector
            norm = float(np.linalg.norm(vector))
            if norm == 0.0:
                return 0.0
            vector /= norm
        return norm * self.spread

    def rounding(self, flat: np.ndarray) -> float:
        """What rounding makes of the gradient, as a share of it."""
        return float(self._call("rounding", flat.reshape(self.shape)))

    def reach(self, flat: np.ndarray) -> tuple[float, float]:
        """The least margin and the largest log |slope| at these weights."""
        least, largest = self._call("reach", flat.reshape(self.shape))
        return float(least), float(largest)
