"""The norm negentropies: ‖p‖_q − 1, whose losses keep a margin of 1 for every q."""

import math

import equinox as eqx
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.log_sum import log_shares
from marginflow.losses.negentropy import Negentropy
from marginflow.losses.tail import Tail, TailKind
from marginflow.losses.tsallis_probabilities import log_probabilities, predict


class NormNegentropy(Negentropy):
    """Ω(p) = ‖p‖_q − 1, whose predictions are sparse.

    With r = p/‖p‖_q it is θ_k − τ = r_k^(q−1) on the support, so that the r_k^q are the entmax of
    order 2 − 1/q of the scores θ q/(q−1), and their q-th roots, normalized, are p.  The loss is
    zero from margin 1 on.  For q ≤ 2 its smoothness in the scores is at most K/(q−1), which is the
    constant for q = 2; for q > 2 there is none (Blondel, Martins & Niculae 2020, arXiv 1901.02324).

    Args:
        q: the norm's order, q > 1.

    Raises:
        ValueError: if q is not finite and above 1.

    Example:
        >>> import jax.numpy as jnp
        >>> from marginflow.losses import NormNegentropy
        >>> jnp.exp(NormNegentropy().log_prediction(jnp.array([0.2, 0.0, -0.8])))
        Array([0.5714286 , 0.42857143, 0.        ], dtype=float32)
    """

    q: float = eqx.field(static=True, default=2.0)

    def __check_init__(self):
        if not 1 < self.q < math.inf:
            raise ValueError(f"NormNegentropy: expected a finite q > 1, got {self.q}.")

    def __call__(self, probabilities: AnyArray) -> AnyArray:
        return jnp.sum(probabilities**self.q, axis=-1) ** (1 / self.q) - 1

    def log_prediction(self, scores: AnyArray) -> AnyArray:
        roots = log_probabilities(self._stretched(scores), self._alpha) / self.q
        return log_shares(roots)

    def regret(self, scores: AnyArray) -> AnyArray:
        log_p, reach = predict(self._stretched(scores), self._alpha)
        # the own class's r^q falls short of 1 by what the others have
        others = jnp.sum(jnp.exp(log_p[..., 1:]), axis=-1)
        own = jnp.where(others <= 0.5, jnp.log1p(-jnp.minimum(others, 0.5)), log_p[..., 0])
        gap = jnp.max(scores, axis=-1) - scores[..., 0]
        beyond = jnp.maximum(gap - reach * (1 - 1 / self.q), 0)
        return beyond - jnp.expm1((1 - 1 / self.q) * own)

    def smoothness(self, n_classes: int) -> float | None:
        return n_classes / (self.q - 1) if self.q <= 2 else None

    def tail(self, n_classes: int) -> Tail:
        return Tail(TailKind.FINITE)

    @property
    def _alpha(self) -> float:
        return 2 - 1 / self.q

    def _stretched(self, scores: AnyArray) -> AnyArray:
        return scores * (self.q / (self.q - 1))
