"""The matrix of least nuclear norm with given entries, with a certificate.

    min ‖W‖_*  subject to  W_ij = M_ij for the observed (i, j)

is what low-rank completion is compared with.  Its dual is max ⟨Y, M⟩ over Y that are zero off the
observed entries and have no singular value above 1.  Douglas–Rachford splitting alternates between
the entries, which are put back, and the singular values, which are shrunk.

The proof: the primal point has the entries themselves, to the last bit, and the dual one is divided
by its largest singular value; the gap is the difference of both objectives, with the rounding of
the decompositions added.  It bounds the optimum, not the matrix, which need not be unique.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from marginflow._results import NotConvergedError, Result, Status
from marginflow.data import DataError
from marginflow.limits.compensated import UNIT, inflate
from marginflow.limits.threads import one_thread

_LOOK = 20  # steps from certificate to certificate


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class NuclearCompletion(Result):
    """A completion of nearly least nuclear norm, and what is proved about it.

    Attributes:
        matrix: W (p, q), the observed entries as they were given.
        dual: Y (p, q), zero off the observed entries, ‖Y‖ ≤ 1.
        nuclear_norm: of W, as computed.
        lower_bound: no completion has a nuclear norm below this.
        relative_gap: the nuclear norm over the lower bound, less 1, at most.
    """

    matrix: Float[np.ndarray, "p q"]
    dual: Float[np.ndarray, "p q"]
    nuclear_norm: float
    lower_bound: float
    relative_gap: float


def nuclear_completion(
    matrix: Any,
    observed: Any,
    *,
    rtol: float = 1e-6,
    max_steps: int = 20_000,
    throw: bool = True,
) -> NuclearCompletion:
    """The completion of a matrix with the least sum of singular values, certified.

    Args:
        matrix: M (p, q); entries that are not observed may be NaN.
        observed: (p, q), true where M is observed.
        rtol: the relative duality gap that is asked for.
        max_steps: of the splitting, a singular value decomposition each.
        throw: whether it raises where `rtol` is not met.

    Returns:
        The completion, its dual and their gap.

    Raises:
        DataError: if nothing is observed, or an observed entry is not finite.
        NotConvergedError: if the gap is above `rtol`; its `result` is what was found.

    Example:
        >>> import marginflow as mf
        >>> found = mf.nuclear_completion([[4.0, 2.0], [2.0, 0.0]], [[1, 1], [1, 0]])
        >>> found.matrix.round(3)
        array([[4., 2.], [2., 1.]])
        >>> found.relative_gap < 1e-6
        True

    Source: Candès & Recht 2009, arXiv 0805.4471, equation 1.5.
    """
    values, mask = np.array(matrix, dtype=np.float64), np.asarray(observed, dtype=bool)
    if values.ndim != 2 or mask.shape != values.shape:
        raise DataError(
            "nuclear_completion: expected a matrix (p, q) and which of its entries are observed, "
            f"got shapes {values.shape} and {mask.shape}."
        )
    if not mask.any() or not np.all(np.isfinite(values[mask])):
        raise DataError(
            "nuclear_completion: expected observed entries that are finite, got none or infinite "
            "ones; unmark those that are missing."
        )
    known = np.where(mask, values, 0.0)
    with one_thread():
        result = _split(known, mask, rtol, max_steps)
    if throw and result.status != Status.DONE:
        raise NotConvergedError(result.message, result)
    return result


def _split(known: np.ndarray, mask: np.ndarray, rtol: float, max_steps: int) -> NuclearCompletion:
    """Z ← Z + shrink(2 W − Z) − W with W the matrix Z with the entries put back."""
    threshold = float(np.linalg.norm(known, 2)) / 2.0
    if threshold == 0:
        return _result(known, known, 0.0, 0.0, 0.0, 0, rtol)
    state, best = known, None
    for step in range(1, max_steps + 1):
        completed = np.where(mask, known, state)
        left, singular, right = np.linalg.svd(2.0 * completed - state, full_matrices=False)
        shrunk = (left * np.maximum(singular - threshold, 0.0)) @ right
        state = state + shrunk - completed
        if step % _LOOK and step < max_steps:
            continue
        dual = np.where(mask, (completed - state) / threshold, 0.0)
        best = _better(best, _certified(np.where(mask, known, shrunk), dual, known))
        if best[-1] <= rtol:
            return _result(*best, step, rtol)
    assert best is not None
    return _result(*best, max_steps, rtol)


_Found = tuple[np.ndarray, np.ndarray, float, float, float]


def _better(best: _Found | None, found: _Found) -> _Found:
    return found if best is None or found[-1] < best[-1] else best


def _certified(matrix: np.ndarray, dual: np.ndarray, known: np.ndarray) -> _Found:
    """Both points with their objectives and the gap, rounding included.

    Singular values are computed to within 8 max(p, q) u of the largest.
    """
    rounding = 8.0 * max(matrix.shape) * UNIT
    singular = np.linalg.svd(matrix, compute_uv=False)
    above = float(singular.sum()) + rounding * len(singular) * float(singular[0])
    dual = dual / max(float(np.linalg.norm(dual, 2)) * (1.0 + rounding), UNIT)
    products = (dual * known).ravel()
    below = math.fsum(products) - UNIT * float(np.abs(products).sum())
    gap = inflate(max(above - below, 0.0) / below) if below > 0 else math.inf
    return matrix, dual, float(singular.sum()), below, gap


def _result(
    matrix: np.ndarray,
    dual: np.ndarray,
    norm: float,
    below: float,
    gap: float,
    steps: int,
    rtol: float,
) -> NuclearCompletion:
    done = gap <= rtol
    message = f"nuclear norm {norm:.6g}, relative gap {gap:.1e}."
    if not done:
        message = f"relative gap {gap:.1e} after {steps} steps, above rtol = {rtol:g}."
    return NuclearCompletion(
        status=Status.DONE if done else Status.MAX_STEPS,
        message=message,
        statistics={"steps": steps},
        matrix=matrix,
        dual=dual,
        nuclear_norm=norm,
        lower_bound=below,
        relative_gap=gap,
    )
