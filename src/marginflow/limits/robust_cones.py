"""The largest robust margin of a few pairs, as a conic program.

    minimize ½‖W‖² − γ   subject to   a·W − ε t_yk ≥ γ for each pair,   ‖w_y − w_k‖_q ≤ t_yk

A pair's perturbations enter through one number t_yk for each two classes, so there are as many
norms as class pairs, however many samples.  The problem has a solution whether or not anything
separates (W = 0, γ = 0 where nothing does), and it is the nearest point to the origin of the hull
of all perturbed rows: Σα = 1 and W = V in the notation of `robust_certificate`.  The norm is linear
inequalities for q = 1 and q = ∞, a second-order cone for q = 2, and otherwise one power cone an
entry, |w_j| ≤ r_j^(1/q) t^(1−1/q) with Σ r_j ≤ t.

Clarabel solves it (Goulart & Chen 2024, arXiv 2405.12762).  Nothing is taken on trust: what it
finds is a candidate for the certificate.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import clarabel
import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

_CLARABEL: Any = clarabel  # its names are made by its compiled part
_PRECISE = 1e-13  # asked for; rounding ends the progress before


class ConePoint(NamedTuple):
    """A candidate.

    Attributes:
        weights: W, flat.
        dual: α (m,), non-negative.
        forces: ε β g of each class pair, (d, c).
    """

    weights: Float[np.ndarray, " p"]
    dual: Float[np.ndarray, " m"]
    forces: Float[np.ndarray, "d c"]


def largest_robust_margin(
    rows: Float[np.ndarray, "m p"],
    group: Int[np.ndarray, " m"],
    classes: Sequence[tuple[int, int]] | None,
    n_features: int,
    radius: float,
    q: float,
    *,
    equilibrate: bool = True,
) -> ConePoint | None:
    """Solve for these rows.

    Args:
        rows: of the linear map.
        group: which class pair each row belongs to.
        classes: (y, k) of each class pair; None in the binary map.
        n_features: d.
        radius: ε.
        q: of the norm of weights.
        equilibrate: whether the solver scales rows and columns; where rounding ends its progress
            with this too early, it may not without, and the other way round.

    Returns:
        The candidate, or None where the solver fails altogether.
    """
    m, p = rows.shape
    taken = _differences(classes, n_features, p)
    c = 1 if classes is None else len(classes)
    select = sparse.csr_array((np.ones(m), (np.arange(m), group)), shape=(m, c))
    lowered = sparse.hstack([-sparse.csr_array(rows), np.ones((m, 1)), radius * select])
    norms = _norm_cones(taken, p, c, n_features, q)
    lowered = sparse.hstack([lowered, _none(m, norms.further)])
    constraints = sparse.csc_matrix(sparse.vstack([lowered, norms.rows]))
    size = p + 1 + c + norms.further
    curvature = sparse.csc_matrix((np.ones(p), (np.arange(p), np.arange(p))), shape=(size, size))
    goal = np.zeros(size)
    goal[p] = -1.0
    solution = _CLARABEL.DefaultSolver(
        curvature,
        goal,
        constraints,
        np.zeros(constraints.get_shape()[0]),
        [_CLARABEL.NonnegativeConeT(m), *norms.cones],
        _settings(equilibrate),
    ).solve()
    found, multipliers = np.array(solution.x), np.array(solution.z)
    if not (np.all(np.isfinite(found)) and np.all(np.isfinite(multipliers))):
        return None
    forces = norms.forces(multipliers[m:]).reshape(c, n_features).T
    return ConePoint(found[:p], np.maximum(multipliers[:m], 0.0), forces)


def _settings(equilibrate: bool) -> Any:
    settings = _CLARABEL.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    settings.equilibrate_enable = equilibrate
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = _PRECISE
    return settings


def _differences(
    classes: Sequence[tuple[int, int]] | None, n_features: int, p: int
) -> sparse.csr_array:
    """The matrix (c·d, p) from flat weights to w_y − w_k of each class pair."""
    if classes is None:
        return sparse.csr_array(sparse.eye_array(p))
    codes = np.zeros((len(classes), p // n_features))
    for place, (y, k) in enumerate(classes):
        codes[place, y], codes[place, k] = 1.0, -1.0
    each = sparse.eye_array(n_features)
    return sparse.csr_array(sparse.vstack([sparse.kron(each, code[None]) for code in codes]))


class _NormCones(NamedTuple):
    """The constraints ‖w_yk‖_q ≤ t_yk, over the variables (W, γ, t, further ones).

    Attributes:
        further: how many further variables they need.
        rows: of the constraint matrix.
        cones: in which the slacks lie.
        forces: from their multipliers to ε β g of all class pairs, flat.
    """

    further: int
    rows: sparse.csr_array
    cones: list[Any]
    forces: Callable[[np.ndarray], np.ndarray]


def _norm_cones(taken: sparse.csr_array, p: int, c: int, d: int, q: float) -> _NormCones:
    if q in (1, math.inf):
        return _inequalities(taken, p, c, d, q)
    count = c * d
    if q == 2:
        lengths = sparse.hstack([_none(c, p + 1), -sparse.eye_array(c)])
        entries = sparse.hstack([-taken, _none(count, 1 + c)])
        order = np.column_stack([np.arange(c), c + np.arange(count).reshape(c, d)]).ravel()
        rows = sparse.csr_array(sparse.vstack([lengths, entries]))[order]
        cones = [_CLARABEL.SecondOrderConeT(d + 1)] * c
        return _NormCones(0, rows, cones, lambda z: -z.reshape(c, d + 1)[:, 1:].ravel())
    total, top = _sums(p, c, d), _each_entry(c, d)
    parts = sparse.hstack([_none(count, p + 1 + c), -sparse.eye_array(count)])
    tops = sparse.hstack([_none(count, p + 1), -top, _none(count, count)])
    entries = sparse.hstack([-taken, _none(count, 1 + c + count)])
    order = np.arange(3 * count).reshape(3, count).T.ravel()
    powers = sparse.csr_array(sparse.vstack([parts, tops, entries]))[order]
    cones = [_CLARABEL.NonnegativeConeT(c), *[_CLARABEL.PowerConeT(1.0 / q)] * count]
    rows = sparse.csr_array(sparse.vstack([total, powers]))
    return _NormCones(count, rows, cones, lambda z: -z[c:].reshape(count, 3)[:, 2])


def _inequalities(taken: sparse.csr_array, p: int, c: int, d: int, q: float) -> _NormCones:
    """|w_j| ≤ t for q = ∞; |w_j| ≤ r_j and Σ r_j ≤ t for q = 1."""
    count = c * d
    further = 0 if q == math.inf else count
    limit = [-_each_entry(c, d)] if not further else [_none(count, c), -sparse.eye_array(count)]
    blocks = [sparse.hstack([sign * taken, _none(count, 1), *limit]) for sign in (1.0, -1.0)]
    if further:
        blocks.append(_sums(p, c, d))
    rows = sparse.csr_array(sparse.vstack(blocks))
    cones = [_CLARABEL.NonnegativeConeT(2 * count + (c if further else 0))]
    return _NormCones(further, rows, cones, lambda z: z[:count] - z[count : 2 * count])


def _sums(p: int, c: int, d: int) -> sparse.csr_array:
    """Σ r_j ≤ t of each class pair."""
    sums = sparse.kron(sparse.eye_array(c), np.ones((1, d)))
    return sparse.csr_array(sparse.hstack([_none(c, p + 1), -sparse.eye_array(c), sums]))


def _each_entry(c: int, d: int) -> sparse.csr_array:
    """The t of each entry's class pair, (c·d, c)."""
    return sparse.csr_array(sparse.kron(sparse.eye_array(c), np.ones((d, 1))))


def _none(rows: int, columns: int) -> sparse.csr_array:
    return sparse.csr_array((rows, columns))
