"""Logarithms of sums and of logistic functions, with digits and derivatives where they vanish.

A sum of terms is carried by its logarithm, so that it may underflow and overflow.  The derivatives
are given as averages over the terms' shares: those that follow from shifting by the largest term
would be lost where the shift is a constant, and NaN where every term is zero.
"""

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray

# Below e^−37 the next term of a series in S is under rounding, in every width.
TINY = -37.0


@jax.custom_jvp
def log_sum(logs: AnyArray) -> AnyArray:
    """The logarithm of Σ_k e^(logs_k) over the last axis; −inf where every term is zero."""
    largest, rest = _split(logs)
    return jnp.where(jnp.isneginf(jnp.max(logs, axis=-1)), -jnp.inf, (largest + rest)[..., 0])


@log_sum.defjvp
def _(primals, tangents):
    (logs,), (direction,) = primals, tangents
    return log_sum(logs), jnp.sum(jnp.exp(log_shares(logs)) * direction, axis=-1)


@jax.custom_jvp
def log_shares(logs: AnyArray) -> AnyArray:
    """Each term's share of the sum, in logarithms; right where a share is nearly one."""
    largest, rest = _split(logs)
    return (logs - largest) - rest


@log_shares.defjvp
def _(primals, tangents):
    (logs,), (direction,) = primals, tangents
    shares = log_shares(logs)
    return shares, direction - jnp.sum(jnp.exp(shares) * direction, axis=-1, keepdims=True)


def log_softplus(x: AnyArray) -> AnyArray:
    """The logarithm of log(1 + e^x), which tends to x as x → −∞."""
    small = x < TINY
    return jnp.where(small, x, jnp.log(jax.nn.softplus(jnp.where(small, 0, x))))


def log_fraction(log_x: AnyArray) -> AnyArray:
    """The logarithm of 1 − e^(−x), for log x, which it tends to as x → 0."""
    small = log_x < TINY
    return jnp.where(small, log_x, jnp.log(-jnp.expm1(-jnp.exp(jnp.where(small, 0, log_x)))))


def _split(logs: AnyArray) -> tuple[AnyArray, AnyArray]:
    """The largest logarithm and what the others add to it; zeros where every term is zero."""
    largest = jnp.max(logs, axis=-1, keepdims=True)
    largest = jnp.where(jnp.isneginf(largest), 0, largest)
    total = jnp.sum(jnp.exp(logs - largest), axis=-1, keepdims=True)
    return largest, jnp.log(jnp.where(total == 0, 1, total))
