"""A polynomial tail: ψ(u) = Σ φ(u_k), φ(u) = (1 + u)^(−p) for u ≥ 0."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.loss import Loss
from marginflow.losses.tail import Tail, TailKind


class PolynomialLoss(Loss):
    """A sum of losses with a polynomial tail: the counterexample to the max-margin theorem.

    ψ(u) = Σ_k φ(u_k) with φ(u) = (1+u)^(−p) for u ≥ 0, continued below zero by its second-order
    Taylor polynomial, so that ψ is convex, decreasing and twice continuously differentiable.  Its
    smoothness in the scores is K p (p + 1), the curvature below zero times a star graph's largest
    eigenvalue.  Gradient descent still separates the data, but ends in another direction (Lai &
    Muthukumar 2023, arXiv 2303.07475).

    Args:
        degree: p > 0.

    Raises:
        ValueError: if the degree is not positive and finite.

    Example:
        >>> import marginflow as mf
        >>> mf.PolynomialLoss(degree=2.0).tail(3).kind
        <TailKind.POLYNOMIAL: 'polynomial'>
    """

    degree: float = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        if not 0 < self.degree < math.inf:
            raise ValueError(f"PolynomialLoss: expected a finite degree > 0, got {self.degree}.")

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        return jnp.sum(jnp.exp(self._log_terms(margins)), axis=-1)

    @keeps_array_type
    def log_template(self, margins: AnyArray) -> AnyArray:
        return jax.nn.logsumexp(self._log_terms(margins), axis=-1)

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        p, (positive, negative) = self.degree, _split(margins)
        tail, taylor = -(p + 1) * jnp.log1p(positive), jnp.log1p(-(p + 1) * negative)
        return -jnp.ones_like(margins), math.log(p) + jnp.where(margins >= 0, tail, taylor)

    def smoothness(self, n_classes: int) -> float:
        return n_classes * self.degree * (self.degree + 1)

    def tail(self, n_classes: int) -> Tail:
        return Tail(TailKind.POLYNOMIAL, degree=self.degree)

    def _log_terms(self, margins: AnyArray) -> AnyArray:
        """Each log φ(u_k)."""
        p, (positive, negative) = self.degree, _split(margins)
        tail, taylor = -p * jnp.log1p(positive), negative * (p * (p + 1) / 2 * negative - p)
        return jnp.where(margins >= 0, tail, jnp.log1p(taylor))


def _split(margins: AnyArray) -> tuple[AnyArray, AnyArray]:
    """The positive and the negative part; minimum and maximum would halve the derivative at 0."""
    above = margins >= 0
    return jnp.where(above, margins, 0), jnp.where(above, 0, margins)
