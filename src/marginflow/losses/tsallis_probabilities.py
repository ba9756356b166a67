"""The probabilities of a Tsallis prediction: softmax, α-entmax and sparsemax in one formula.

The prediction map of the Tsallis negentropy of order α is, with q = α − 1,

    p_k = (T − q g_k)₊^(1/q),   g_k = max θ − θ_k,

where T = (max p)^q is the one unknown: the p_k have to sum to 1 (Peters, Niculae & Martins 2019,
arXiv 1905.05702).  For q = 1 that is sparsemax, for q → 0 softmax, and for q < 0 no p_k is zero.
No sorting is needed up to q = 1.  There F(T)^q, with F the sum, is convex in T for q > 0 and
concave for q < 0, as a norm of the vector of the p_k^q is.  So Newton's method from T = 1 runs to
its root from one side, without any guard; for q = 1 the function is piecewise linear and the method
ends after finitely many steps.

For q > 1 the terms rise vertically from zero, and it is the smallest positive probability that has
to be the unknown.  Then every other follows from it by a sum of positive terms.  Which one is the
smallest is found by bisection in the sorted scores.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray

# Where |q| is below, T is so near to 1 that log p has lost digits, and log(max p) is the unknown.
_NEARLY_SOFTMAX = 1 / 8
_MAX_STEPS = 200


class Prediction(NamedTuple):
    """What a prediction is made of.

    Attributes:
        log_probabilities: (..., K), −inf outside of the support.
        reach: (...), the distance from the largest score at which probabilities vanish; infinite
            where they do not.
    """

    log_probabilities: AnyArray
    reach: AnyArray


def predict(scores: AnyArray, alpha: float) -> Prediction:
    """The prediction at scores (..., K), without derivatives.

    Args:
        scores: θ, finite or −inf.
        alpha: the order, α > 0.
    """
    gaps = jnp.max(scores, axis=-1, keepdims=True) - scores
    q = alpha - 1
    if q > 1:
        return _from_smallest(gaps, q)
    if abs(q) < _NEARLY_SOFTMAX:
        log_p = _nearly_softmax(gaps, q)
        reach = jnp.exp(q * jnp.max(log_p, axis=-1)) / q if q > 0 else jnp.inf
    else:
        power = largest_power(gaps, q)
        rest = power - q * gaps
        log_p = _log_of_positive(rest) / q
        log_p = jnp.where(rest > 0, log_p, -jnp.inf)
        reach = power[..., 0] / q if q > 0 else jnp.inf
    return Prediction(log_p, jnp.broadcast_to(reach, log_p.shape[:-1]).astype(log_p.dtype))


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def log_probabilities(scores: AnyArray, alpha: float) -> AnyArray:
    """The log p_k, with derivatives of every order from the implicit function theorem.

    dp = s (dθ − Σ_j s_j dθ_j / Σ_j s_j) on the support, with s = p^(2−α) (Peters, Niculae & Martins
    2019, arXiv 1905.05702).
    """
    return predict(scores, alpha).log_probabilities


@log_probabilities.defjvp
def _(alpha, primals, tangents):
    (scores,), (direction,) = primals, tangents
    log_p = log_probabilities(scores, alpha)
    support = log_p > -jnp.inf
    finite = jnp.where(support, log_p, 0)
    weights = jnp.where(support, jnp.exp((2 - alpha) * finite), 0)
    # a score of −inf has no derivative, and none has to reach it
    direction = jnp.where(support, direction, 0)
    mean = jnp.sum(weights * direction, axis=-1, keepdims=True) / jnp.sum(
        weights, axis=-1, keepdims=True
    )
    relative = jnp.exp((1 - alpha) * finite) * (direction - mean)
    return log_p, jnp.where(support, relative, 0)


def largest_power(gaps: AnyArray, q: float, start: AnyArray | float = 1.0) -> AnyArray:
    """T = (max p)^q, (..., 1), for −1 < q ≤ 1 and q ≠ 0, by Newton's method on F(T)^q = 1.

    Args:
        gaps: (..., K), the distances from the largest score.
        q: α − 1.
        start: not below T for q > 0, not above it for q < 0, as the T of a part of the entries.
    """
    noise = 4 * jnp.finfo(gaps.dtype).eps
    inward = math.copysign(1.0, q)

    def step(state):
        count, power, moving = state
        rest = power - q * gaps
        total = jnp.sum(positive_power(rest, 1 / q), axis=-1, keepdims=True)
        slope = jnp.sum(positive_power(rest, 1 / q - 1), axis=-1, keepdims=True)
        excess = total - 1 if q == 1 else -total * jnp.expm1(-q * jnp.log(total))
        change = excess / slope
        # each row ends by itself, so that no row depends on the others
        power = jnp.where(moving, power - change, power)
        return count + 1, power, moving & (inward * change > noise * power)

    power = jnp.broadcast_to(start, (*gaps.shape[:-1], 1)).astype(gaps.dtype)
    state = (0, power, jnp.ones(power.shape, bool))
    return jax.lax.while_loop(
        lambda state: jnp.any(state[2]) & (state[0] < _MAX_STEPS), step, state
    )[1]


def positive_power(values: AnyArray, exponent: float) -> AnyArray:
    """x₊^exponent, with 0 for x ≤ 0; whole exponents are exact and quick."""
    if exponent == 0:
        return jnp.sign(jnp.maximum(values, 0))
    if exponent == int(exponent) and 0 < exponent <= 8:
        return jax.lax.integer_pow(jnp.maximum(values, 0), int(exponent))
    if exponent < 0:
        return jnp.exp(exponent * jnp.log(values))
    return jnp.exp(exponent * jnp.log(jnp.maximum(values, 0)))


def _nearly_softmax(gaps: AnyArray, q: float) -> AnyArray:
    """For small |q|: T settles log p to rounding/q, and two steps in log(max p) to rounding."""
    if q == 0:
        return _log_softmax(gaps)
    top = jnp.log(largest_power(gaps, q)) / q

    def logs(top):
        change = -q * gaps * jnp.exp(-q * top)
        support = change > -1
        return jnp.where(support, top + jnp.log1p(jnp.where(support, change, 0)) / q, -jnp.inf)

    for _ in range(2):
        terms = jnp.exp(logs(top))
        total = jnp.sum(terms, axis=-1, keepdims=True)
        # p^(1−q), up to the factor T that both have
        weights = jnp.sum(
            jnp.where(terms > 0, jnp.exp((1 - q) * logs(top) + q * top), 0), axis=-1, keepdims=True
        )
        top = top + jnp.log1p(total / weights * jnp.expm1(-q * jnp.log(total))) / q
    return logs(top)


def _log_softmax(gaps: AnyArray) -> AnyArray:
    largest = gaps == 0
    others = jnp.sum(jnp.where(largest, 0, jnp.exp(-gaps)), axis=-1, keepdims=True)
    ties = jnp.sum(largest, axis=-1, keepdims=True) - 1
    return -gaps - jnp.log1p(others + ties)


def _from_smallest(gaps: AnyArray, q: float) -> Prediction:
    """For q > 1: p_k = (b^q + q (g − g_k))^(1/q), with b the smallest and g its gap."""
    edge = _largest_gap_of_support(gaps, q)
    inside = gaps <= edge
    lifts = q * jnp.where(inside, edge - gaps, 0)
    lowest = jnp.sum(inside, axis=-1, keepdims=True)

    def logs(smallest):
        """Logarithms on the support; b itself where b^q may underflow."""
        power = jnp.exp(q * jnp.log(smallest)) + lifts
        own = jnp.where(lifts == 0, jnp.log(smallest), _log_of_positive(power) / q)
        return jnp.where(inside, own, -jnp.inf)

    def step(state):
        count, smallest, moving = state
        log_p = logs(smallest)
        excess = jnp.sum(jnp.exp(log_p), axis=-1, keepdims=True) - 1
        ratio = jnp.where(inside, jnp.exp((q - 1) * (jnp.log(smallest) - log_p)), 0)
        change = excess / jnp.sum(ratio, axis=-1, keepdims=True)
        # rounding must not carry it below zero
        following = jnp.maximum(smallest - change, smallest / 1024)
        smallest = jnp.where(moving, following, smallest)
        noise = 4 * jnp.finfo(gaps.dtype).eps
        return count + 1, smallest, moving & (change > noise * smallest)

    # all of the support at least as likely as b leaves b at most one in so many
    smallest = 1 / lowest.astype(gaps.dtype)
    state = (0, smallest, jnp.ones(smallest.shape, bool))
    smallest = jax.lax.while_loop(
        lambda state: jnp.any(state[2]) & (state[0] < _MAX_STEPS), step, state
    )[1]
    reach = edge + jnp.exp(q * jnp.log(smallest)) / q
    return Prediction(logs(smallest), reach[..., 0])


def _largest_gap_of_support(gaps: AnyArray, q: float) -> AnyArray:
    """The gap of the last entry, in order, whose predecessors alone sum to less than 1 there."""
    ordered = jnp.sort(gaps, axis=-1)
    n_classes = gaps.shape[-1]
    first = jnp.zeros((*gaps.shape[:-1], 1), jnp.int32)

    def halve(_, bounds):
        low, high = bounds
        middle = (low + high) // 2
        edge = jnp.take_along_axis(ordered, middle, axis=-1)
        lifts = q * jnp.where(ordered < edge, edge - ordered, 0)
        inside = jnp.sum(positive_power(lifts, 1 / q), axis=-1, keepdims=True) < 1
        return jnp.where(inside, middle, low), jnp.where(inside, high, middle)

    rounds = max(n_classes - 1, 1).bit_length() + 1
    low, _ = jax.lax.fori_loop(0, rounds, halve, (first, first + n_classes))
    return jnp.take_along_axis(ordered, low, axis=-1)


def _log_of_positive(values: AnyArray) -> AnyArray:
    return jnp.log(jnp.where(values > 0, values, 1))
