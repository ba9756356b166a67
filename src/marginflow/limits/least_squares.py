"""Where gradient descent on least squares ends: the solution nearest to where it began.

Of all minimizers of ‖X w − y‖² gradient descent finds

    w_∞ = X⁺y + P w₀,   P the projection onto the null space of X:

every gradient is a combination of the samples, so what w₀ has beside their span stays.  From zero
it is the minimizer of least Euclidean norm.

The proof needs no trust in the solution.  In the span of the samples w is off by at most
‖X w − y‖/σ where the samples are independent, and by ‖Xᵀ(X w − y)‖/σ² where the features are, with
a proved lower bound σ of the least singular value (`spectrum`); beside it by at most
‖w − w₀ − Xᵀc‖, whatever c is.  Residuals are computed in doubled precision.  Where neither are
independent the rank is a matter of rounding, and no bound is given.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from marginflow._results import Result, Status
from marginflow.data.regression import RegressionData, as_regression
from marginflow.limits.compensated import UNIT, dot, inflate, two_sum
from marginflow.limits.spectrum import Spectrum, spectrum

_REFINEMENTS = 2


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class LeastSquaresLimit(Result):
    """The minimizer of the squared error that is nearest to the first weights.

    Attributes:
        weights: w_∞ = X⁺y + P w₀, (d,) or (d, k).
        residual: ‖X w − y‖, at most; zero to rounding where the targets can be met.
        gradient: ‖Xᵀ(X w − y)‖, at most.
        row_space_distance: the distance of w − w₀ from the span of the samples, at most.
        weights_error_bound: ‖w − w_∞‖ is at most this; None where the rank is not proved.
        rank: of the features.
        least_singular_value: a proved lower bound; 0 where the rank is not proved.
        condition: the largest over the least nonzero singular value, as computed.
    """

    weights: Float[np.ndarray, "*shape"]
    residual: float
    gradient: float
    row_space_distance: float
    weights_error_bound: float | None
    rank: int
    least_singular_value: float
    condition: float


def least_squares_limit(data: Any, initial: Any = None) -> LeastSquaresLimit:
    """The least-squares solution nearest to the first weights, with a certificate.

    w_∞ = argmin ‖w − w₀‖ over the minimizers w of ‖X w − y‖²: X⁺y and what w₀ has in the null space
    of X.  It is where gradient descent from w₀ ends, with any learning rate below 2/σ_max².

    Args:
        data: a pair (features (n, d), targets (n,) or (n, k)); several targets are independent.
        initial: w₀ (d,) or (d, k), zeros by default.

    Returns:
        The weights with their bounds.

    Raises:
        DataError, TypeError, ValueError: if the data or the first weights do not fit.

    Example:
        >>> import marginflow as mf
        >>> data = ([[1.0, 1.0, 0.0]], [2.0])
        >>> mf.least_squares_limit(data).weights
        array([1., 1., 0.])
        >>> mf.least_squares_limit(data, initial=[0.0, 0.0, 5.0]).weights
        array([1., 1., 5.])

    Source: e.g. Zhang et al. 2017, arXiv 1611.03530, section 5, from zero.
    """
    problem = as_regression(data)
    return nearest_solution(problem, problem.weights_in(initial), spectrum(problem.features))


def nearest_solution(
    problem: RegressionData, first: Float[np.ndarray, "d k"], parts: Spectrum
) -> LeastSquaresLimit:
    """The limit of a problem whose spectrum is at hand."""
    columns = [
        _Column(problem.features, parts, target, start)
        for target, start in zip(problem.targets.T, first.T, strict=True)
    ]
    n_samples, size = problem.features.shape
    proved = parts.least > 0
    bound = None
    if proved:
        within = [column.within(parts.least, n_samples, size) for column in columns]
        across = [column.across for column in columns]
        bound = inflate(math.hypot(*within, *across))
    condition = float(parts.values[0] / parts.values[-1]) if parts.rank else math.inf
    message = f"rank {parts.rank} of {min(n_samples, size)}, condition {condition:.3g}: " + (
        f"the weights are known to {bound:.1e}." if proved else _UNPROVED
    )
    return LeastSquaresLimit(
        status=Status.DONE,
        message=message,
        weights=problem.weights_out(np.stack([column.weights for column in columns], axis=1)),
        residual=inflate(math.hypot(*(column.residual for column in columns))),
        gradient=inflate(math.hypot(*(column.gradient for column in columns))),
        row_space_distance=inflate(math.hypot(*(column.across for column in columns))),
        weights_error_bound=bound,
        rank=parts.rank,
        least_singular_value=parts.least,
        condition=condition,
    )


_UNPROVED = "the other singular values are rounding and count as zero, so no error is proved."


class _Column:
    """The nearest solution for one target.

    Attributes:
        weights: w (d,).
        residual, gradient, across: bounds of ‖X w − y‖, ‖Xᵀ(X w − y)‖ and ‖w − w₀ − Xᵀc‖.
    """

    def __init__(
        self,
        rows: Float[np.ndarray, "n d"],
        parts: Spectrum,
        targets: Float[np.ndarray, " n"],
        first: Float[np.ndarray, " d"],
    ):
        weights = first - parts.solve(dot(rows, first, -targets)[0][:, None])[:, 0]
        for _ in range(_REFINEMENTS):
            weights = weights - parts.solve(dot(rows, weights, -targets)[0][:, None])[:, 0]
            if parts.rank < rows.shape[1]:
                surplus = _surplus(rows, parts, weights, first)[0]
                weights = weights - (surplus - parts.right @ (parts.right.T @ surplus))
        off, errors = dot(rows, weights, -targets)
        pull, rest = dot(rows.T, off)
        self.weights = weights
        self.residual = _size(off, errors)
        self.gradient = _size(pull, rest + inflate(np.abs(rows).T @ errors))
        # independent features span the whole space
        self.across = 0.0
        if not (parts.least > 0 and parts.rank == rows.shape[1]):
            self.across = _size(*_surplus(rows, parts, weights, first))

    def within(self, least: float, n_samples: int, size: int) -> float:
        """A bound on the error in the span of the samples."""
        bounds = []
        if n_samples <= size:
            bounds.append(self.residual / least)
        if n_samples >= size:
            bounds.append(self.gradient / least**2)
        return inflate(min(bounds))


def _surplus(
    rows: np.ndarray, parts: Spectrum, weights: np.ndarray, first: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """W − w₀ − Xᵀc for the c that makes it small, and a bound on the error of each entry."""
    moved, lost = two_sum(weights, -first)
    coefficients = parts.left @ ((parts.right.T @ moved) / parts.values)
    surplus, errors = dot(rows.T, -coefficients, moved)
    return surplus, errors + np.abs(lost)


def _size(values: np.ndarray, errors: np.ndarray) -> float:
    """A bound of the norm of every vector within `errors` of `values`."""
    return inflate(float(np.linalg.norm(np.abs(values) * (1.0 + 4.0 * UNIT) + errors)))
