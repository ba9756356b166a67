"""Entrywise norms: of the entries as one long vector."""

import math

from marginflow._types import AnyArray, namespace
from marginflow.norms.norm import Norm, Parts, conjugate


class EntrywiseNorm(Norm):
    """(Σ |W_jk|^p)^(1/p); the largest |W_jk| for p = ∞.

    p = 2 is the Frobenius norm of gradient descent, p = ∞ the max-norm of sign descent, p = 1 the
    norm of greedy coordinate descent (Gunasekar et al. 2018, arXiv 1802.08246, section 3).

    Args:
        p: from 1 to infinity.

    Example:
        >>> from marginflow.norms import EntrywiseNorm
        >>> EntrywiseNorm(1).name, EntrywiseNorm(1).dual.name, EntrywiseNorm(3).dual.name
        ('l1', 'max', 'l1.5')
    """

    @property
    def name(self) -> str:
        return {2.0: "frobenius", math.inf: "max"}.get(self.p, f"l{self.p:.17g}")

    @property
    def dual(self) -> "EntrywiseNorm":
        return EntrywiseNorm(conjugate(self.p))

    def magnitudes(self, weights: AnyArray) -> AnyArray:
        return abs(weights)

    def parts(self, weights: AnyArray) -> Parts:
        sign = namespace(weights).sign(weights)
        return Parts(abs(weights), lambda magnitudes: sign * magnitudes)
