"""Newton systems of the interior point in norms, in the weights or in the rows.

The matrix is JᵀJ for a J that is known: the rows over their slacks, and the square root of the
ball's curvature.  It is formed in the smaller of the two spaces.  Near the end its entries differ
by twenty orders of magnitude; where Cholesky's factor of JᵀJ runs out of digits, the QR factors of
J take its place, and in the space of the rows the solution is refined against J itself.
"""

import math
from typing import Any, NamedTuple, cast

import numpy as np
from jaxtyping import Float
from scipy import linalg

from marginflow.limits.norm_ball import Barrier

_FLAT = 1e-13  # curvature, relative to the largest, that counts as none
_SOUND = 1e-4  # the least pivot of Cholesky's factor, of a matrix of unit diagonal, to trust
_REFINEMENTS = 2


class Directions(NamedTuple):
    """Newton's step and the tangent of the path, dx/dτ."""

    step: Float[np.ndarray, " q"]
    tangent: Float[np.ndarray, " q"]


def by_weights(
    ball: Barrier,
    scaled: Float[np.ndarray, "m p"],
    inverse: Float[np.ndarray, " m"],
    gradient: Float[np.ndarray, " p"],
    level: float,
) -> Directions | None:
    """Directions in (W, γ) from the system in those; None where it is singular.

    Args:
        ball: the barrier at W, in whose coordinates all this is.
        scaled: the rows over their slacks.
        inverse: 1 over the slacks.
        gradient: of the objective in W.
        level: its derivative in γ.
    """
    columns = np.column_stack([scaled, -inverse])
    if ball.rank_one is not None:
        columns = np.concatenate([columns, [np.append(ball.rank_one, 0.0)]])
    diagonal = np.append(np.sqrt(ball.curvature), 0.0)
    right = np.zeros((len(diagonal), 2))
    right[:-1, 0], right[-1] = -gradient, (-level, 1.0)
    normal = Normal.of(columns, diagonal)
    return None if normal is None else Directions(*normal.solve(right).T)


def by_rows(
    ball: Barrier,
    scaled: Float[np.ndarray, "m p"],
    inverse: Float[np.ndarray, " m"],
    gradient: Float[np.ndarray, " p"],
    level: float,
) -> Directions | None:
    """The same from the system in y = (A dW − dγ)/s, with W and γ eliminated."""
    curved = _Root(ball)
    columns = curved.whitened(scaled).T
    normal = Normal.of(columns, np.ones(len(inverse)))
    if normal is None:
        return None
    direction = normal.solve(inverse)
    across = float(inverse @ direction)

    def solved(force, level, shortfall):
        # v + C y = −force, Cᵀv − γ/s − y = −shortfall, Σ y/s = level
        free = normal.solve(shortfall - force @ columns)
        gamma = (float(inverse @ free) - level) / across
        y = free - gamma * direction
        return -force - columns @ y, y, gamma

    def refined(force, level):
        v, y, gamma = solved(force, level, 0.0)
        for _ in range(_REFINEMENTS):
            shortfall = v @ columns - gamma * inverse - y
            more = solved(0.0 * force, level - float(inverse @ y), shortfall)
            v, y, gamma = v + more[0], y + more[1], gamma + more[2]
        return np.append(curved.whitened(v), gamma)

    return Directions(refined(curved.halved(gradient), level), refined(0.0 * gradient, -1.0))


class _Root:
    """The symmetric square root of the ball's Hessian, diag + u uᵀ, in units of its diagonal."""

    def __init__(self, ball: Barrier):
        self.root = np.sqrt(ball.curvature + _FLAT * ball.curvature.max())
        self.bent = None if ball.rank_one is None else ball.rank_one / self.root
        square = 0.0 if self.bent is None else float(self.bent @ self.bent)
        # (I + v vᵀ)^(−1/2) = I − share v vᵀ
        self.share = (1.0 - 1.0 / math.sqrt(1.0 + square)) / square if square > 0 else 0.0

    def halved(self, vector: np.ndarray) -> np.ndarray:
        """R⁻ᵀ vector, for the R with RᵀR the Hessian."""
        return self._straightened(vector / self.root)

    def whitened(self, rows: np.ndarray) -> np.ndarray:
        """Rows times R⁻¹, or R⁻¹ times a vector."""
        if rows.ndim == 1:
            return self._straightened(rows) / self.root
        return self._straightened(rows / self.root)

    def _straightened(self, rows: np.ndarray) -> np.ndarray:
        if self.bent is None:
            return rows
        return rows - self.share * np.multiply.outer(rows @ self.bent, self.bent)


class Normal:
    """The system (CᵀC + diag(d²)) x = b, by a triangle R with RᵀR the matrix of unit diagonal.

    R is Cholesky's factor while that has digits to spare, else it is from the QR factors of C over
    diag(d), whose condition is the square root.
    """

    def __init__(
        self, triangle: np.ndarray, scale: np.ndarray, columns: np.ndarray, diagonal: np.ndarray
    ):
        self.triangle, self.scale = triangle, scale
        self.columns, self.diagonal = columns, diagonal

    @classmethod
    def of(cls, columns: np.ndarray, diagonal: np.ndarray) -> "Normal | None":
        """The factored system; None where it is singular or not finite."""
        matrix = columns.T @ columns
        matrix.flat[:: len(matrix) + 1] += diagonal**2
        lengths = np.sqrt(matrix.diagonal())
        if not (lengths.min() > 0 and math.isfinite(lengths.max())):
            return None
        scale = 1.0 / lengths
        matrix *= scale[:, None] * scale
        triangle = _cholesky(matrix)
        if triangle is None or triangle.diagonal().min() < _SOUND:
            stacked = np.concatenate([columns, np.diag(diagonal)]) * scale
            triangle = cast(Any, linalg.qr)(stacked, mode="r", check_finite=False)[0][: len(scale)]
            if not np.abs(triangle.diagonal()).min() > 0:
                return None
        return cls(triangle, scale, columns, diagonal)

    def solve(self, right: np.ndarray) -> np.ndarray:
        """The x for one right-hand side, or for the columns of many; corrected once."""
        found = self._solve(right)
        squares = self.diagonal**2 if right.ndim == 1 else self.diagonal[:, None] ** 2
        image = self.columns.T @ (self.columns @ found) + squares * found
        return found + self._solve(right - image)

    def _solve(self, right: np.ndarray) -> np.ndarray:
        scale = self.scale if right.ndim == 1 else self.scale[:, None]
        half = linalg.solve_triangular(self.triangle, scale * right, trans=1, check_finite=False)
        return scale * linalg.solve_triangular(self.triangle, half, check_finite=False)


def _cholesky(matrix: np.ndarray) -> np.ndarray | None:
    try:
        return linalg.cholesky(matrix, check_finite=False)
    except linalg.LinAlgError:
        return None
