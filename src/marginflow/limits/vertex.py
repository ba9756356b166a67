"""From an interior point to the vertex beside it, in the norms whose ball is a polytope.

An interior point knows the optimum to its gap.  Where the optimum of the max-norm or the 1-norm is
one vertex, its active constraints can be read off, and two square systems give the weights and the
dual to rounding: with S the active pairs,

- max-norm, J the entries of full size with signs s: u_S(W) = 1 and W_J = t s_J for W and t; the
  dual has (Aᵀα)_j = 0 off J, and Σα = 1;
- 1-norm, N the entries that are not zero: u_S(W) = 1 with W zero off N; the dual has
  (Aᵀα)_j = s_j c on N, and Σα = 1.

What comes out is a suggestion: the certificate judges it as any other answer.
"""

import math

import numpy as np
from jaxtyping import Float

from marginflow.limits.pair_products import PairValues
from marginflow.norms import Norm


def vertex_beside(
    norm: Norm,
    rows: Float[np.ndarray, "m p"],
    weights: Float[np.ndarray, " p"],
    dual: PairValues,
) -> tuple[Float[np.ndarray, " p"], PairValues] | None:
    """Weights with margin 1 on the active pairs, and a dual; None where the systems are not square.

    Args:
        norm: the max-norm or the entrywise 1-norm.
        rows: of the pairs that may be active, each once.
        weights: of least margin 1, nearly optimal.
        dual: of the rows, nearly optimal.
    """
    share = dual / dual.sum()
    active = np.flatnonzero(share > rows @ weights - 1.0)
    image = np.abs(dual @ rows)
    sizes = np.abs(weights) / norm(weights)
    if norm.p == math.inf:
        full = image / image.sum() > 1.0 - sizes
        systems = _of_max_norm(rows[active], np.sign(weights), full)
    else:
        kept = sizes >= 1.0 - image / image.max()
        systems = _of_sum_norm(rows[active], np.sign(weights), kept)
    if systems is None:
        return None
    primal, pull = systems
    found = np.zeros(len(dual))
    found[active] = pull
    return primal, found


def _of_max_norm(
    rows: Float[np.ndarray, "m p"], signs: Float[np.ndarray, " p"], full: np.ndarray
) -> tuple[Float[np.ndarray, " p"], PairValues] | None:
    free = np.flatnonzero(~full)
    if len(rows) != len(free) + 1:
        return None
    # unknowns: the free entries and t
    matrix = np.column_stack([rows[:, free], rows[:, full] @ signs[full]])
    found = _solved(matrix, np.ones(len(rows)))
    pull = _solved(_with_sum(rows[:, free]), _last(len(rows)))
    if found is None or pull is None:
        return None
    weights = np.where(full, signs * found[-1], 0.0)
    weights[free] = found[:-1]
    return weights, pull


def _of_sum_norm(
    rows: Float[np.ndarray, "m p"], signs: Float[np.ndarray, " p"], kept: np.ndarray
) -> tuple[Float[np.ndarray, " p"], PairValues] | None:
    places = np.flatnonzero(kept)
    if not 0 < len(rows) == len(places):
        return None
    found = _solved(rows[:, places], np.ones(len(rows)))
    if found is None:
        return None
    # the dual up to its size: c is taken as 1, and scaled away
    pull = _solved(rows[:, places].T, signs[places])
    weights = np.zeros(rows.shape[1])
    weights[places] = found
    return None if pull is None else (weights, pull / pull.sum())


def _with_sum(columns: Float[np.ndarray, "m f"]) -> Float[np.ndarray, "m m"]:
    """Rows that send a dual to its image on free entries, and to its sum."""
    return np.vstack([columns.T, np.ones(len(columns))])


def _last(count: int) -> Float[np.ndarray, " m"]:
    right = np.zeros(count)
    right[-1] = 1.0
    return right


def _solved(
    matrix: Float[np.ndarray, "m m"], right: Float[np.ndarray, " m"]
) -> Float[np.ndarray, " m"] | None:
    """The solution, once refined; None of a singular system."""
    try:
        found = np.linalg.solve(matrix, right)
        found = found + np.linalg.solve(matrix, right - matrix @ found)
    except np.linalg.LinAlgError:
        return None
    return found if np.all(np.isfinite(found)) else None
