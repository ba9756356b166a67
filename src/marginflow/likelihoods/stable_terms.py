"""Terms that the losses share, right where a naive formula is ∞ − ∞ or 0 · ∞.

Positive parameters are carried by their logarithms, because at scores of ±10⁴ the parameters
themselves are 0 or ∞ in every format while the loss is often finite.  Three terms carry most of it:

- `excess(d)` = e^d − 1 − d, what a density loses by an error d in a logarithm.  It is never
  negative, so that a sum of such terms never cancels.
- `binet(log x)` = log Γ(x) − [(x − ½) log x − x + ½ log 2π], the part of log Γ that remains when
  Stirling's formula has canceled; it falls from −½ log x to zero and never overflows.
- `scaled(x, l)` = x e^l, zero where x is, and finite where the product is although e^l is not.
"""

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, erfc, gammaln

from marginflow._types import AnyArray

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)

# Stirling's series in odd powers of 1/x, from x = 10 on; the term after the last is 3e-17 there.
_LOG_TEN = math.log(10.0)
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)

# e^d − 1 − d = d²/2 (1 + d/3 + d²/12 + …), to |d| = 1/2
_EXCESS = tuple(2 / math.factorial(k + 2) for k in range(14))

# The continued fraction of the normal hazard, from 4 on.
_HAZARD_LEVELS, _HAZARD_FROM = 60, 4.0


def scaled(x: AnyArray, log_factor: AnyArray) -> AnyArray:
    """X times e^(log_factor), in two halves: finite wherever the product is."""
    half = jnp.exp(0.5 * log_factor)
    return jnp.where(x == 0, 0, x * half * half)


def excess(d: AnyArray) -> AnyArray:
    """e^d − 1 − d ≥ 0."""
    small = jnp.abs(d) < 0.5
    near = jnp.where(small, d, 0)
    return jnp.where(small, 0.5 * near**2 * _series(near), jnp.expm1(d) - jnp.minimum(d, 1e3))


def log_excess(d: AnyArray) -> AnyArray:
    """The logarithm of e^d − 1 − d; −inf at zero."""
    small = jnp.abs(d) < 0.5
    near = jnp.where(small, d, 0)
    of_near = 2 * jnp.log(jnp.abs(near)) + jnp.log(0.5 * _series(near))
    below = jnp.log(jnp.expm1(jnp.minimum(d, 1)) - jnp.minimum(d, 1))
    high = jnp.clip(d, 1, 1e3)
    above = d + jnp.log1p(-(1 + high) * jnp.exp(-high))
    return jnp.where(small, of_near, jnp.where(d > 1, above, below))


def log_abs_expm1(d: AnyArray) -> AnyArray:
    """The logarithm of |e^d − 1|; −inf at zero."""
    below = jnp.log(jnp.abs(jnp.expm1(jnp.minimum(d, 1))))
    return jnp.where(d > 1, d + jnp.log1p(-jnp.exp(-jnp.maximum(d, 1))), below)


def binet(log_x: AnyArray) -> AnyArray:
    """What Stirling's formula leaves of log Γ(x); its derivative is `binet_slope`."""
    x, inverse = _ranges(log_x)
    near = gammaln(1 + x) - (x + 0.5) * jnp.minimum(log_x, _LOG_TEN) + x - HALF_LOG_2PI
    far = _odd_series(inverse, _STIRLING)
    return jnp.where(log_x < _LOG_TEN, near, far)


def binet_slope(log_x: AnyArray) -> AnyArray:
    """The derivative of `binet` in log x: x ψ(x) − x log x + ½, between −½ and 0."""
    x, inverse = _ranges(log_x)
    near = x * (digamma(1 + x) - jnp.minimum(log_x, _LOG_TEN)) - 0.5
    far = _odd_series(inverse, [-(2 * i + 1) * c for i, c in enumerate(_STIRLING)])
    return jnp.where(log_x < _LOG_TEN, near, far)


def log_sigmoid(x: AnyArray) -> AnyArray:
    """Log σ(x)."""
    return -jax.nn.softplus(-x)


def log_normal_survival(z: AnyArray) -> AnyArray:
    """Log Φ(−z)."""
    low = jnp.minimum(z, _HAZARD_FROM)
    # erfc keeps its digits above zero, one minus it below
    tail = 0.5 * erfc(jnp.abs(low) / math.sqrt(2))
    near = jnp.where(low > 0, jnp.log(tail), jnp.log1p(-tail))
    high = jnp.maximum(z, _HAZARD_FROM)
    far = -0.5 * high**2 - HALF_LOG_2PI - jnp.log(_hazard_fraction(high))
    return jnp.where(z < _HAZARD_FROM, near, far)


def log_normal_hazard(z: AnyArray) -> AnyArray:
    """The logarithm of φ(z)/Φ(−z), which is near z above and near −z²/2 below."""
    low = jnp.minimum(z, _HAZARD_FROM)
    near = -0.5 * low**2 - HALF_LOG_2PI - log_normal_survival(low)
    return jnp.where(
        z < _HAZARD_FROM, near, jnp.log(_hazard_fraction(jnp.maximum(z, _HAZARD_FROM)))
    )


def share_difference(log_p: AnyArray, log_q: AnyArray) -> AnyArray:
    """P − q over the last axis, each summing to one; the largest as minus the sum of the others."""
    difference = jnp.exp(log_p) - jnp.exp(log_q)
    index = jnp.argmax(jnp.maximum(log_p, log_q), axis=-1, keepdims=True)
    largest = jnp.arange(log_p.shape[-1]) == index
    others = jnp.sum(jnp.where(largest, 0, difference), axis=-1, keepdims=True)
    return jnp.where(largest, -others, difference)


def _hazard_fraction(z: AnyArray) -> AnyArray:
    """Z + 1/(z + 2/(z + 3/(z + …)))."""
    value = z
    for level in range(_HAZARD_LEVELS, 0, -1):
        value = z + level / value
    return value


def _series(d: AnyArray) -> AnyArray:
    total = jnp.zeros_like(d)
    for coefficient in reversed(_EXCESS):
        total = total * d + coefficient
    return total


def _ranges(log_x: AnyArray) -> tuple[AnyArray, AnyArray]:
    """X up to ten, and 1/x from ten on."""
    return jnp.exp(jnp.minimum(log_x, _LOG_TEN)), jnp.exp(-jnp.maximum(log_x, _LOG_TEN))


def _odd_series(inverse: AnyArray, coefficients: tuple[float, ...] | list[float]) -> AnyArray:
    square, total = inverse**2, jnp.zeros_like(inverse)
    for coefficient in reversed(coefficients):
        total = total * square + coefficient
    return total * inverse
