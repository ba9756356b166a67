"""The pairs at margin 1, and what is unusual about them.

On data in general position the support is as many independent pairs as carry a positive dual, and
nothing else has margin 1.  Real and constructed data depart from that in three ways: a row occurs
twice, rows at margin 1 depend on each other (four points on an edge), or a pair touches margin 1
without carrying any force.  The weights are unique all the same.  The dual is not where rows depend
on each other; one that is positive on every pair is taken where there is one, so that a zero entry
means that strict complementarity fails.  Copies of a row share its dual evenly.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import svd
from scipy.optimize import linprog

from marginflow.limits.compensated import UNIT
from marginflow.limits.linear_algebra import least_squares
from marginflow.limits.pair_products import (
    Pairs,
    PairValues,
    equal_rows,
    gather,
    pair_margins,
    pair_rows,
    row_norm_bounds,
    row_sum,
)
from marginflow.margins import LinearMarginMap

_TIED = 128 * UNIT  # distance from margin 1, relative to ‖a‖ ‖W‖, that rounding can make
_NEAR = 2.0**14 * UNIT  # pairs so near are looked at in doubled precision
_ZERO = 1e-9  # a dual, relative to the largest, that counts as zero where the dual is not unique
_SPREADABLE = 1000  # distinct rows for which a positive dual is sought
_EXAMINED = 4000  # pairs whose rows are compared


@dataclass(frozen=True)
class Support:
    """The pairs at margin 1.

    Attributes:
        pairs: their numbers, ascending.
        dual: α of each, A_Sᵀα = W; zero where no force acts.
        rank: the rank of their rows, up to rounding.
        next_margin: the least margin of all other pairs; infinite if there are none.
        degeneracy: a sentence on what departs from general position; empty if nothing does.
    """

    pairs: Pairs
    dual: PairValues
    rank: int
    next_margin: float
    degeneracy: str

    @property
    def min_dual(self) -> float:
        """The least entry of the dual: zero where strict complementarity fails."""
        return float(self.dual.min(initial=np.inf))


def find_support(
    maps: LinearMarginMap,
    weights: Float[np.ndarray, "*shape"],
    basic: Pairs,
    basic_dual: PairValues,
    *,
    copies_only: bool,
) -> Support:
    """All pairs at margin 1, given independent ones that determine the weights.

    Args:
        maps: the margin map.
        weights: the max-margin weights.
        basic: independent pairs at margin 1.
        basic_dual: their positive dual.
        copies_only: whether it is proved that no other pair has margin 1 but copies of these rows.
    """
    margins = gather(maps.margins(weights)).copy()
    radii = np.tile(row_norm_bounds(maps), maps.n_columns) * float(np.linalg.norm(weights))
    near = np.flatnonzero(margins - 1.0 <= _NEAR * radii)
    slack, _ = pair_margins(maps, near, weights, -1.0)
    margins[near] = 1.0 + slack
    tied = near[slack <= _TIED * radii[near]]
    pairs = np.union1d(tied, basic)
    dual = np.zeros(len(pairs))
    dual[np.searchsorted(pairs, basic)] = basic_dual
    next_margin = float(np.delete(margins, pairs).min(initial=np.inf))
    if len(pairs) > _EXAMINED:
        crowd = (
            f"{len(pairs)} pairs have margin 1, and the dual is given to {len(basic)} independent "
            "ones of them"
        )
        return Support(pairs, dual, len(basic), next_margin, crowd)
    rows = pair_rows(maps, pairs)
    first, copies, counts = equal_rows(rows)
    distinct = rows[first]
    totals = np.bincount(copies, weights=dual)
    if copies_only:
        kept = totals[copies] > 0
        next_margin = min(next_margin, float(margins[pairs[~kept]].min(initial=np.inf)))
        pairs, copies, distinct, rank = pairs[kept], copies[kept], distinct[totals > 0], len(basic)
    else:
        totals, rank = _positive_dual(distinct, np.ravel(weights), totals)
    dual = (totals / counts)[copies]
    return Support(
        pairs,
        dual,
        rank,
        next_margin,
        degeneracy(len(pairs), len(distinct), rank, int(np.sum(dual == 0))),
    )


def _positive_dual(
    rows: Float[np.ndarray, "m p"], weights: Float[np.ndarray, " p"], dual: PairValues
) -> tuple[PairValues, int]:
    """A dual with no zero entry if there is one, else the one given; and the rank of the rows.

    The shortest dual serves where it is positive; else a linear program over the null space of Aᵀ
    makes the least entry as large as it can be.
    """
    count = len(rows)
    lengths = np.linalg.norm(rows, axis=1)
    unit_rows = rows / lengths[:, None]
    if count > _SPREADABLE:
        return dual, int(np.linalg.matrix_rank(unit_rows))
    left, values, _ = svd(unit_rows, full_matrices=count > rows.shape[1])
    rank = int(np.sum(values > 16 * UNIT * max(rows.shape) * values[0]))
    if rank == count:
        return dual, rank
    null = left[:, rank:] / lengths[:, None]
    shortest = _corrected(rows, weights, dual - null @ least_squares(null, dual))
    if shortest.min() > _ZERO * shortest.max():
        return shortest, rank
    scale = float(dual.max())
    program = linprog(
        np.append(np.zeros(null.shape[1]), -1.0),
        A_ub=np.column_stack([-null, np.ones(count)]),
        b_ub=dual / scale,
        bounds=(None, None),
        method="highs",
    )
    if program.status != 0 or program.x[-1] <= _ZERO:
        return dual, rank
    positive = _corrected(rows, weights, dual + scale * (null @ program.x[:-1]))
    return (positive, rank) if positive.min() > 0 else (dual, rank)


def _corrected(
    rows: Float[np.ndarray, "m p"], weights: Float[np.ndarray, " p"], dual: PairValues
) -> PairValues:
    """The dual moved by the least that brings Aᵀα to the weights."""
    missing, _ = row_sum(rows, dual, -weights)
    return dual - least_squares(rows.T, missing)


def degeneracy(count: int, distinct: int, rank: int, idle: int) -> str:
    """What departs from general position, in a sentence; empty if nothing does."""
    parts = []
    if distinct < count:
        parts.append(f"{count - distinct} of the {count} support pairs repeat the row of another")
    if rank < distinct:
        parts.append(
            f"the {distinct} distinct rows of the support have rank {rank}, so the dual is not "
            "unique"
        )
    if idle:
        parts.append(
            f"{idle} of the {count} pairs at margin 1 have a zero dual, so strict complementarity "
            "fails"
        )
    return "; ".join(parts)
