"""A growing and shrinking set of linearly independent rows, held as a QR factor.

The max-margin weights that make every pair of a support S tight are the shortest solution of
A_S W = 1, and their dual is the α with A_Sᵀα = W.  With A_Sᵀ = Q R both are triangular solves:
W = Q R⁻ᵀ1, α = R⁻¹R⁻ᵀ1.  The Gram matrix A_S A_Sᵀ would give the same with half the digits.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import solve_triangular

from marginflow.limits.compensated import UNIT
from marginflow.limits.linear_algebra import pivoted_qr, without_column


class Basis:
    """Linearly independent rows of a pool, in the order in which they came.

    Args:
        rows: the pool (c, p).
        candidates: positions in the pool to start from; of dependent ones a well-conditioned part
            is kept.

    Attributes:
        rows: the pool.
        norms: the norms of its rows (c,).
        members: the positions that are in the basis (m,).
    """

    def __init__(self, rows: Float[np.ndarray, "c p"], candidates: Int[np.ndarray, " k"]):
        self.rows = rows
        self.norms = np.linalg.norm(rows, axis=1)
        lengths = np.where(self.norms > 0, self.norms, 1.0)[candidates]
        unit_rows = rows[candidates] / lengths[:, None]
        if not len(candidates):
            self.members, self._q, self._r = candidates, unit_rows.T, np.empty((0, 0))
            return
        q, r, order = pivoted_qr(unit_rows.T)
        rank = int(np.sum(np.abs(np.diag(r)) > self._tolerance))
        kept = order[:rank]
        self.members = candidates[kept]
        self._q, self._r = q[:, :rank], r[:rank, :rank] * lengths[kept]

    def __len__(self) -> int:
        return len(self.members)

    def tight_weights(self) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " m"]]:
        """The shortest W with A_S W = 1, and the α with A_Sᵀα = W."""
        coordinates = self._solve(np.ones(len(self)), transposed=True)
        return self._q @ coordinates, self._solve(coordinates)

    def raise_margins(self, amounts: Float[np.ndarray, " m"]) -> Float[np.ndarray, " p"]:
        """The shortest change of W that raises the members' margins by these amounts."""
        return self._q @ self._solve(amounts, transposed=True)

    def represent(self, vector: Float[np.ndarray, " p"]) -> Float[np.ndarray, " m"]:
        """The c whose A_Sᵀc is nearest to the vector."""
        return self._solve(self._q.T @ vector)

    def combination(self, position: int) -> Float[np.ndarray, " m"] | None:
        """The c with A_Sᵀc = the pool's row at `position`, or None if the row is independent.

        The rows of the basis are known to within rounding, so a row within noise of the span, a few
        roundings of Σ|c_i|‖a_i‖, counts as dependent.  So does a row without its i-th part where
        |c_i| times the distance of a_i from the other rows, 1/‖(R⁻¹)_i‖, is within noise: such a
        c_i is set to zero.
        """
        coordinates, rest = self._project(self.rows[position])
        found = self._solve(coordinates)
        sizes = np.abs(found) @ self.norms[self.members] + self.norms[position]
        noise = self._tolerance * float(sizes)
        if np.linalg.norm(rest) > noise:
            return None
        reach = np.linalg.norm(self._solve(np.eye(len(self))), axis=1) if len(self) else found
        return np.where(np.abs(found) > noise * reach, found, 0.0)

    def append(self, position: int) -> None:
        """Take in the pool's row at `position`, which must be independent of the basis."""
        coordinates, rest = self._project(self.rows[position])
        length, size = float(np.linalg.norm(rest)), len(self)
        grown = np.zeros((size + 1, size + 1))
        grown[:size, :size] = self._r
        grown[:size, size] = coordinates
        grown[size, size] = length
        self._q, self._r = np.column_stack([self._q, rest / length]), grown
        self.members = np.append(self.members, position)

    def remove(self, place: int) -> None:
        """Let go of the member at this place in the order of `members`."""
        if len(self) > 1:
            self._q, self._r = without_column(self._q, self._r, place)
        else:
            self._q, self._r = self._q[:, :0], self._r[:0, :0]
        self.members = np.delete(self.members, place)

    @property
    def _tolerance(self) -> float:
        return 16 * UNIT * float(np.sqrt(self.rows.shape[1]))

    def _project(self, row):
        """Coordinates in Q and the rest of a row, by Gram–Schmidt done twice."""
        coordinates = self._q.T @ row
        rest = row - self._q @ coordinates
        again = self._q.T @ rest
        return coordinates + again, rest - self._q @ again

    def _solve(self, right, *, transposed: bool = False):
        if not len(self):
            return np.zeros(0)
        return solve_triangular(self._r, right, trans=int(transposed), check_finite=False)
