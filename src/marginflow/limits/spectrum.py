"""The singular value decomposition of features, with a proof that none of its values is zero.

X = U S Vᵀ + E, as computed.  Whatever U, S and V are,

    σ_min(X) ≥ σ_min(U) s_r σ_min(V) − ‖E‖,   σ_min(U)² ≥ 1 − ‖I − UᵀU‖,

where r = min(n, d) values are kept; ‖E‖ and both defects are computed, with their own rounding.
Where fewer are kept, those left out are below the rounding of the largest, and nothing is proved.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from marginflow.limits.compensated import gamma, inflate

_EPS = float(np.finfo(np.float64).eps)


class Spectrum(NamedTuple):
    """The singular values of X that are not zero, descending, and their vectors.

    Attributes:
        left: U (n, r).
        values: s (r,).
        right: V (d, r).
        least: a proved lower bound of the least singular value; 0 where nothing is proved.
    """

    left: Float[np.ndarray, "n r"]
    values: Float[np.ndarray, " r"]
    right: Float[np.ndarray, "d r"]
    least: float

    @property
    def rank(self) -> int:
        """How many singular values are not zero."""
        return len(self.values)

    def solve(self, right: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "d k"]:
        """X⁺ times a matrix."""
        return self.right @ ((self.left.T @ right) / self.values[:, None])


def spectrum(rows: Float[np.ndarray, "n d"]) -> Spectrum:
    """The spectrum of features; values up to max(n, d) ε s₁ count as zero.

    Example:
        >>> import numpy as np
        >>> found = spectrum(np.array([[3.0, 0.0], [0.0, 4.0]]))
        >>> found.values, found.least
        (array([4., 3.]), 3.0)
    """
    left, values, right = np.linalg.svd(rows, full_matrices=False)
    kept = values > max(rows.shape) * _EPS * values[0]
    left, right = left[:, kept], right[kept].T
    least = _least(rows, left, values, right) if kept.all() else 0.0
    return Spectrum(left, values[kept], right, least)


def _least(rows: np.ndarray, left: np.ndarray, values: np.ndarray, right: np.ndarray) -> float:
    scaled = left * values
    off = float(np.linalg.norm(rows - scaled @ right.T))
    sizes = np.abs(scaled) @ np.abs(right.T)
    off += gamma(len(values) + 3) * float(np.linalg.norm(sizes))
    kept = (1.0 - _defect(left)) * (1.0 - _defect(right))
    return max(float(values[-1]) * math.sqrt(max(kept, 0.0)) - inflate(off), 0.0)


def _defect(vectors: np.ndarray) -> float:
    """‖I − VᵀV‖."""
    sizes = float(np.linalg.norm(np.abs(vectors).T @ np.abs(vectors)))
    off = float(np.linalg.norm(np.eye(vectors.shape[1]) - vectors.T @ vectors))
    return inflate(off + gamma(len(vectors) + 2) * sizes)
