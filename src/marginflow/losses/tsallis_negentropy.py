"""The Tsallis negentropies: one family with Shannon's (α → 1) and Gini's (α = 2) in it."""

import math
from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from marginflow._types import AnyArray
from marginflow.losses.negentropy import Negentropy
from marginflow.losses.tail import Tail, TailKind, exponential_tail
from marginflow.losses.tsallis_probabilities import log_probabilities, predict

# Gauss–Legendre on (0, 1): its error is below 1e-18 for the integrand of `_short_of_one`.
_X, _W = np.polynomial.legendre.leggauss(14)
_NODES, _WEIGHTS = (1 + _X) / 2, _W / 2


class TsallisFamily(Negentropy):
    """What the Tsallis negentropies share: all but where their order comes from."""

    @abstractmethod
    def order(self) -> float:
        """α."""

    def __call__(self, probabilities: AnyArray) -> AnyArray:
        p = probabilities
        alpha = self.order()
        if alpha == 1:
            return jnp.sum(jax.scipy.special.xlogy(p, p), axis=-1)
        return (jnp.sum(p**alpha, axis=-1) - 1) / (alpha * (alpha - 1))

    def log_prediction(self, scores: AnyArray) -> AnyArray:
        return log_probabilities(scores, self.order())

    def regret(self, scores: AnyArray) -> AnyArray:
        alpha = self.order()
        log_p, reach = predict(scores, alpha)
        gap = jnp.max(scores, axis=-1) - scores[..., 0]
        others = log_p[..., 1:]
        return regret_of_parts(
            log_p[..., 0],
            jnp.sum(jnp.exp(others), axis=-1),
            jnp.sum(jnp.exp(alpha * others), axis=-1),
            jnp.maximum(gap - reach, 0),
            alpha,
        )

    def smoothness(self, n_classes: int) -> float | None:
        alpha = self.order()
        if alpha > 2:
            return max(2.0, 2 ** (alpha - 2)) if n_classes == 2 else None
        m = np.arange(1.0, n_classes)
        r = 2 / (3 - alpha)
        return float(np.max((1 + 1 / m) / (1 + m ** (1 - r)) ** (3 - alpha)))

    def tail(self, n_classes: int) -> Tail:
        alpha = self.order()
        if alpha == 1:
            return exponential_tail()
        if alpha > 1:
            return Tail(TailKind.FINITE)
        return Tail(TailKind.POLYNOMIAL, degree=alpha / (1 - alpha))


class TsallisNegentropy(TsallisFamily):
    """Ω(p) = (Σ_k p_k^α − 1) / (α (α − 1)), whose prediction is the α-entmax.

    For α > 1 predictions are sparse and the loss is zero from margin 1/(α−1) on.  For α < 1 they
    are dense and the loss fades as u^(−α/(1−α)).  For α = 1 it is Shannon's negentropy.  For α ≤ 2
    the smoothness in the scores is max_m (1 + 1/m) / (1 + m^(1−r))^(3−α), with r = 2/(3−α) and
    m < K, which is 2^(α−2) for α ≤ 1 and for few classes; that the maximum has this form is derived
    for α ≤ 1 and at α = 2, and was found by numerical search in between.  For α > 2 it is
    max(2, 2^(α−2)) for two classes, and there is none for more (Blondel, Martins & Niculae 2020,
    arXiv 1901.02324; Peters, Niculae & Martins 2019, arXiv 1905.05702).

    Args:
        alpha: the order, α > 0.

    Raises:
        ValueError: if α is not positive and finite.

    Example:
        >>> import jax.numpy as jnp
        >>> from marginflow.losses import TsallisNegentropy
        >>> float(TsallisNegentropy(alpha=2.0)(jnp.array([0.5, 0.5])))
        -0.25
    """

    alpha: float = eqx.field(static=True, default=1.5)

    def __check_init__(self):
        if not 0 < self.alpha < math.inf:
            raise ValueError(f"TsallisNegentropy: expected a finite alpha > 0, got {self.alpha}.")

    def order(self) -> float:
        return self.alpha


class GiniNegentropy(TsallisFamily):
    """Ω(p) = (‖p‖² − 1) / 2, whose prediction is the sparsemax (Martins & Astudillo 2016).

    Example:
        >>> import jax.numpy as jnp
        >>> from marginflow.losses import GiniNegentropy
        >>> jnp.exp(GiniNegentropy().log_prediction(jnp.array([1.0, 0.5, -2.0])))
        Array([0.75, 0.25, 0.  ], dtype=float32)
    """

    def order(self) -> float:
        return 2.0


def regret_of_parts(
    log_own: AnyArray, others: AnyArray, powers: AnyArray, beyond: AnyArray, alpha: float
) -> AnyArray:
    """Ω*(θ) + Ω(e_y) − θ_y as a sum of terms that are not negative, each right to rounding.

    With φ(p) = p^α / (α (α−1)) it is the Bregman divergence D_φ(1, p_y) + Σ_{k≠y} D_φ(0, p_k), plus
    how far θ_y is beyond the reach of the prediction.

    Args:
        log_own: log p_y.
        others: Σ_{k≠y} p_k.
        powers: Σ_{k≠y} p_k^α.
        beyond: (max θ − θ_y − reach)₊.
        alpha: the order.
    """
    return _short_of_one(log_own, others, alpha) + powers / alpha + beyond


def _short_of_one(log_p: AnyArray, rest: AnyArray, alpha: float) -> AnyArray:
    """D_φ(1, p) = ∫_0^{1−p} s (1−s)^(α−2) ds, for p by its logarithm and by 1 − p.

    Near p = 1, where the closed form cancels, the integral is taken, over a variable on (0, 1).
    """
    q = alpha - 1
    small = rest <= 0.5
    near = jnp.where(small, rest, 0)
    nodes = jnp.asarray(_NODES, near.dtype)
    weights = jnp.asarray(_NODES * _WEIGHTS, near.dtype)
    integral = near**2 * jnp.sum(weights * (1 - near[..., None] * nodes) ** (q - 1), axis=-1)
    far = jnp.where(small, 0, log_p)
    linear = -far if q == 0 else -jnp.expm1(q * far) / q
    return jnp.where(small, integral, linear + jnp.expm1(alpha * far) / alpha)
