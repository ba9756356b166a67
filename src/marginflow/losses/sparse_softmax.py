"""α-entmax and sparsemax: probabilities of scores, with exact zeros.

These are the prediction maps of Fenchel–Young losses, as kernels of their own for arrays of scores.
Rows may be long: the one unknown of each row, its threshold, is found among its largest entries.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from numpy.typing import ArrayLike

from marginflow._types import AnyArray
from marginflow.losses.array_border import in_callers_type
from marginflow.losses.leading_entries import (
    FEWEST_COLUMNS,
    block_peaks,
    on_leading_entries,
)
from marginflow.losses.tsallis_probabilities import largest_power, log_probabilities, positive_power

# From here on the probabilities are powers of distances from the threshold, without a logarithm.
LEAST_POWER_ALPHA = 1.125


def sparsemax(scores: ArrayLike) -> AnyArray:
    """The Euclidean projection of scores onto the probability simplex, along the last axis.

    sparsemax(θ) = argmin_p ‖p − θ‖² over the simplex = (θ − τ)₊, τ such that they sum to 1 (Martins
    & Astudillo 2016, arXiv 1602.02068).  It is exact up to rounding, and differentiable by JAX.

    Args:
        scores: θ, (..., K).

    Returns:
        Probabilities as `scores`, in their dtype and array type.

    Raises:
        TypeError: if `scores` are not real numbers in an array of NumPy or JAX or in a list.

    Example:
        >>> from marginflow.losses import sparsemax
        >>> sparsemax([1.0, 0.5, -2.0])
        array([0.75, 0.25, 0.  ])
    """
    return entmax(scores, alpha=2.0)


def entmax(scores: ArrayLike, alpha: float = 1.5) -> AnyArray:
    """The α-entmax of scores along the last axis: sparse probabilities for every α > 1.

    entmax(θ) = argmax_p ⟨p, θ⟩ − Ω(p) with Ω the Tsallis negentropy of order α, which is
    ((α−1)(θ − τ))₊^(1/(α−1)): softmax for α = 1, sparsemax for α = 2, and dense with polynomial
    tails for α < 1 (Peters, Niculae & Martins 2019, arXiv 1905.05702).  It is exact up to rounding
    for every α, and differentiable by JAX in the scores.

    Args:
        scores: θ, (..., K).
        alpha: the order, α > 0.

    Returns:
        Probabilities as `scores`, in their dtype and array type.

    Raises:
        TypeError: if `scores` are not real numbers in an array of NumPy or JAX or in a list.
        ValueError: if α is not positive and finite.

    Example:
        >>> from marginflow.losses import entmax
        >>> entmax([0.0, 0.0, -2.0])
        array([0.5, 0.5, 0. ])
    """
    if not 0 < alpha < float("inf"):
        raise ValueError(f"entmax: expected a finite alpha > 0, got {alpha}.")
    return in_callers_type(_entmax, float(alpha), scores)


def _entmax(alpha: float, scores: AnyArray) -> AnyArray:
    return probabilities(scores, alpha)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def probabilities(scores: AnyArray, alpha: float) -> AnyArray:
    """p_k, with derivatives dp = s (dθ − Σ_j s_j dθ_j / Σ_j s_j), s = p^(2−α) on the support."""
    if not LEAST_POWER_ALPHA <= alpha <= 2:
        return jnp.exp(log_probabilities(scores, alpha))
    rows = scores.reshape(-1, scores.shape[-1])
    power = on_rows(lambda _, __, power: power, rows, alpha - 1)
    return powers(rows, power, alpha - 1).reshape(scores.shape)


@probabilities.defjvp
def _(alpha, primals, tangents):
    (scores,), (direction,) = primals, tangents
    p = probabilities(scores, alpha)
    support = p > 0
    weights = jnp.where(support, jnp.where(support, p, 1) ** (2 - alpha), 0)
    direction = jnp.where(support, direction, 0)
    mean = jnp.sum(weights * direction, axis=-1, keepdims=True) / jnp.sum(
        weights, axis=-1, keepdims=True
    )
    return p, weights * (direction - mean)


def on_rows(compute: Callable[..., Any], scores: AnyArray, q: float) -> Any:
    """`compute(gaps, columns, T)` for rows (n, K), on entries outside of which all p_k are zero.

    Args:
        compute: of the gaps max θ − θ_k (n, m), the columns they come from, and T (n, 1).
        scores: θ, (n, K).
        q: α − 1, with 0 < q ≤ 1.
    """
    top = jnp.max(scores, axis=1, keepdims=True)

    def with_entries(entries: AnyArray, columns: AnyArray, start: AnyArray | float = 1.0) -> Any:
        gaps = top - entries
        return compute(gaps, columns, largest_power(gaps, q, start))

    if scores.shape[1] < FEWEST_COLUMNS:
        return with_entries(scores, jnp.arange(scores.shape[1])[None])
    # fewer entries leave more for each: the T of a part is not below that of all
    peaks = block_peaks(scores)
    start = largest_power(top - peaks, q) * (1 + 8 * jnp.finfo(scores.dtype).eps)
    return on_leading_entries(
        lambda entries, columns: with_entries(entries, columns, start), scores, peaks, start / q
    )


def powers(scores: AnyArray, power: AnyArray, q: float) -> AnyArray:
    """The p = (T − q (max θ − θ))₊^(1/q), for T = (max p)^q of shape (..., 1)."""
    top = jax.lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True))
    return positive_power(power - q * (top - scores), 1 / q)
