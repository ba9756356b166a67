"""The modified equation of normalized gradient descent, in its own time.

A step W⁺ = W − η_k n, n = ∇L/‖∇L‖, has a length that is known beforehand, so that the weights are
those of gradient flow after an arc of length τ(k) = Σ η_j, up to the length of a step.  On
separable data n tends to −Ŵ/‖Ŵ‖ = −ŵ.  With D = d/dk and R = W − ŵ τ(k), the shift e^D turns the
step into

    R' = −B(D) [η(k) (n + ŵ)],    B = D/(e^D − 1) = 1 − D/2 + D²/12 − …,    τ' = B(D) η,

whose right side vanishes with the approach to the limit.  Every D is the derivative along the
equation itself.  In the far tail the margins û_p γ τ + (A R)_p, û = A Ŵ, γ = 1/‖Ŵ‖, need not be
formed: n does not change if γ τ is taken from all of them, and slack û − 1 is zero on the support.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.log_time_field import rest_of_series
from marginflow.losses import Loss
from marginflow.margins import LinearMarginMap

# n + ŵ below this is rounding.
ROUNDING = 1e-13


class Point(NamedTuple):
    """Where the equation is: the time k and R; or a velocity there, per step."""

    time: AnyArray
    rest: AnyArray


class NormalizedField(eqx.Module):
    """The velocity of R.

    Attributes:
        margin_map: linear, with JAX arrays.
        loss: gives the slopes.
        direction: ŵ, in the weights' shape.
        slack: û − 1 for every pair, (n, K−1).
        margin: γ.
        tail_rate: a, of the loss's tail.
        scale: c of the steps' lengths c/(k+1)^p.
        exponent: p in [0, 1).
    """

    margin_map: LinearMarginMap
    loss: Loss
    direction: AnyArray
    slack: AnyArray
    margin: AnyArray
    tail_rate: AnyArray
    scale: AnyArray
    exponent: AnyArray

    def length(self, time: AnyArray) -> AnyArray:
        """η(k)."""
        return self.scale * (time + 1.0) ** -self.exponent

    def arc(self, time: AnyArray) -> AnyArray:
        """τ(k) up to a constant, by Euler's and Maclaurin's sum of the lengths."""
        p, power = self.exponent, time**-self.exponent
        return self.scale * power * (time / (1 - p) + 1 / 2 - p / (12 * time))

    def weights(self, time: AnyArray, rest: AnyArray) -> AnyArray:
        """W = ŵ τ + R."""
        return self.direction * self.arc(time) + rest

    def log_pulls(self, point: Point, far: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Signs and logarithms of the pulls, up to a common factor."""
        along = self.margin_map.margins(self.direction) * self.arc(point.time)
        beside = self.margin_map.margins(point.rest)
        sign, near = self.loss.slope(along + beside)
        tail = -self.tail_rate * (beside + self.margin * self.arc(point.time) * self.slack)
        return jnp.where(far, -1.0, sign), jnp.where(far, tail, near)

    def unit_gradient(self, point: Point, far: AnyArray) -> AnyArray:
        """The n of these weights."""
        sign, log_abs = self.log_pulls(point, far)
        largest = jax.lax.stop_gradient(jnp.max(log_abs))
        gradient = self.margin_map.adjoint(sign * jnp.exp(log_abs - largest))
        return gradient / jnp.linalg.norm(gradient)

    def velocities(self, point: Point, far: AnyArray) -> tuple[Point, Point, Point]:
        """The velocity to zeroth, first and second order in D."""

        def pull(at: Point) -> AnyArray:
            return self.length(at.time) * (self.unit_gradient(at, far) + self.direction)

        def velocity(value: AnyArray) -> Point:
            return Point(jnp.ones_like(point.time), -value)

        def rate(at: Point) -> AnyArray:
            return jax.jvp(pull, (at,), (velocity(pull(at)),))[1]

        zeroth = velocity(pull(point))
        change, twice = jax.jvp(rate, (point,), (zeroth,))
        first = velocity(pull(point) - change / 2)
        change = jax.jvp(pull, (point,), (first,))[1]
        return zeroth, first, velocity(pull(point) - change / 2 + twice / 12)

    def log_time_velocity(self, log_time: AnyArray, rest: AnyArray, far: AnyArray) -> AnyArray:
        """dR/ds, s = log k."""
        time = jnp.exp(log_time)
        return time * self.velocities(Point(time, rest), far)[-1].rest

    def neglected(self, log_time: AnyArray, rest: AnyArray, far: AnyArray) -> AnyArray:
        """The size of what is omitted of dR/ds, from how the orders grow."""
        time = jnp.exp(log_time)
        point = Point(time, rest)
        zeroth, first, second = (time * found.rest for found in self.velocities(point, far))
        omitted = rest_of_series(zeroth, first - zeroth, second - first)
        settled = jnp.linalg.norm(zeroth) < ROUNDING * time * self.length(time)
        return jnp.where(settled, 0.0, omitted)

    def curvature(
        self, log_time: AnyArray, rest: AnyArray, far: AnyArray
    ) -> tuple[AnyArray, AnyArray, AnyArray]:
        """Second derivatives of the template, blocks (n, K−1, K−1), over ‖∇L‖; n; and η."""
        point = Point(jnp.exp(log_time), rest)
        sign, log_abs = self.log_pulls(point, far)
        largest = jnp.max(log_abs)
        gradient = self.margin_map.adjoint(sign * jnp.exp(log_abs - largest))
        norm = jnp.linalg.norm(gradient)

        def pulls(margins: AnyArray) -> AnyArray:
            signs, logs = self.loss.slope(margins)
            return signs * jnp.exp(logs - largest)

        margins = self.margin_map.margins(self.weights(*point))
        near = jax.vmap(jax.jacfwd(pulls))(jnp.where(far, 0.0, margins))
        tail = self.tail_rate * jnp.exp(log_abs - largest)[:, :, None]
        blocks = jnp.where(far, tail * jnp.eye(near.shape[-1]), near)
        return blocks / norm, gradient / norm, self.length(point.time)
