"""The point nearest to the origin in the convex hull of a few vectors.

Max margin and nearest point are one problem: with z the point of the hull of A's rows that is
nearest to the origin, the max-margin weights are z / ‖z‖² and the margin is ‖z‖.  Unlike the
max-margin problem this one always has a solution: z = 0 where nothing separates.  So the rounds
over working sets solve it, and need no case for data that are not separable.

    minimize ½‖Aᵀβ‖²   subject to   β ≥ 0, Σβ = 1

The method is Mehrotra's predictor–corrector interior point (Mehrotra 1992) on the Gram matrix
G = A Aᵀ: one Cholesky factor of G + diag(s/β) an iteration, s = Gβ − λ ≥ 0 the slacks.  Squaring A
costs half the digits; that is enough to tell who supports the margin, and the digits come back in
the active set, which never squares.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve

_TO_BOUNDARY = 0.995
_GRAM_FLOOR = 1e-15


class NearestPoint(NamedTuple):
    """An approximate solution.

    Attributes:
        weights: β (m,), positive, Σβ = 1.
        slacks: s (m,), positive; s_j tends to (a_j − z)·z.
        squared_distance: ‖z‖².
    """

    weights: Float[np.ndarray, " m"]
    slacks: Float[np.ndarray, " m"]
    squared_distance: float


def nearest_point(
    gram: Float[np.ndarray, "m m"], *, rtol: float = 1e-9, max_iterations: int = 60
) -> NearestPoint:
    """The convex weights of the hull's point nearest to the origin.

    Args:
        gram: G = A Aᵀ of the m vectors, m ≥ 1.
        rtol: stop when the duality gap β·s is below rtol·‖z‖².
        max_iterations: stop after so many in any case.

    Returns:
        The last iterate; where rounding in G ends the progress it is less exact than asked.

    Example:
        >>> import numpy as np
        >>> rows = np.array([[1.0, 1.0], [1.0, -1.0], [3.0, 0.0]])
        >>> bool(np.allclose(nearest_point(rows @ rows.T).weights, [0.5, 0.5, 0.0]))
        True
    """
    size = len(gram)
    largest = float(gram.diagonal().max()) or 1.0
    weights = np.full(size, 1.0 / size)
    image = gram @ weights
    level = float(image.min()) - 0.1 * largest
    slacks = image - level
    for _ in range(max_iterations):
        image = gram @ weights
        squared = float(weights @ image)
        dual_residual = image - level - slacks
        primal_residual = 1.0 - float(weights.sum())
        gap = float(weights @ slacks)
        goal = max(rtol * squared, _GRAM_FLOOR * largest)
        if gap <= goal and float(np.abs(dual_residual).max()) <= goal:
            break
        newton = _Newton.factor(gram, weights, slacks, largest)
        if newton is None:
            break
        change = newton.step(dual_residual, primal_residual, -weights * slacks)
        length = _longest_step(weights, slacks, change)
        reached = (weights + length * change.weights) @ (slacks + length * change.slacks)
        center = (float(reached) / gap) ** 3 * gap / size
        target = center - weights * slacks - change.weights * change.slacks
        change = newton.step(dual_residual, primal_residual, target)
        length = _TO_BOUNDARY * _longest_step(weights, slacks, change)
        weights = weights + length * change.weights
        slacks = slacks + length * change.slacks
        level += length * change.level
    weights = weights / weights.sum()
    return NearestPoint(weights, slacks, float(weights @ gram @ weights))


class _Change(NamedTuple):
    weights: Float[np.ndarray, " m"]
    slacks: Float[np.ndarray, " m"]
    level: float


class _Newton(NamedTuple):
    """The factored Newton system at one iterate."""

    factor_: tuple[np.ndarray, bool]
    weights: Float[np.ndarray, " m"]
    slacks: Float[np.ndarray, " m"]

    @classmethod
    def factor(cls, gram, weights, slacks, largest) -> "_Newton | None":
        matrix = gram.copy()
        matrix.flat[:: len(gram) + 1] += slacks / weights + _GRAM_FLOOR * largest
        try:
            return cls(
                cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False),
                weights,
                slacks,
            )
        except LinAlgError:
            return None

    def step(self, dual_residual, primal_residual, target) -> _Change:
        """Solve G dβ − dλ − ds = −r_d, Σdβ = r_p, s dβ + β ds = target."""
        right = np.column_stack([target / self.weights - dual_residual, np.ones(len(target))])
        solved = cho_solve(self.factor_, right, check_finite=False)
        level = (primal_residual - solved[:, 0].sum()) / solved[:, 1].sum()
        weights = solved[:, 0] + level * solved[:, 1]
        slacks = (target - self.slacks * weights) / self.weights
        return _Change(weights, slacks, float(level))


def _longest_step(weights, slacks, change: _Change) -> float:
    """The longest step up to 1 that keeps weights and slacks non-negative."""
    longest = 1.0
    for value, direction in ((weights, change.weights), (slacks, change.slacks)):
        falling = direction < 0
        if falling.any():
            longest = min(longest, float((-value[falling] / direction[falling]).min()))
    return longest
