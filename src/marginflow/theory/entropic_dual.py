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

from marginflow._results import MarginflowError
from marginflow.limits.linear_algebra import row_basis

# The weights are known to this, relatively; their dual to this times the rows' condition.
NOISE = 1e-12


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
        MarginflowError: if Newton's method does not converge.

    Example:
        >>> import numpy as np
        >>> rows = np.array([[1.0, 0.0], [1.0, 0.0]])
        >>> entropic_dual(rows, np.array([1.0, 0.0])).round(12)
        array([0.5, 0.5])
    """
    carried = carrying_pairs(rows, weights)
    dual = np.zeros(len(rows))
    dual[carried] = _largest_entropy(rows[carried], weights)
    return dual


def carrying_pairs(
    rows: Float[np.ndarray, "m size"], weights: Float[np.ndarray, " size"]
) -> Bool[np.ndarray, " m"]:
    """Which pairs have a positive weight in some dual.

    One least-squares solution settles it where it is unique or positive; otherwise a linear program
    finds a dual that is positive wherever one can be.
    """
    solution, _, rank, singular = np.linalg.lstsq(rows.T, weights, rcond=1e-12)
    noise = NOISE * singular[0] / singular[rank - 1] * solution.max()
    if solution.min() > noise:
        return np.ones(len(rows), dtype=bool)
    if rank == len(rows):
        return solution > noise
    # α = t + r is a dual of τ Ŵ.  Scaled up far enough, every entry that can be positive is at
    # least 1, so that t is 1 there and 0 elsewhere (Freund, Roundy & Todd 1985).
    m = len(rows)
    columns = rows.T / np.abs(rows).max()
    target = weights / np.abs(weights).max()
    found = linprog(
        np.concatenate([-np.ones(m), np.zeros(m + 1)]),
        A_eq=np.hstack([columns, columns, -target[:, None]]),
        b_eq=np.zeros(len(target)),
        bounds=[(0, 1)] * m + [(0, None)] * m + [(1, None)],
        method="highs",
    )
    if not found.success:
        raise ValueError(f"the weights are not in the cone of the support rows: {found.message}")
    return found.x[:m] > 0.5


def _largest_entropy(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    basis = row_basis(rows)
    reduced, target = rows @ basis, basis.T @ weights
    guess = np.linalg.lstsq(rows.T, weights, rcond=1e-12)[0]
    if len(target) == len(rows):
        return guess  # the only dual there is
    point = -np.linalg.lstsq(reduced, np.log(np.maximum(guess, 1e-3 * guess.max())), rcond=None)[0]

    def value(z: np.ndarray) -> float:
        with np.errstate(over="ignore"):
            return float(np.sum(np.exp(-reduced @ z)) + target @ z)

    for _ in range(200):
        logs = -reduced @ point
        pulls = np.exp(logs)
        gradient = target - reduced.T @ pulls
        scaled = reduced * np.sqrt(pulls)[:, None]
        half = np.linalg.lstsq(scaled.T, gradient, rcond=None)[0]
        step = -np.linalg.lstsq(scaled, half, rcond=None)[0]
        decrement = float(-gradient @ step)
        length, before = 1.0, value(point)
        while length > 1e-12 and not value(point + length * step) <= (
            before - 0.25 * length * decrement + 1e-14 * (abs(before) + np.sum(pulls))
        ):
            length /= 2
        point = point + length * step
        rounding = 10 * np.finfo(float).eps * max(5.0, float(np.abs(logs).max()))
        if decrement <= rounding**2 * np.sum(pulls):
            return np.exp(-reduced @ point)
    raise MarginflowError(
        "the entropic dual was not found in 200 Newton steps; the duals of these support pairs "
        "differ by too many orders of magnitude."
    )
