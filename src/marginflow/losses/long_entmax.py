"""Entmax losses of long rows of scores."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.long_rows import at_true_class, true_class
from marginflow.losses.sparse_softmax import on_rows
from marginflow.losses.tsallis_negentropy import regret_of_parts
from marginflow.losses.tsallis_probabilities import positive_power


class EntmaxParts(NamedTuple):
    """What an entmax loss and its gradient are made of, for each row.

    Attributes:
        value: (n,), the loss.
        power: (n, 1), T = (max p)^(α−1).
        others: (n, 1), the sum of all probabilities but the true class's.
    """

    value: AnyArray
    power: AnyArray
    others: AnyArray


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def entmax_parts(scores: AnyArray, labels: AnyArray, alpha: float) -> EntmaxParts:
    """The loss of α-entmax of each row (n, K), for 1 < α ≤ 2, and what its gradient needs."""
    q = alpha - 1

    def sums(gaps, columns, power):
        rest = power - q * gaps
        true = columns == labels[:, None]
        p = jnp.where(true, 0, positive_power(rest, 1 / q))
        p_alpha = jnp.where(true, 0, positive_power(rest, alpha / q))
        return power, *(jnp.sum(terms, axis=1, keepdims=True) for terms in (p, p_alpha))

    power, others, powers = on_rows(sums, scores, q)
    gap = jnp.max(scores, axis=1, keepdims=True) - at_true_class(scores, labels)
    rest = power - q * gap
    log_own = jnp.where(rest > 0, jnp.log(jnp.where(rest > 0, rest, 1)) / q, -jnp.inf)
    beyond = jnp.maximum(gap - power / q, 0)
    value = regret_of_parts(log_own, others, powers, beyond, alpha)
    return EntmaxParts(value[:, 0], power, others)


@entmax_parts.defjvp
def _(alpha, primals, tangents):
    (scores, labels), (direction, _) = primals, tangents
    q = alpha - 1
    parts = entmax_parts(scores, labels, alpha)
    rest = _rest(scores, parts, q)
    weights = jnp.where(rest > 0, jnp.where(rest > 0, rest, 1) ** (1 / q - 1), 0)
    mean = jnp.sum(weights * direction, axis=1, keepdims=True) / jnp.sum(
        weights, axis=1, keepdims=True
    )
    change = jnp.where(true_class(scores, labels), 0, weights * (direction - mean))
    gradient = entmax_gradient(scores, labels, parts, alpha)
    return parts, EntmaxParts(
        jnp.sum(gradient * direction, axis=1),
        -q * mean,
        jnp.sum(change, axis=1, keepdims=True),
    )


def entmax_gradient(
    scores: AnyArray, labels: AnyArray, parts: EntmaxParts, alpha: float
) -> AnyArray:
    """The α-entmax, with minus the sum of the others at the true class."""
    rest = _rest(scores, parts, alpha - 1)
    p = jnp.where(rest > 0, positive_power(jnp.where(rest > 0, rest, 1), 1 / (alpha - 1)), 0)
    return jnp.where(true_class(scores, labels), -parts.others, p)


def _rest(scores: AnyArray, parts: EntmaxParts, q: float) -> AnyArray:
    """T − q (max θ − θ), whose positive part is p^q."""
    top = jax.lax.stop_gradient(jnp.max(scores, axis=1, keepdims=True))
    return parts.power - q * (top - scores)
