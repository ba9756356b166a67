"""Newton's method for the limit of a polynomial tail.

F(W) = ½‖W‖² + (1/p) Σ ω u^(−p) is smooth and convex with modulus 1 on the cone of weights that
separate, and infinite at its border, so that damped steps from any weights inside the cone stay
there and end at the one minimizer.  The Hessian is I + Aᵀ D A, D = (p + 1) ω u^(−p−2); it is
factorized where the weights are few, and applied in conjugate gradients where they are many.
"""

import math
from typing import Any, NamedTuple, cast

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh
from scipy.sparse.linalg import LinearOperator, cg

from marginflow.limits.compensated import UNIT
from marginflow.margins import LinearMarginMap

_FACTORIZED = 3000  # entries of the weights up to which the Hessian is formed
_SUFFICIENT = 1e-4  # of the decrease that the slope promises
_AT_REST = 4.0 * UNIT
_BLURRED = 1e-9  # of F: a decrease that rounding may hide


class Minimizer(NamedTuple):
    """Where Newton's method ended, and after how many steps."""

    weights: Float[np.ndarray, "*shape"]
    steps: int


class _Point:
    """F and its derivatives at one W."""

    def __init__(
        self,
        maps: LinearMarginMap,
        weights: Float[np.ndarray, "*shape"],
        degree: float,
        omega: Float[np.ndarray, " n"],
    ):
        self.weights = weights
        self.value, self.slope = math.inf, math.inf
        margins = np.asarray(maps.margins(weights))
        if not margins.min() > 0:
            return
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            pulls = omega[:, None] * margins ** (-degree - 1.0)
            self.curvature = (degree + 1.0) * pulls / margins
            value = 0.5 * np.sum(weights**2) + np.sum(pulls * margins) / degree
            self.gradient = weights - np.asarray(maps.adjoint(pulls))
            slope = float(np.linalg.norm(self.gradient))
        if math.isfinite(value) and math.isfinite(slope):
            self.value, self.slope = float(value), slope


def minimize_polynomial(
    maps: LinearMarginMap,
    start: Float[np.ndarray, "*shape"],
    degree: float,
    omega: Float[np.ndarray, " n"],
    max_steps: int,
) -> Minimizer:
    """The minimizer of F, to rounding if `max_steps` suffice.

    Args:
        maps: with features of magnitude about 1.
        start: weights whose margins are all positive.
        degree: p.
        omega: (n,) positive.
        max_steps: at most.
    """
    point = _Point(maps, _lengthened(maps, start, degree, omega), degree, omega)
    for steps in range(max_steps):
        if point.slope <= _AT_REST * float(np.linalg.norm(point.weights)):
            return Minimizer(point.weights, steps)
        found = _along(maps, point, _newton_step(maps, point), degree, omega)
        if found is None:
            return Minimizer(point.weights, steps)
        point = found
    return Minimizer(point.weights, max_steps)


def _lengthened(maps, start, degree, omega):
    """The start times the c that minimizes F on its ray: c^(p+2) = Σ ω u^(−p) / ‖W‖²."""
    margins = np.asarray(maps.margins(start))
    logs = np.log(omega)[:, None] - degree * np.log(margins)
    largest = float(logs.max())
    total = largest + math.log(float(np.sum(np.exp(logs - largest))))
    return start * math.exp((total - 2.0 * math.log(float(np.linalg.norm(start)))) / (degree + 2.0))


def _newton_step(maps: LinearMarginMap, point: _Point) -> Float[np.ndarray, "*shape"]:
    shape, size = point.weights.shape, point.weights.size
    right = -np.ravel(point.gradient)
    if size > _FACTORIZED:

        def product(vector):
            along = np.asarray(maps.margins(vector.reshape(shape)))
            return vector + np.ravel(np.asarray(maps.adjoint(point.curvature * along)))

        hessian = cast(Any, LinearOperator)((size, size), matvec=product, dtype=np.float64)
        share = min(0.1, math.sqrt(point.slope / float(np.linalg.norm(point.weights))))
        return cg(hessian, right, rtol=max(share, 1e-8), maxiter=size)[0].reshape(shape)
    blocks = point.curvature[:, :, None] * np.eye(maps.n_columns)
    matrix = np.asarray(maps.weighted_gram(blocks))
    matrix[np.diag_indices(size)] += 1.0
    try:
        factor = cho_factor(matrix, lower=True, check_finite=False)
    except LinAlgError:  # rounding hides the identity, below which no eigenvalue can be
        values, vectors = eigh(matrix, check_finite=False)
        return (vectors @ ((vectors.T @ right) / np.maximum(values, 1.0))).reshape(shape)
    return cho_solve(factor, right, check_finite=False).reshape(shape)


def _along(maps, point, change, degree, omega):
    """A better point on the step, or None where rounding leaves none.

    Near the end F no longer tells points apart, and the gradient takes its place.
    """
    promised = float(np.sum(point.gradient * change))
    blurred = -promised <= _BLURRED * abs(point.value)
    length = 1.0
    while length > 1e-12:
        found = _Point(maps, point.weights + length * change, degree, omega)
        if blurred:
            if found.slope < point.slope:
                return found
        elif found.value <= point.value + _SUFFICIENT * length * promised:
            return found
        length /= 2.0
    return None
