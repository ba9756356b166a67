"""The modified equation of Adam and RMSProp with ε > 0, in the weights and v.

The average v of squared gradients forgets within 1/(1−b₂) steps, a thousand or so, which is no
short time beside the length of a run: v is integrated with the weights.  The average m of gradients
forgets within ten steps or so and is expanded.  With D = d/dk, g = ∇L and v at the time k being the
average that the step from k to k+1 divides by, the shift e^D turns the method's recursions into

    W' = −η B(D) [(F(D) g) / (√v̂ + ε)],    B = D/(e^D − 1),    F = (1 − b₁)/(1 − b₁ e^(−D)),
    v' = −λ v + (1 − b₂) K(D) g²,          K = (λ + D)/(1 − e^(−λ−D)),    λ = −log b₂.

The second is exact for what v forgets.  B, F and K are expanded to second order in D, and every D
is the derivative along the equation itself at the order that is needed, so that what is omitted is
of third order in the change of the gradient from one step to the next.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.log_time_field import rest_of_series
from marginflow.losses import Loss
from marginflow.margins import LinearMarginMap

TINY = 1e-300
FAINT = 1e-6


class Point(NamedTuple):
    """Where the equation is: the time k, the weights, and v; or a velocity there, per step."""

    time: AnyArray
    weights: AnyArray
    squares: AnyArray


# g, and 1/(√v̂ + ε).
Parts = tuple[AnyArray, AnyArray]


class AdaptiveField(eqx.Module):
    """The velocity of weights and v.

    Attributes:
        margin_map: linear, with JAX arrays.
        loss: gives the slopes.
        log_factor: the logarithm of the reduction's factor.
        rate: η.
        eps: ε > 0.
        b1: b₁, 0 for RMSProp.
        b2: b₂.
        unbiased: whether v̂ = v/(1 − b₂^(k+1)), or v itself.
    """

    margin_map: LinearMarginMap
    loss: Loss
    log_factor: AnyArray
    rate: AnyArray
    eps: AnyArray
    b1: AnyArray
    b2: AnyArray
    unbiased: AnyArray

    def gradient(self, weights: AnyArray) -> AnyArray:
        """∇L."""
        sign, log_abs = self.loss.slope(self.margin_map.margins(weights))
        return self.margin_map.adjoint(sign * jnp.exp(log_abs + self.log_factor))

    def roots(self, point: Point) -> AnyArray:
        """√v̂."""
        forgotten = self.unbiased * jnp.exp(jnp.log(self.b2) * (point.time + 1.0))
        return jnp.sqrt(jnp.maximum(point.squares, TINY) / (1.0 - forgotten))

    def velocities(self, point: Point) -> tuple[Point, Point, Point]:
        """The velocity to zeroth, first and second order in D."""
        (g, w), zeroth = self._parts(point), self._zeroth(point)

        def rates(at: Point) -> Parts:
            return jax.jvp(self._parts, (at,), (self._zeroth(at),))[1]

        (g1, w1), (g2, w2) = jax.jvp(rates, (point,), (zeroth,))
        memory, (gain, slope, bend) = self.b1 / (1 - self.b1), self._gains()
        step, step1, step2 = g * w, g1 * w + g * w1, g2 * w + 2 * g1 * w1 + g * w2
        first = self._point(
            point, step - memory * g1 * w - step1 / 2, gain * g**2 + 2 * slope * g * g1
        )
        # the first derivatives along the better field; in second-order terms the zeroth will do
        g1b, w1b = jax.jvp(self._parts, (point,), (first,))[1]
        mean = g - memory * g1b + (memory / 2 + memory**2) * g2
        change = mean * w - (g1b * w + g * w1b) / 2 + memory * (g2 * w + g1 * w1) / 2 + step2 / 12
        fed = gain * g**2 + 2 * slope * g * g1b + 2 * bend * (g1**2 + g * g2)
        return zeroth, first, self._point(point, change, fed)

    def log_time_velocity(
        self, log_time: AnyArray, weights: AnyArray, scaled: AnyArray
    ) -> tuple[AnyArray, AnyArray]:
        """d/ds of the weights and of z = (k η/ε)² v, which stays of order one."""
        time = jnp.exp(log_time)
        unit = (time * self.rate / self.eps) ** 2
        point = Point(time, weights, scaled / unit)
        velocity = self.velocities(point)[-1]
        return time * velocity.weights, 2 * scaled + time * unit * velocity.squares

    def neglected(self, log_time: AnyArray, weights: AnyArray, scaled: AnyArray) -> AnyArray:
        """The size of what is omitted of dW/ds, from how the orders grow."""
        time = jnp.exp(log_time)
        point = Point(time, weights, scaled / (time * self.rate / self.eps) ** 2)
        zeroth, first, second = (time * found.weights for found in self.velocities(point))
        rest = rest_of_series(zeroth, first - zeroth, second - first)
        # where the first correction is this small, the second is rounding and the third nothing
        faint = jnp.linalg.norm(first - zeroth) < FAINT * jnp.linalg.norm(zeroth)
        return jnp.where(faint, 0.0, rest)

    def _parts(self, point: Point) -> Parts:
        return self.gradient(point.weights), 1 / (self.roots(point) + self.eps)

    def _zeroth(self, point: Point) -> Point:
        g, w = self._parts(point)
        return self._point(point, g * w, self._gains()[0] * g**2)

    def _point(self, point: Point, change: AnyArray, fed: AnyArray) -> Point:
        squares = jnp.log(self.b2) * point.squares + (1 - self.b2) * fed
        return Point(jnp.ones_like(point.time), -self.rate * change, squares)

    def _gains(self) -> tuple[AnyArray, AnyArray, AnyArray]:
        """The Taylor coefficients of K: of x/(1 − e^(−x)) at λ."""

        def gain(x: AnyArray) -> AnyArray:
            return -x / jnp.expm1(-x)

        slope = jax.grad(gain)
        rate = -jnp.log(self.b2)
        return gain(rate), slope(rate), jax.grad(slope)(rate) / 2
