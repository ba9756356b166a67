"""Proofs about systems of rows: independence, and bounds on their solutions.

With B near a right inverse of A_S and E = I − A_S B, ‖E‖ < 1 proves that the rows of A_S are
independent, whatever B is and however it was computed: for unit z,
1 − ‖E‖ ≤ ‖BᵀA_Sᵀz‖ ≤ ‖B‖ ‖A_Sᵀz‖, so that ‖A_S⁺‖ ≤ κ = ‖B‖/(1 − ‖E‖).
"""

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_triangular

from marginflow.limits.compensated import UNIT, gamma, inflate
from marginflow.limits.linear_algebra import thin_qr
from marginflow.limits.pair_products import PairValues


class RightInverse:
    """B with A_S B near the identity, and what that proves about A_S⁺.

    Attributes:
        matrix: B (p, m).
        defect: an upper bound of ‖I − A_S B‖, below 1/2.
        condition: κ, an upper bound of ‖A_S⁺‖.
    """

    def __init__(self, matrix: Float[np.ndarray, "p m"], defect: float):
        self.matrix = matrix
        self.defect = defect
        self._frobenius = float(np.linalg.norm(matrix))
        sizes = np.abs(matrix)
        spectral = float(np.sqrt(sizes.sum(0).max() * sizes.sum(1).max()))
        self.condition = inflate(min(self._frobenius, spectral) / (1.0 - defect))

    @classmethod
    def of(cls, rows: Float[np.ndarray, "m p"]) -> "RightInverse | None":
        """The right inverse of independent rows; None where independence is not proved."""
        count, size = rows.shape
        if not 0 < count <= size:
            return None
        q, r = thin_qr(rows.T)
        if np.abs(np.diag(r)).min() <= UNIT * np.abs(r).max():
            return None
        matrix = np.ascontiguousarray(solve_triangular(r, q.T, check_finite=False).T)
        defect = float(np.linalg.norm(np.eye(count) - rows @ matrix))
        rounding = gamma(size + 2) * float(np.linalg.norm(rows) * np.linalg.norm(matrix))
        defect = inflate(defect + rounding)
        return cls(matrix, defect) if defect < 0.5 else None

    def shift(self, values: PairValues, bounds: PairValues) -> float:
        """An upper bound of ‖A_S⁺ r‖ for every r within `bounds` of `values`."""
        size = float(np.linalg.norm(values))
        moved = float(np.linalg.norm(self.matrix @ values))
        rounding = gamma(len(values) + 2) * self._frobenius * size
        error = self.condition * (float(np.linalg.norm(bounds)) + self.defect * size)
        return inflate(moved + rounding + error)

    def dual_shifts(self, size: float) -> PairValues:
        """Upper bounds of |c_j| for every c with ‖A_Sᵀc‖ at most `size`."""
        return inflate((np.linalg.norm(self.matrix, axis=0) + self.condition * self.defect) * size)
