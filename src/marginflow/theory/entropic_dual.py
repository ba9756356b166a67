"""The entropic dual: which dual of the max-margin problem training picks.

Where the support rows A_S are linearly independent, Ŵ = A_Sᵀ α has one solution.  Where they are
not, there is a polytope of them, and the pulls of gradient descent converge to the one of largest
entropy,

    α* = argmin Σ_p α_p (log α_p − 1)   subject to   α ≥ 0, A_Sᵀ α = Ŵ

(derived from the stationary point of the residual's flow, whose pulls have the form e^(−A_S z)).
It is found by Newton's method on the convex dual, F(z) = Σ_p e^(−(A_S z)_p) + ⟨Ŵ, z⟩.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import linprog

from marginflow.limits.linear_algebra import row_basis


def entropic_dual(
    rows: Float[np.ndarray, "m size"], weights: Float[np.ndarray, " size"]
) -> Float[np.ndarray, " m"]:
    """The dual of largest entropy; zero on pairs that no dual gives a positive weight.

    Args:
        rows: the support rows A_S.
        weights: Ŵ, flat; in the cone of the rows.

    Returns:
        α*, with A_Sᵀ α* = Ŵ.

    Raises:
        ValueError: if Ŵ is not in the cone of the rows.

    Example:
        >>> import numpy as np
        >>> rows = np.array([[1.0, 0.0], [1.0, 0.0]])
        >>> entropic_dual(rows, np.array([1.0, 0.0])).round(12)
        array([0.5, 0.5])
    """
    carried = carrying_pairs(rows, weights)
    dual = np.zeros(len(rows))
    dual[carried] = _newton(rows[carried], weights)
    return dual


def carrying_pairs(
    rows: Float[np.ndarray, "m size"], weights: Float[np.ndarray, " size"]
) -> Bool[np.ndarray, " m"]:
    """Which pairs have a positive weight in some dual.

    One least-squares solution settles it where it is unique and positive; otherwise a linear
    program finds a dual with as many positive entries as there can be.
    """
    solution, _, rank, _ = np.linalg.lstsq(rows.T, weights, rcond=1e-12)
    if solution.min() > 1e-9 * solution.max():
        return np.ones(len(rows), dtype=bool)
    if rank == len(rows):
        return solution > 1e-9 * solution.max()
    # maximize Σ t with t ≤ α and t ≤ cap: the convexity of the polytope makes all t positive at
    # once that can be
    m, cap = len(rows), float(np.abs(weights).max() / np.abs(rows).max()) / len(rows)
    found = linprog(
        np.concatenate([np.zeros(m), -np.ones(m)]),
        A_ub=np.hstack([-np.eye(m), np.eye(m)]),
        b_ub=np.zeros(m),
        A_eq=np.hstack([rows.T, np.zeros((rows.shape[1], m))]),
        b_eq=weights,
        bounds=[(0, None)] * m + [(0, cap)] * m,
        method="highs",
    )
    if not found.success:
        raise ValueError(f"the weights are not in the cone of the support rows: {found.message}")
    return found.x[m:] > 1e-9 * cap


def _newton(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    basis = row_basis(rows)
    reduced, target = rows @ basis, basis.T @ weights
    guess = np.maximum(np.linalg.lstsq(rows.T, weights, rcond=1e-12)[0], 1e-3)
    point = -np.linalg.lstsq(reduced, np.log(guess), rcond=None)[0]

    def value(z: np.ndarray) -> float:
        return float(np.sum(np.exp(-reduced @ z)) + target @ z)

    for _ in range(200):
        pulls = np.exp(-reduced @ point)
        gradient = target - reduced.T @ pulls
        scaled = reduced * np.sqrt(pulls)[:, None]
        step = -np.linalg.lstsq(
            scaled, np.linalg.lstsq(scaled.T, gradient, rcond=None)[0], rcond=None
        )[0]
        decrement = float(-gradient @ step)
        if not np.isfinite(decrement):
            break
        length, before = 1.0, value(point)
        while length > 1e-12 and not value(point + length * step) <= (
            before - 0.25 * length * decrement + 1e-14 * abs(before)
        ):
            length /= 2
        point = point + length * step
        if decrement <= 1e-28 * max(1.0, abs(before)):
            break
    return np.exp(-reduced @ point)
