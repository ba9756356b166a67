"""Cross-entropy: ψ(u) = log(1 + Σ e^(−u_k)).

The slopes are −p_k with p the softmax of the scores (0, −u).  Their logarithms are formed from the
largest score, so that they are right to rounding both where p_k is nearly zero and where it is
nearly one.  That formula branches on which score is largest, while its derivatives do not: they are
the averages over p that the theory writes down, and are given to JAX as such.
"""

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses import long_softmax
from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.long_rows import are_long, as_rows
from marginflow.losses.loss import Loss
from marginflow.losses.tail import Tail, exponential_tail


class CrossEntropy(Loss):
    """The cross-entropy of a softmax, the logistic loss for two classes.

    ψ(u) = log(1 + Σ_k e^(−u_k)), with slopes −e^(−u_k) / (1 + Σ_j e^(−u_j)).  Its tail is
    exponential with rate 1 and constant 1 (Ravi et al. 2024, arXiv 2411.01350); its
    smoothness in the scores is 1/2.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> sign, log_abs = mf.CrossEntropy().slope(np.array([1e6, 2e6]))
        >>> log_abs
        array([-1000000., -2000000.])
    """

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        return _template(margins)

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        log_abs = _log_slopes(margins)
        return -jnp.ones_like(log_abs), log_abs

    @keeps_array_type
    def slope_value(self, margins: AnyArray) -> AnyArray:
        # the shift cancels, and so do its derivatives
        low = jax.lax.stop_gradient(jnp.minimum(jnp.min(margins, axis=-1, keepdims=True), 0))
        weights = jnp.exp(low - margins)
        return -weights / (jnp.exp(low) + jnp.sum(weights, axis=-1, keepdims=True))

    def smoothness(self, n_classes: int) -> float:
        return 0.5

    def tail(self, n_classes: int) -> Tail:
        return exponential_tail()

    def _of_scores(self, scores: jax.Array, labels: jax.Array) -> AnyArray:
        if not are_long(scores, labels):
            return super()._of_scores(scores, labels)
        return long_softmax.cross_entropy(*as_rows(scores, labels)).reshape(labels.shape)

    def _gradient_of_scores(self, scores: jax.Array, labels: jax.Array) -> AnyArray:
        if not are_long(scores, labels):
            return super()._gradient_of_scores(scores, labels)
        rows = as_rows(scores, labels)
        return long_softmax.cross_entropy_gradient(*rows).reshape(scores.shape)


@jax.custom_jvp
def _template(margins: AnyArray) -> AnyArray:
    low, log_total = _shifted(margins)
    return (log_total - low)[..., 0]


@_template.defjvp
def _(primals, tangents):
    (margins,), (direction,) = primals, tangents
    return _template(margins), -jnp.sum(jnp.exp(_log_slopes(margins)) * direction, axis=-1)


@jax.custom_jvp
def _log_slopes(margins: AnyArray) -> AnyArray:
    """The slopes' logarithms, log p_k = −u_k − ψ(u)."""
    low, log_total = _shifted(margins)
    return (low - margins) - log_total


@_log_slopes.defjvp
def _(primals, tangents):
    (margins,), (direction,) = primals, tangents
    log_slopes = _log_slopes(margins)
    mean = jnp.sum(jnp.exp(log_slopes) * direction, axis=-1, keepdims=True)
    return log_slopes, mean - direction


def _shifted(margins: AnyArray) -> tuple[AnyArray, AnyArray]:
    """The shift low = min(0, min u), and log(e^low + Σ e^(low − u_k)).

    One term of that sum is 1, that of the largest score; log1p takes the others.
    """
    low = jnp.minimum(jnp.min(margins, axis=-1, keepdims=True), 0)
    largest = (margins == low) & (low < 0)
    ties = jnp.sum(largest, axis=-1, keepdims=True)
    others = jnp.sum(jnp.where(largest, 0, jnp.exp(low - margins)), axis=-1, keepdims=True)
    own = jnp.where(low < 0, jnp.exp(low), 0)
    return low, jnp.log1p(others + own + jnp.maximum(ties - 1, 0))
