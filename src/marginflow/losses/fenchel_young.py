"""Fenchel–Young losses: a negentropy makes a loss, and its prediction map the loss's slopes.

With θ the scores relative to the true class's own, (0, −u), the loss is Ω*(θ) + Ω(e_y) − θ_y, and
the slope along u_k is −p_k, p the prediction.  So all of numerics is in the prediction's logarithm:
where it is exact, so are the slopes, with their exact zeros.
"""

import functools
from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.long_entmax import entmax_gradient, entmax_parts
from marginflow.losses.long_rows import are_long, as_rows
from marginflow.losses.loss import Loss
from marginflow.losses.negentropy import Negentropy
from marginflow.losses.norm_negentropy import NormNegentropy
from marginflow.losses.sparse_softmax import LEAST_POWER_ALPHA
from marginflow.losses.tail import Tail
from marginflow.losses.tsallis_negentropy import (
    GiniNegentropy,
    TsallisFamily,
    TsallisNegentropy,
)


class FenchelYoungLoss(Loss):
    """What all Fenchel–Young losses share; a subclass says what its negentropy is."""

    @abstractmethod
    def omega(self) -> Negentropy:
        """The negentropy Ω."""

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        return _template(self.omega(), margins)

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        log_abs = self.omega().log_prediction(_scores(margins))[..., 1:]
        return jnp.where(jnp.isneginf(log_abs), 0, -1).astype(log_abs.dtype), log_abs

    def smoothness(self, n_classes: int) -> float | None:
        return self.omega().smoothness(n_classes)

    def tail(self, n_classes: int) -> Tail | None:
        return self.omega().tail(n_classes)

    def _of_scores(self, scores: jax.Array, labels: jax.Array) -> AnyArray:
        alpha = _entmax_order(self.omega())
        if alpha is None or not are_long(scores, labels):
            return super()._of_scores(scores, labels)
        return entmax_parts(*as_rows(scores, labels), alpha).value.reshape(labels.shape)

    def _gradient_of_scores(self, scores: jax.Array, labels: jax.Array) -> AnyArray:
        alpha = _entmax_order(self.omega())
        if alpha is None or not are_long(scores, labels):
            return super()._gradient_of_scores(scores, labels)
        rows = as_rows(scores, labels)
        parts = entmax_parts(*rows, alpha)
        return entmax_gradient(*rows, parts, alpha).reshape(scores.shape)


class FenchelYoung(FenchelYoungLoss):
    """The loss of a negentropy Ω.

    ψ(u) = Ω*(θ) + Ω(e_y) − θ_y with θ = (0, −u), with slopes −p_k, p = argmax ⟨p, θ⟩ − Ω(p) over
    the probability simplex.  Convex, zero only where the prediction is sure of the true class, with
    the smoothness of Ω* and the tail that the negentropy gives it (Blondel, Martins & Niculae 2020,
    arXiv 1901.02324).

    Args:
        negentropy: Ω.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import FenchelYoung, ShannonNegentropy
        >>> FenchelYoung(ShannonNegentropy()).template(np.zeros(3)) / np.log(4)
        np.float64(1.0)
    """

    negentropy: Negentropy

    def omega(self) -> Negentropy:
        return self.negentropy


class SparsemaxLoss(FenchelYoungLoss):
    """The loss of sparsemax, a smooth hinge that is exactly zero from margin 1 on.

    ψ(u) = ½ Σ_{k∈S} (θ_k² − τ²) + ½ with θ = (0, −u), S the support of the sparsemax (θ − τ)₊ and
    its slopes −(−u_k − τ)₊.  For two classes it is (1 − u)²/4 on [−1, 1].  Its smoothness in the
    scores is 1, its tail finite (Martins & Astudillo 2016, arXiv 1602.02068).

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> float(mf.SparsemaxLoss().template(np.array([0.5])))
        0.0625
    """

    def omega(self) -> Negentropy:
        return GiniNegentropy()


class EntmaxLoss(FenchelYoungLoss):
    """The loss of α-entmax, between cross-entropy (α = 1) and the sparsemax loss (α = 2).

    ψ(u) = Ω*(θ) − θ_y with θ = (0, −u) and Ω(p) = Σ_k (p_k^α − p_k) / (α (α − 1)), with slopes
    −p_k, p = ((α−1)θ − τ)₊^(1/(α−1)).  Zero from margin 1/(α−1) on: its tail is finite.  Smoothness
    in the scores: `TsallisNegentropy` says which (Peters, Niculae & Martins 2019, arXiv
    1905.05702).

    Args:
        alpha: the order, α > 1.

    Raises:
        ValueError: if α is not finite and above 1.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> mf.EntmaxLoss().slope_value(np.array([0.0, 2.0]))
        array([-0.5, -0. ])
    """

    alpha: float = eqx.field(static=True, default=1.5)

    def __check_init__(self):
        if not 1 < self.alpha < float("inf"):
            raise ValueError(f"EntmaxLoss: expected a finite alpha > 1, got {self.alpha}.")

    def omega(self) -> Negentropy:
        return TsallisNegentropy(self.alpha)


class TsallisLoss(FenchelYoungLoss):
    """The loss of a Tsallis negentropy, by default one with a polynomial tail.

    ψ(u) = Ω*(θ) − θ_y with θ = (0, −u) and Ω(p) = (Σ_k p_k^α − 1) / (α (α − 1)), with slopes −p_k,
    p_k = ((1−α)(τ − θ_k))^(−1/(1−α)) for α < 1.  It fades as u^(−α/(1−α)) there, is the
    cross-entropy for α = 1 and the entmax loss above.  Smoothness in the scores for α ≤ 1: 2^(α−2)
    (Blondel, Martins & Niculae 2020, arXiv 1901.02324).

    Args:
        alpha: the order, α > 0.

    Raises:
        ValueError: if α is not positive and finite.

    Example:
        >>> import marginflow as mf
        >>> mf.TsallisLoss(alpha=0.75).tail(3).degree
        3.0
    """

    alpha: float = eqx.field(static=True, default=0.5)

    def __check_init__(self):
        TsallisNegentropy(self.alpha)

    def omega(self) -> Negentropy:
        return TsallisNegentropy(self.alpha)


class NormEntropyLoss(FenchelYoungLoss):
    """The loss of a norm negentropy.

    ψ(u) = 1 + τ − θ_y with θ = (0, −u) and Σ_k (θ_k − τ)₊^(q/(q−1)) = 1, with slopes −p_k,
    p ∝ (θ − τ)₊^(1/(q−1)).  Zero from margin 1 on: its tail is finite.  For q = 2 its smoothness in
    the scores is K (Blondel, Martins & Niculae 2020, arXiv 1901.02324).

    Args:
        q: the norm's order, q > 1.

    Raises:
        ValueError: if q is not finite and above 1.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> mf.NormEntropyLoss().slope_value(np.array([0.0, 1.0]))
        array([-0.5, -0. ])
    """

    q: float = eqx.field(static=True, default=2.0)

    def __check_init__(self):
        NormNegentropy(self.q)

    def omega(self) -> Negentropy:
        return NormNegentropy(self.q)


def _entmax_order(negentropy: Negentropy) -> float | None:
    """The α of predictions that are computed on long rows as they lie, or None."""
    if isinstance(negentropy, TsallisFamily) and LEAST_POWER_ALPHA <= negentropy.order() <= 2:
        return negentropy.order()
    return None


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _template(negentropy: Negentropy, margins: AnyArray) -> AnyArray:
    return negentropy.regret(_scores(margins))


@_template.defjvp
def _(negentropy, primals, tangents):
    (margins,), (direction,) = primals, tangents
    p = jnp.exp(negentropy.log_prediction(_scores(margins))[..., 1:])
    return _template(negentropy, margins), -jnp.sum(p * direction, axis=-1)


def _scores(margins: AnyArray) -> AnyArray:
    """θ = (0, −u): the scores with the true class first, relative to its own."""
    return jnp.concatenate([jnp.zeros_like(margins[..., :1]), -margins], axis=-1)
