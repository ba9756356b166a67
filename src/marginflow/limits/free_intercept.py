"""The max-margin problem with an intercept that the norm does not count.

    maximize γ   subject to   A W + B b ≥ γ,   ‖W‖ ≤ 1

with b one number a class, or one for two classes: the usual hard-margin support vector machine.  A
free intercept makes the origin of the features immaterial, so they are centered first.  The
solution with a column of ones says whether anything separates and which pairs to begin with.

In the Frobenius norm a column of c instead of ones makes the intercept count for 1/c² of what it
did: the support is nearly always that of the free one, and its rows are then solved for outright.
Elsewhere a round solves the conic program of a working set by Clarabel (Goulart & Chen 2024, arXiv
2405.12762), looks at all margins once and adds the most violated pairs.

What is found is proved by `norm_certificate`, which sees the data and the answer only.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import clarabel as _clarabel
import equinox as eqx
import numpy as np
from jaxtyping import Float
from scipy import sparse

from marginflow._results import Status
from marginflow.limits.conic_ball import CONIC, Cones, unit_ball
from marginflow.limits.frobenius import named_pairs, solve_frobenius, user_dual
from marginflow.limits.linear_algebra import least_squares, row_basis
from marginflow.limits.max_margin_result import MaxMargin
from marginflow.limits.norm_certificate import certify_norm_margin
from marginflow.limits.pair_products import Pairs, PairValues, equal_rows, gather, pair_rows
from marginflow.limits.scaling import Scaled, take_out_scale
from marginflow.limits.support import degeneracy
from marginflow.limits.working_set import worst_pairs
from marginflow.margins import LinearMarginMap
from marginflow.norms import EntrywiseNorm, Norm

clarabel: Any = _clarabel  # it comes without types

_SAFE = 0.25  # of the gap asked for is left to the rounds
_FROBENIUS_GAP = 1e-10
_LARGE = 2.0**6  # the c of a constant feature, of features of size 1
_PRECISE = 1e-13  # asked of the conic solver; rounding ends its progress before


def solve_free_intercept(
    maps: LinearMarginMap, norm: Norm, *, rtol: float, max_rounds: int
) -> MaxMargin:
    """Minimize ‖W‖ subject to A W + B b ≥ 1, or prove that no (W, b) has A W + B b > 0."""
    if len(maps.weights_shape) == 1 and norm.of_vectors() != norm:
        vectors = norm.of_vectors()
        plain = solve_free_intercept(maps, vectors, rtol=rtol, max_rounds=max_rounds)
        return replace(plain, norm=norm.name)
    _check(maps, norm)
    scaled = take_out_scale(maps)
    ones = scaled.maps.with_constant()
    plain = solve_frobenius(ones, rtol=_FROBENIUS_GAP, max_rounds=max_rounds)
    if not plain.margin_lower > 0:
        return replace(
            plain,
            norm=norm.name,
            weights=plain.weights[:-1],
            intercept=np.asarray(plain.weights[-1]),
            margin_upper=math.inf if plain.status == Status.MAX_STEPS else 0.0,
            message=f"with any intercept: {plain.message}",
        )
    center = np.asarray(scaled.maps.features_t).mean(axis=1)
    moved = eqx.tree_at(
        lambda tree: tree.features_t, scaled.maps, scaled.maps.features_t - center[:, None]
    )
    if norm.name == "frobenius":
        found = _by_large_constant(moved, norm, max_rounds)
        if found is not None:
            result = _proved(maps, scaled, norm, _decentered(found, center), rtol)
            if result.status == Status.DONE:
                return result
    start = plain.weights.copy()
    start[-1] += center @ plain.weights[:-1]
    found = _rounds(moved.with_constant(), norm, start, rtol=_SAFE * rtol, max_rounds=max_rounds)
    return _proved(maps, scaled, norm, _decentered(found, center), rtol)


@dataclass(frozen=True)
class _Found:
    """Weights with the intercept in their last row, and a dual on some pairs."""

    weights: Float[np.ndarray, "*shape"]
    pairs: Pairs
    dual: PairValues
    statistics: Mapping[str, Any]


def _check(maps: LinearMarginMap, norm: Norm) -> None:
    if norm.name not in ("frobenius", *CONIC):
        raise ValueError(
            f"norm: expected one of frobenius, {', '.join(CONIC)} with a free intercept, got "
            f"{norm.name!r}; append a column of ones to have an intercept in any norm."
        )
    absent = np.setdiff1d(np.arange(maps.n_classes), np.asarray(maps.labels))
    if len(absent):
        raise ValueError(
            f"free_intercept: expected a sample of every class, got none of class {absent[0]}, "
            "whose intercept would go to minus infinity; leave the class out."
        )


def _decentered(found: _Found, center: Float[np.ndarray, " d"]) -> _Found:
    weights = found.weights.copy()
    weights[-1] -= center @ weights[:-1]
    weights[-1] -= weights[-1].mean() if weights.ndim == 2 else 0.0
    return replace(found, weights=weights)


def _by_large_constant(maps: LinearMarginMap, norm: Norm, max_rounds: int) -> _Found | None:
    """In the Frobenius norm, by the support of the problem that hardly counts the intercept."""
    ones = maps.with_constant()
    features_t = np.array(ones.features_t)
    features_t[-1] = _LARGE
    light = eqx.tree_at(lambda tree: tree.features_t, ones, features_t)
    solved = solve_frobenius(light, rtol=_FROBENIUS_GAP, max_rounds=max_rounds)
    if not np.all(np.isfinite(solved.weights)):
        return None
    weights, dual = solved.weights.copy(), gather(ones.from_dual(solved.dual))
    weights[-1] *= _LARGE
    pairs = np.flatnonzero(dual)
    point = (weights, dual[pairs])
    weights, pull = (point, *_polished(norm, ones.weights_shape, pair_rows(ones, pairs), point))[-1]
    return _Found(weights, pairs, pull, solved.statistics)


def _rounds(
    maps: LinearMarginMap,
    norm: Norm,
    start: Float[np.ndarray, "*shape"],
    *,
    rtol: float,
    max_rounds: int,
) -> _Found:
    """Rounds over working sets from weights that separate; the last feature of the map is 1."""
    margins = gather(maps.margins(start))
    pairs = worst_pairs(maps, margins, np.arange(len(margins)))
    lower, upper = float(margins.min() / norm(start[:-1])), math.inf
    best, rounds, largest = _Found(start, pairs, np.ones(len(pairs)), {}), 0, 0
    unit = lower
    while rounds < max_rounds:
        rounds, largest = rounds + 1, max(largest, len(pairs))
        rows = pair_rows(maps, pairs)
        point = _solved(norm, maps.weights_shape, rows, unit)
        if point is None:
            break
        weights, margins = point[0], np.empty(0)
        for weights, dual in (point, *_polished(norm, maps.weights_shape, rows, point)):
            margins = gather(maps.margins(weights))
            reached = float(margins.min()) / float(norm(weights[:-1]))
            bound = _bound(maps, norm, rows, dual)
            if reached > lower:
                lower, best = reached, replace(best, weights=weights)
            if bound < upper:
                upper, best = bound, replace(best, pairs=pairs, dual=dual)
        if 1.0 - lower / upper <= rtol:
            break
        violated = np.flatnonzero(margins < upper * float(norm(weights[:-1])) * (1.0 - rtol))
        fresh = np.setdiff1d(worst_pairs(maps, margins, violated), pairs)
        if not len(fresh):
            break
        pairs, unit = np.concatenate([pairs, fresh]), max(lower, 1e-3 * unit)
    return replace(best, statistics={"rounds": rounds, "largest_working_set": largest})


def _bound(
    maps: LinearMarginMap, norm: Norm, rows: Float[np.ndarray, "m p"], dual: PairValues
) -> float:
    """The upper bound of the margin that a nearly balanced dual gives, up to rounding."""
    pull = (dual @ rows).reshape(maps.weights_shape)
    longest = float(np.abs(np.asarray(maps.features)[:, :-1]).sum(axis=1).max())
    off_balance = float(np.abs(pull[-1]).sum())
    return (float(norm.dual(pull[:-1])) + off_balance * longest) / float(dual.sum())


def _solved(
    norm: Norm, shape: tuple[int, ...], rows: Float[np.ndarray, "m p"], unit: float
) -> tuple[np.ndarray, PairValues] | None:
    """Weights and dual of the pairs' problem, its margins in the unit; None if that fails."""
    free = math.prod(shape[1:])
    size = math.prod(shape) - free
    ball = _ball(norm, (shape[0] - 1, free))
    further = ball.variables - size
    inner = sparse.csc_matrix(ball.matrix)
    between = sparse.csc_matrix((inner.get_shape()[0], free + 1))
    held = sparse.hstack([inner[:, :size], between, inner[:, size:]])
    margins = sparse.hstack(
        [-rows / unit, np.ones((len(rows), 1)), sparse.csc_matrix((len(rows), further))]
    )
    variables = size + free + 1 + further
    goal = np.zeros(variables)
    goal[size + free] = -1.0
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.max_threads = False, 1
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = _PRECISE
    solution = clarabel.DefaultSolver(
        sparse.csc_matrix((variables, variables)),
        goal,
        sparse.csc_matrix(sparse.vstack([margins, held])),
        np.concatenate([np.zeros(len(rows)), ball.right]),
        [clarabel.NonnegativeConeT(len(rows)), *ball.cones],
        settings,
    ).solve()
    weights = np.array(solution.x)[: size + free].reshape(shape)
    dual = np.maximum(np.array(solution.z)[: len(rows)], 0.0)
    whole = np.all(np.isfinite(weights)) and np.all(np.isfinite(dual))
    return (weights, dual) if whole and dual.any() and weights[:-1].any() else None


def _ball(norm: Norm, shape: tuple[int, int]) -> Cones:
    if norm.name != "frobenius":
        return unit_ball(norm, shape)
    size = math.prod(shape)
    matrix = sparse.vstack([sparse.csc_matrix((1, size)), -sparse.identity(size)])
    right = np.append(1.0, np.zeros(size))
    return Cones(sparse.csc_matrix(matrix), right, (clarabel.SecondOrderConeT(size + 1),))


def _polished(
    norm: Norm,
    shape: tuple[int, ...],
    rows: Float[np.ndarray, "m p"],
    point: tuple[np.ndarray, PairValues],
) -> tuple[tuple[np.ndarray, PairValues], ...]:
    """In the Frobenius norm the weights for which the supporting rows have margin 1 exactly.

    With A, B those rows and Q a basis of the vectors v with Bᵀv = 0: W is the shortest with
    Qᵀ A W = Qᵀ 1, and its dual is Q c with (Qᵀ A)ᵀ c = W.
    """
    weights, dual = point
    if not (isinstance(norm, EntrywiseNorm) and norm.p == 2):
        return ()
    free = math.prod(shape[1:])
    margins = rows @ np.ravel(weights)
    shares = dual / dual.sum()
    support = np.flatnonzero(shares > np.abs(margins / margins.min() - 1.0))
    first = support[equal_rows(rows[support]).first]
    held, constants = rows[first, :-free], rows[first, -free:]
    left, values, _ = np.linalg.svd(constants)
    balanced = left[:, int(np.sum(values > 1e-10 * values.max(initial=0.0))) :]
    if not balanced.shape[1]:
        return ()
    inner = balanced.T @ held
    solved = least_squares(inner, balanced.T @ np.ones(len(first)))
    intercept = least_squares(constants, 1.0 - held @ solved)
    pull = balanced @ least_squares(inner.T, solved)
    if pull.min() < 0:
        return ()
    exact = np.zeros(len(rows))
    exact[first] = pull
    return ((np.concatenate([solved, intercept]).reshape(shape), exact),)


def _proved(
    maps: LinearMarginMap, scaled: Scaled, norm: Norm, found: _Found, rtol: float
) -> MaxMargin:
    """The result in the user's units, with its certificate."""
    ones = scaled.maps.with_constant()
    stacked = found.weights / float(ones.margins(found.weights).min())
    dual = found.dual * (float(norm(stacked[:-1])) ** 2 / float(found.dual.sum()))
    margins = gather(ones.margins(stacked)).copy()
    support = np.flatnonzero(dual / dual.sum() > margins[found.pairs] - 1.0)
    pairs = found.pairs[support]
    weights, intercept = scaled.weights_out(stacked[:-1]), np.asarray(stacked[-1])
    kept = user_dual(scaled, pairs, dual[support])
    proof = certify_norm_margin(maps, norm, weights, kept, intercept=intercept)
    if proof.relative_gap > rtol:
        # what is off the support may be needed for the bound where the rounds ended early
        whole = user_dual(scaled, found.pairs, dual)
        fuller = certify_norm_margin(maps, norm, weights, whole, intercept=intercept)
        kept, proof = (whole, fuller) if fuller.relative_gap < proof.relative_gap else (kept, proof)
    rows = pair_rows(ones, pairs)
    rank = row_basis(rows).shape[1]
    said = degeneracy(len(pairs), len(equal_rows(rows).first), rank, 0)
    margins[pairs] = math.inf
    margin = 1.0 / float(norm(weights))
    reached = proof.relative_gap <= rtol
    message = (
        f"{norm.name} margin {margin:.6g} with a free intercept and {len(pairs)} support pairs, "
        f"relative gap {proof.relative_gap:.1e}."
    )
    if not reached:
        message = f"the gap asked, {rtol:.1e}, was not reached: {message}"
        message += " Pass a larger rtol to accept this, or a larger max_rounds."
    return MaxMargin(
        status=Status.DONE if reached else Status.MAX_STEPS,
        message=message,
        statistics=found.statistics,
        weights=weights,
        intercept=intercept,
        margin=margin,
        margin_lower=proof.margin_lower,
        margin_upper=proof.margin_upper,
        dual=kept,
        support=named_pairs(maps, pairs),
        support_rank=rank,
        relative_gap=proof.relative_gap,
        weights_error_bound=proof.weights_error_bound,
        next_margin=float(margins.min()),
        min_dual=float(np.ldexp(dual[support].min(initial=math.inf), -2 * scaled.exponent)),
        degenerate=bool(said),
        degeneracy=said,
        active_set_proved=False,
        certificate=proof,
        norm=norm.name,
    )
