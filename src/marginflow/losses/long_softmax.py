"""Cross-entropy of long rows of scores."""

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.leading_entries import split_blocks
from marginflow.losses.long_rows import at_true_class, true_class


@jax.custom_jvp
def cross_entropy(scores: AnyArray, labels: AnyArray) -> AnyArray:
    """The logarithm of Σ_k e^(θ_k − θ_y) of each row (n, K)."""
    top, own, others = _softmax_parts(scores, labels)
    gap = top - at_true_class(scores, labels)
    return jnp.where(gap == 0, jnp.log1p(others), jnp.log(others + own) + gap)[:, 0]


@cross_entropy.defjvp
def _(primals, tangents):
    (scores, labels), (direction, _) = primals, tangents
    gradient = cross_entropy_gradient(scores, labels)
    return cross_entropy(scores, labels), jnp.sum(gradient * direction, axis=1)


@jax.custom_jvp
def cross_entropy_gradient(scores: AnyArray, labels: AnyArray) -> AnyArray:
    """The softmax, with minus the sum of the others at the true class."""
    top, own, others = _softmax_parts(scores, labels)
    total = others + own
    return jnp.where(true_class(scores, labels), -others / total, jnp.exp(scores - top) / total)


@cross_entropy_gradient.defjvp
def _(primals, tangents):
    (scores, labels), (direction, _) = primals, tangents
    gradient = cross_entropy_gradient(scores, labels)
    true = true_class(scores, labels)
    p = jnp.where(true, 0, gradient)
    relative = direction - at_true_class(direction, labels)
    change = p * (relative - jnp.sum(p * relative, axis=1, keepdims=True))
    return gradient, jnp.where(true, -jnp.sum(change, axis=1, keepdims=True), change)


def _softmax_parts(scores: AnyArray, labels: AnyArray) -> tuple[AnyArray, AnyArray, AnyArray]:
    """The largest score, e^(θ_y − max θ), and the sum of e^(θ_k − max θ) over the others."""
    top = jnp.max(scores, axis=1, keepdims=True)
    blocks, rest = split_blocks(scores)
    n_blocks, size = blocks.shape[1:]
    sums = jnp.sum(jnp.exp(blocks - top[:, :, None]), axis=2)
    # the true class's block is summed again without it
    home = labels[:, None] // size
    block = jnp.take_along_axis(blocks, jnp.minimum(home, n_blocks - 1)[:, :, None], axis=1)[:, 0]
    without = jnp.where(jnp.arange(size) == labels[:, None] % size, 0, jnp.exp(block - top))
    others = jnp.sum(jnp.where(jnp.arange(n_blocks) == home, 0, sums), axis=1, keepdims=True)
    others += jnp.where(home < n_blocks, jnp.sum(without, axis=1, keepdims=True), 0)
    if rest.size:
        behind = jnp.arange(n_blocks * size, scores.shape[1]) == labels[:, None]
        others += jnp.sum(jnp.where(behind, 0, jnp.exp(rest - top)), axis=1, keepdims=True)
    return top, jnp.exp(at_true_class(scores, labels) - top), others
