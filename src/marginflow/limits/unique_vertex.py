"""A proof that the max-margin weights are unique where the norm's ball is a polytope.

In the max-norm and the entrywise 1-norm the problem is a linear program, whose optimum may be a
whole face.  Where it is one vertex, an answer that is near enough proves it, whoever made it.

**All optima are near.**  Let F be feasible with ‖F‖ ≤ f, α ≥ 0 a dual with v = Aᵀα, and
ε = ‖v‖_* f − Σα.  Any feasible W with ‖W‖ ≤ f, so F and every optimum, has

    Σ_i α_i (u_i(W) − 1) + (‖v‖_* ‖W‖ − ⟨v, W⟩) = ‖v‖_* ‖W‖ − Σα ≤ ε,

where both terms are sums of parts that are not negative.  In the max-norm the second one is
Σ_j |v_j| (‖W‖ − sign(v_j) W_j), in the 1-norm Σ_j (‖v‖_∞ − |v_j|) |W_j| or more.  Each part is at
most ε, so on pairs S with α_i > 0 the margins of F and of an optimum Ŵ differ by at most ε/α_i; on
entries J of the max-norm, where v_j ≠ 0, they differ by at most ε/|v_j| + f − D, with D ≤ ‖Ŵ‖ the
dual's bound; and on entries J of the 1-norm with |v_j| < ‖v‖_∞ by at most
|F_j| + ε/(‖v‖_∞ − |v_j|).  With M the rows a_i of S and the unit rows of J, M(F − Ŵ) is so bounded
by some r.  A left inverse X of M with ‖I − X M‖ ≤ δ < 1, formed and checked, gives
‖F − Ŵ‖ ≤ ρ = ‖|X| r‖/(1 − δ).

**There is one.**  Where no other constraint can be active within ρ of F, the active ones at every
optimal vertex are among S and J (in the 1-norm with the entries off J of fixed sign).  A vertex
needs as many independent ones as there are variables, p + 1 in the max-norm and p in the 1-norm.
If S and J have just so many, all are active at every optimal vertex, whose equations have one
solution.  So there is one vertex, and the optimal set, which is bounded, is that point.

More active constraints than variables, as of samples that lie on the margin by symmetry, leave the
question open; equal rows count as one.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from marginflow.limits.compensated import gamma, inflate
from marginflow.limits.pair_products import (
    Pairs,
    PairValues,
    equal_rows,
    gather,
    pair_rows,
    row_norm_bounds,
    row_sum,
)
from marginflow.margins import LinearMarginMap
from marginflow.norms import EntrywiseNorm, Norm


@dataclass(frozen=True)
class Feasible:
    """A feasible point with its bounds.

    Attributes:
        weights: F, flattened (p,).
        margins: of all pairs, from below.
        length: f, an upper bound of ‖F‖.
        best_length: D, a lower bound of the least norm.
    """

    weights: Float[np.ndarray, " p"]
    margins: PairValues
    length: float
    best_length: float


def is_polyhedral(norm: Norm) -> bool:
    """Whether the norm is one of those of which this module speaks."""
    return isinstance(norm, EntrywiseNorm) and norm.p in (1.0, math.inf)


def vertex_error(
    maps: LinearMarginMap, norm: Norm, point: Feasible, columns: Float[np.ndarray, "n c"]
) -> float | None:
    """ρ ≥ ‖F − Ŵ‖ where Ŵ is proved to be the only optimum; None where it is not.

    Args:
        maps: the margin map.
        norm: the max-norm or the entrywise 1-norm.
        point: F.
        columns: α for all pairs.
    """
    dual = gather(columns)
    pairs = np.flatnonzero(dual)
    image, errors = row_sum(pair_rows(maps, pairs), dual[pairs])
    found = equal_rows(pair_rows(maps, pairs))
    support = pairs[found.first]
    if not 0 < len(support) <= image.size + 1:
        return None
    shared = np.bincount(found.copies, weights=dual[pairs])
    shared = shared * (1.0 - gamma(len(pairs)))
    entries, bounds = _entries(norm, point, image, errors, float(dual.sum()))
    wanted = image.size + (1 if norm.p == math.inf else 0)
    if bounds is None or len(support) + int(entries.sum()) != wanted:
        return None
    excess = _excess(norm, point, image, errors, float(dual.sum()))
    away = _distance(pair_rows(maps, support), entries, excess / shared, bounds)
    if away is None or not _others_rest(maps, norm, point, support, entries, away):
        return None
    return away


def _excess(
    norm: Norm, point: Feasible, image: PairValues, errors: PairValues, total: float
) -> float:
    """ε = ‖v‖_* f − Σα from above."""
    largest = np.abs(image) + errors
    dual_norm = float(largest.sum() if norm.p == math.inf else largest.max())
    product = dual_norm * point.length
    return max(product - total, 0.0) + gamma(2 * image.size + 8) * (product + total)


def _entries(
    norm: Norm, point: Feasible, image: PairValues, errors: PairValues, total: float
) -> tuple[Bool[np.ndarray, " p"], PairValues | None]:
    """J, by which of the dual and the slack is larger, and bounds of |F_j − Ŵ_j| on it."""
    excess = _excess(norm, point, image, errors, total)
    sizes = np.abs(image)
    if norm.p == math.inf:
        slack = 1.0 - np.abs(point.weights) / point.length
        chosen = sizes / sizes.sum() > slack
        sure = sizes - errors
        bounds = inflate(excess / np.where(sure > 0, sure, 1.0)) + (
            point.length - point.best_length + gamma(4) * point.length
        )
    else:
        slack = 1.0 - sizes / sizes.max()
        chosen = slack > np.abs(point.weights) / point.length
        sure = (sizes - errors).max() - (sizes + errors)
        bounds = inflate(excess / np.where(sure > 0, sure, 1.0)) + np.abs(point.weights)
    if not np.all(sure[chosen] > 0):
        return chosen, None
    return chosen, bounds[chosen]


def _distance(
    rows: Float[np.ndarray, "m p"],
    entries: Bool[np.ndarray, " p"],
    margins: PairValues,
    bounds: PairValues,
) -> float | None:
    """A bound of ‖E‖ where |rows · E| ≤ margins and |E_j| ≤ bounds; None without full rank."""
    # powers of two round nothing
    scale = np.ldexp(1.0, -np.frexp(np.linalg.norm(rows, axis=1))[1])
    matrix = np.vstack([rows * scale[:, None], np.eye(len(entries))[entries]])
    right = inflate(np.append(margins * scale, bounds))
    try:
        inverse = np.linalg.pinv(matrix)
    except np.linalg.LinAlgError:
        return None
    defect = np.abs(inverse @ matrix - np.eye(len(entries)))
    defect = defect + gamma(len(matrix) + 4) * np.abs(inverse) @ np.abs(matrix)
    size = inflate(float(np.linalg.norm(defect)))
    if not size < 0.5:
        return None
    return inflate(float(np.linalg.norm(inflate(np.abs(inverse) @ right))) / (1.0 - size))


def _others_rest(
    maps: LinearMarginMap,
    norm: Norm,
    point: Feasible,
    support: Pairs,
    entries: Bool[np.ndarray, " p"],
    away: float,
) -> bool:
    """Whether no constraint but those of S and J can be active within the distance."""
    reach = away * np.tile(row_norm_bounds(maps), maps.n_columns)
    active = np.setdiff1d(np.flatnonzero(point.margins - inflate(reach) <= 1.0), support)
    if len(active) > len(support):
        return False
    rows = pair_rows(maps, np.concatenate([support, active]))
    if len(equal_rows(rows).first) > len(support):
        return False
    sizes = np.abs(point.weights)
    if norm.p == 1:
        return bool(np.all(sizes[~entries] > away))
    return bool(
        np.all(sizes[~entries] + away < point.best_length) and np.all(sizes[entries] > away)
    )
