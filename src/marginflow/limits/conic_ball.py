"""The unit ball of a norm in the cones of a conic solver.

Clarabel minimizes qᵀx subject to A x + s = b with s in a product of cones.  The variables here are
the weights, row after row, and then whatever a norm needs besides: bounds of magnitudes, or the
blocks that make a matrix with singular values positive semidefinite.
"""

import math
from dataclasses import dataclass
from typing import Any

import clarabel as _clarabel
import numpy as np
from jaxtyping import Float
from scipy import sparse

from marginflow.norms import EntrywiseNorm, GroupNorm, Norm, SchattenNorm

clarabel: Any = _clarabel  # it comes without types

CONIC = (
    "max",
    "l1",
    "spectral",
    "nuclear",
    "class_l2",
    "feature_l2",
    "class_l2_sum",
    "feature_l2_sum",
)


@dataclass(frozen=True)
class Cones:
    """Rows A, right sides b and cones of constraints A x + s = b.

    Attributes:
        matrix: (rows, variables).
        right: (rows,).
        cones: Clarabel's.
    """

    matrix: Any
    right: Float[np.ndarray, " rows"]
    cones: tuple[Any, ...]

    @property
    def variables(self) -> int:
        """How many there are, the weights first."""
        return self.matrix.shape[1]


def unit_ball(norm: Norm, shape: tuple[int, int]) -> Cones:
    """The constraints ‖W‖ ≤ 1 on weights (d, K).

    Raises:
        ValueError: if the norm is none of `CONIC`.
    """
    size = math.prod(shape)
    weights = sparse.identity(size, format="csr")
    if isinstance(norm, EntrywiseNorm) and norm.p == math.inf:
        rows = sparse.vstack([weights, -weights])
        return Cones(rows.tocsc(), np.ones(2 * size), (clarabel.NonnegativeConeT(2 * size),))
    if isinstance(norm, EntrywiseNorm) and norm.p == 1:
        bounds = sparse.identity(size, format="csr")
        rows = sparse.bmat(
            [[weights, -bounds], [-weights, -bounds], [None, sparse.csr_matrix(np.ones((1, size)))]]
        )
        right = np.append(np.zeros(2 * size), 1.0)
        return Cones(rows.tocsc(), right, (clarabel.NonnegativeConeT(2 * size + 1),))
    if isinstance(norm, GroupNorm) and norm.p == math.inf:
        return _longest(norm.group, shape)
    if isinstance(norm, GroupNorm) and norm.p == 1:
        return _sum_of_lengths(norm.group, shape)
    if isinstance(norm, SchattenNorm) and norm.p in (1, math.inf):
        return _singular_values(shape, nuclear=norm.p == 1)
    raise ValueError(f"norm: expected one of {', '.join(CONIC)}, got {norm.name!r}.")


def _longest(group: str, shape: tuple[int, int]) -> Cones:
    """Second-order cones (1, w) for the columns or the rows w of the weights."""
    places = np.arange(math.prod(shape)).reshape(shape)
    groups = places.T if group == "class" else places
    count, length = groups.shape
    rows = np.arange(count * (length + 1)).reshape(count, -1)
    entries = (np.full(groups.size, -1.0), (rows[:, 1:].ravel(), groups.ravel()))
    matrix = sparse.csc_matrix(entries, shape=(rows.size, places.size))
    right = np.zeros(rows.size)
    right[rows[:, 0]] = 1.0
    return Cones(matrix, right, (clarabel.SecondOrderConeT(length + 1),) * count)


def _sum_of_lengths(group: str, shape: tuple[int, int]) -> Cones:
    """Second-order cones (t, w) for the columns or the rows w, and Σ t ≤ 1."""
    longest = _longest(group, shape)
    count = len(longest.cones)
    lengths = sparse.csc_matrix(
        (-longest.right[longest.right > 0], (np.flatnonzero(longest.right), np.arange(count))),
        shape=(len(longest.right), count),
    )
    total = sparse.hstack([sparse.csc_matrix((1, math.prod(shape))), np.ones((1, count))])
    matrix = sparse.vstack([sparse.hstack([longest.matrix, lengths]), total]).tocsc()
    right = np.append(np.zeros(len(longest.right)), 1.0)
    return Cones(matrix, right, (*longest.cones, clarabel.NonnegativeConeT(1)))


def _singular_values(shape: tuple[int, int], *, nuclear: bool) -> Cones:
    """[[P, W], [Wᵀ, Q]] ⪰ 0, with P = Q = I, or trace(P) + trace(Q) ≤ 2 for the nuclear norm.

    Clarabel takes the upper triangle column after column, off-diagonal entries times √2.
    """
    d, k = shape
    size, edge = d * k, d + k
    above, beside = np.triu_indices(edge)
    order = np.lexsort((above, beside))
    above, beside = above[order], beside[order]
    in_weights = (above < d) & (beside >= d)
    scale = np.where(above == beside, 1.0, math.sqrt(2.0))
    rows = np.arange(len(above))
    columns = np.where(in_weights, above * k + beside - d, 0)
    right = np.zeros(len(above))
    if not nuclear:
        right[above == beside] = 1.0
        entries = (-scale[in_weights], (rows[in_weights], columns[in_weights]))
        matrix = sparse.csc_matrix(entries, shape=(len(rows), size))
        return Cones(matrix, right, (clarabel.PSDTriangleConeT(edge),))
    columns[~in_weights] = size + np.arange(int(np.sum(~in_weights)))
    variables = int(columns.max()) + 1
    matrix = sparse.csc_matrix((-scale, (rows, columns)), shape=(len(rows), variables))
    trace = np.zeros((1, variables))
    trace[0, columns[above == beside]] = 1.0
    whole = sparse.vstack([matrix, sparse.csr_matrix(trace)]).tocsc()
    cones = (clarabel.PSDTriangleConeT(edge), clarabel.NonnegativeConeT(1))
    return Cones(whole, np.append(right, 2.0), cones)
