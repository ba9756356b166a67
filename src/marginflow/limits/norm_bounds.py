"""Upper bounds of norms, rounding included.

A certificate needs two norms from above: that of the weights, for the margin they reach, and the
dual norm of the dual's image, for the margin that no weights exceed.

Entries and lengths have small relative errors.  Singular values are taken from a factorization
M = U S Vᵀ + R that is checked: whatever the U, S and V are, ‖M‖ ≤ ‖U‖ ‖V‖ ‖S‖ + ‖R‖ for every
Schatten norm, and ‖U‖² ≤ 1 + ‖UᵀU − I‖.  R and the defects from orthogonality are computed and
bounded, so nothing is assumed about the routine that made the factors.  Of the elementary functions
it is assumed that powers are exact to four units in the last place.
"""

import math

import numpy as np
from jaxtyping import Float

from marginflow.limits.compensated import gamma, inflate
from marginflow.norms import Norm, SchattenNorm
from marginflow.norms.norm import as_matrix, vector_norm


def norm_upper(
    norm: Norm,
    values: Float[np.ndarray, "*shape"],
    errors: Float[np.ndarray, "*shape"] | None = None,
) -> float:
    """An upper bound of the norm of every array within `errors` of `values`.

    Args:
        norm: any.
        values: (d, K), or (d,).
        errors: non-negative, of the same shape; none by default.

    Example:
        >>> import numpy as np
        >>> from marginflow.norms import as_norm
        >>> norm_upper(as_norm("nuclear"), np.diag([3.0, 4.0])) - 7.0 < 1e-12
        True
    """
    # every norm here is at most the sum of the absolute entries
    apart = 0.0 if errors is None else inflate(float(np.sum(errors)))
    if isinstance(norm, SchattenNorm):
        return _schatten_upper(np.asarray(as_matrix(values)), norm.p) + apart
    return float(norm(values)) * _widened(values.size) + apart


def _widened(count: int) -> float:
    """What covers the rounding of a p-norm of so many magnitudes, and of p itself."""
    return 1.0 + gamma(2 * count + 64)


def _schatten_upper(matrix: Float[np.ndarray, "d k"], p: float) -> float:
    scale = float(np.abs(matrix).max(initial=0.0))
    if scale == 0.0:
        return 0.0
    exponent = int(np.frexp(scale)[1])
    matrix = np.ldexp(matrix, -exponent)
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    count, longest = len(sizes), max(matrix.shape)
    rest = matrix - (left * sizes) @ right
    rounding = gamma(count + 4) * (np.abs(left) * sizes) @ np.abs(right) + gamma(1) * np.abs(matrix)
    # a p-norm below p = 2 is at most the square root of the number of singular values larger
    residual = math.sqrt(count) * float(np.linalg.norm(rest) + np.linalg.norm(rounding))
    stretch = math.sqrt((1.0 + _defect(left.T, longest)) * (1.0 + _defect(right, longest)))
    value = float(vector_norm(sizes, p)) * stretch * _widened(count) + inflate(residual)
    return float(np.ldexp(value * (1.0 + gamma(8)), exponent))


def _defect(rows: Float[np.ndarray, "r s"], longest: int) -> float:
    """An upper bound of ‖R Rᵀ − I‖ for rows that should be orthonormal."""
    product = rows @ rows.T - np.eye(len(rows))
    rounding = gamma(longest + 4) * np.abs(rows) @ np.abs(rows).T
    return inflate(float(np.linalg.norm(product) + np.linalg.norm(rounding)))
