"""What a Fenchel–Young loss is made of: a negentropy Ω and its prediction map.

Ω is convex and symmetric on the probability simplex.  It says how far a prediction is from knowing
nothing, and the prediction map θ ↦ argmax_p ⟨p, θ⟩ − Ω(p) is what its loss is fitted by.
"""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.cross_entropy import CrossEntropy
from marginflow.losses.tail import Tail, exponential_tail
from marginflow.losses.tsallis_probabilities import log_probabilities


class Negentropy(eqx.Module):
    """A convex symmetric function Ω on the probability simplex.  Frozen.

    A new one has `__call__`, `log_prediction`, `smoothness` and `tail`; its formulas are written
    for JAX arrays.
    """

    @abstractmethod
    def __call__(self, probabilities: AnyArray) -> AnyArray:
        """Ω(p): probabilities (..., K) to values (...)."""

    @abstractmethod
    def log_prediction(self, scores: AnyArray) -> AnyArray:
        """The logarithm of p = argmax ⟨p, θ⟩ − Ω(p), (..., K), differentiable; −inf for zeros."""

    def regret(self, scores: AnyArray) -> AnyArray:
        """Ω*(θ) + Ω(e_1) − θ_1, what the first class loses where it is the true one.

        Only its values are used, not its derivatives.
        """
        p = jnp.exp(self.log_prediction(scores))
        # scores of zero probability may be infinite
        gained = jnp.sum(jnp.where(p > 0, p * (scores - scores[..., :1]), 0), axis=-1)
        sure = jnp.zeros(scores.shape[-1], scores.dtype).at[0].set(1)
        return jnp.maximum(gained - self(p) + self(sure), 0)

    @abstractmethod
    def smoothness(self, n_classes: int) -> float | None:
        """The largest eigenvalue of the Hessian of Ω*, or None where there is no bound."""

    @abstractmethod
    def tail(self, n_classes: int) -> Tail | None:
        """The tail of the loss."""


class ShannonNegentropy(Negentropy):
    """Ω(p) = Σ_k p_k log p_k, whose prediction is the softmax and whose loss the cross-entropy.

    Example:
        >>> import jax.numpy as jnp
        >>> from marginflow.losses import ShannonNegentropy
        >>> float(ShannonNegentropy()(jnp.array([0.5, 0.5])))
        -0.693147
    """

    def __call__(self, probabilities: AnyArray) -> AnyArray:
        return jnp.sum(jax.scipy.special.xlogy(probabilities, probabilities), axis=-1)

    def log_prediction(self, scores: AnyArray) -> AnyArray:
        return log_probabilities(scores, 1.0)

    def regret(self, scores: AnyArray) -> AnyArray:
        return CrossEntropy().template(scores[..., :1] - scores[..., 1:])

    def smoothness(self, n_classes: int) -> float:
        return 0.5

    def tail(self, n_classes: int) -> Tail:
        return exponential_tail()
