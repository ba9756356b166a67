"""Group norms: of the lengths of the classes' weight vectors, or of the features'."""

import math

import equinox as eqx

from marginflow._types import AnyArray, namespace
from marginflow.norms.entrywise import EntrywiseNorm
from marginflow.norms.norm import Norm, Parts, as_matrix, conjugate

GROUPS = ("class", "feature")


class GroupNorm(Norm):
    """The p-norm of the Euclidean lengths of W's columns (`class`) or rows (`feature`).

    p = ∞ is the length of the longest: over the classes it is the norm of class-normalized descent,
    whose steps give each class's weight vector the same length (Fan, Schmidt & Thrampoulidis 2025,
    arXiv 2502.04664).  Weights (d,) have one class and d features.

    Args:
        group: "class" or "feature".
        p: from 1 to infinity.

    Raises:
        ValueError: if there is no such group.

    Example:
        >>> from marginflow.norms import GroupNorm
        >>> GroupNorm("class").name, GroupNorm("class").dual.name
        ('class_l2', 'class_l2_sum')
    """

    group: str = eqx.field(static=True)

    def __init__(self, group: str, p: float | int = math.inf):
        super().__init__(p)
        if group not in GROUPS:
            raise ValueError(f"group: expected 'class' or 'feature', got {group!r}.")
        self.group = group

    @property
    def name(self) -> str:
        if self.p == 2:
            return "frobenius"
        return f"{self.group}_l2" + {math.inf: "", 1.0: "_sum"}.get(self.p, f"_p{self.p:.17g}")

    @property
    def dual(self) -> "GroupNorm":
        return GroupNorm(self.group, conjugate(self.p))

    def of_vectors(self) -> Norm:
        return EntrywiseNorm(2 if self.group == "class" else self.p)

    def magnitudes(self, weights: AnyArray) -> AnyArray:
        xp, matrix = namespace(weights), as_matrix(weights)
        top = xp.max(abs(matrix))
        scaled = matrix / xp.where(top > 0, top, 1.0)
        return top * xp.sqrt(xp.sum(scaled**2, axis=self._axis))

    def parts(self, weights: AnyArray) -> Parts:
        xp, magnitudes = namespace(weights), self.magnitudes(weights)
        safe = xp.where(magnitudes > 0, magnitudes, 1.0)
        units = as_matrix(weights) / xp.expand_dims(safe, self._axis)

        def rebuild(magnitudes: AnyArray) -> AnyArray:
            return (units * xp.expand_dims(magnitudes, self._axis)).reshape(weights.shape)

        return Parts(magnitudes, rebuild)

    @property
    def _axis(self) -> int:
        return 0 if self.group == "class" else 1
