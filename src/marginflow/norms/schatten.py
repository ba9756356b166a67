"""Schatten norms: of the singular values."""

import math

from marginflow._types import AnyArray, namespace
from marginflow.norms.entrywise import EntrywiseNorm
from marginflow.norms.norm import Norm, Parts, as_matrix, conjugate


class SchattenNorm(Norm):
    """(Σ σ_i(W)^p)^(1/p); the largest singular value for p = ∞.

    p = ∞ is the spectral norm of spectral descent and Muon, p = 1 the nuclear norm (Fan, Schmidt &
    Thrampoulidis 2025, arXiv 2502.04664).  Weights (d,) are a matrix of one column.

    Args:
        p: from 1 to infinity.

    Example:
        >>> from marginflow.norms import SchattenNorm
        >>> SchattenNorm(float("inf")).name, SchattenNorm(3).name, SchattenNorm(3).dual.name
        ('spectral', 'schatten3', 'schatten1.5')
    """

    @property
    def name(self) -> str:
        named = {1.0: "nuclear", 2.0: "frobenius", math.inf: "spectral"}
        return named.get(self.p, f"schatten{self.p:.17g}")

    @property
    def dual(self) -> "SchattenNorm":
        return SchattenNorm(conjugate(self.p))

    def of_vectors(self) -> Norm:
        return EntrywiseNorm(2)

    def magnitudes(self, weights: AnyArray) -> AnyArray:
        xp = namespace(weights)
        return xp.linalg.svd(as_matrix(weights), compute_uv=False)

    def parts(self, weights: AnyArray) -> Parts:
        xp = namespace(weights)
        left, values, right = xp.linalg.svd(as_matrix(weights), full_matrices=False)
        # a gradient over the classes sums to zero, so that its last singular value is rounding,
        # and its last pair of singular vectors is noise that the polar factor would make large
        rounding = max(weights.shape) * xp.finfo(values.dtype).eps * values[0]
        values = xp.where(values > rounding, values, 0.0)

        def rebuild(magnitudes: AnyArray) -> AnyArray:
            kept = xp.where(values > 0, magnitudes, 0.0)
            return ((left * kept) @ right).reshape(weights.shape)

        return Parts(values, rebuild)
