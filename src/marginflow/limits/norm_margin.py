"""The max-margin problem in any norm, solved over working sets and certified.

The Frobenius solution comes first: it says whether anything separates, which does not depend on the
norm, and its margins say which pairs to begin with.  A round solves the problem of the working set
by `norm_interior_point`, looks at all margins once and adds the most violated pairs.  The bounds of
every round hold for all pairs: the margin that its weights reach from below, the dual's from above.
So early rounds are solved coarsely, and the last one to the gap asked for.

The answer is then certified by `norm_certificate`, which sees the data and the answer only.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from marginflow._results import Status
from marginflow.limits.frobenius import named_pairs, solve_frobenius, user_dual
from marginflow.limits.linear_algebra import row_basis
from marginflow.limits.max_margin_result import MaxMargin
from marginflow.limits.norm_certificate import NormCertificate, certify_norm_margin
from marginflow.limits.norm_interior_point import largest_margin
from marginflow.limits.pair_products import Pairs, PairValues, equal_rows, gather, pair_rows
from marginflow.limits.scaling import Compressed, compress, take_out_scale
from marginflow.limits.support import degeneracy
from marginflow.limits.unique_vertex import is_polyhedral
from marginflow.limits.vertex import vertex_beside
from marginflow.limits.working_set import worst_pairs
from marginflow.margins import LinearMarginMap
from marginflow.norms import GroupNorm, Norm, SchattenNorm

_FIRST_GAP = 1e-2  # to which the first round is solved,
_SHARPER = 0.1  # and how much smaller the next one's is than the gap over all pairs
_SETTLED = 0.05  # share of new pairs below which the next round is solved to the end
_SAFE = 0.25  # of the gap asked for is left to the working set
_DROPPING = 6  # rounds in which pairs are let go, so that no working set comes again and again
_KEPT_SLACK = 0.5  # a pair stays while its slack, relative to the margin, is below this,
_KEPT_WEIGHT = 1e-4  # or its dual, relative to the largest, above this
_FROBENIUS_GAP = 1e-12


def solve_in_norm(maps: LinearMarginMap, norm: Norm, *, rtol: float, max_rounds: int) -> MaxMargin:
    """Minimize ‖W‖ subject to A W ≥ 1, or prove that no W has A W > 0."""
    if len(maps.weights_shape) == 1 and norm.of_vectors() != norm:
        plain = solve_in_norm(maps, norm.of_vectors(), rtol=rtol, max_rounds=max_rounds)
        return replace(plain, norm=norm.name)
    if norm.name == "frobenius":
        return solve_frobenius(maps, rtol=rtol, max_rounds=max_rounds)
    euclidean = solve_frobenius(maps, rtol=_FROBENIUS_GAP, max_rounds=max_rounds)
    if not euclidean.margin_lower > 0:
        return replace(euclidean, norm=norm.name)
    scaled = take_out_scale(maps)
    # coordinates in the samples' span change no singular value and no length of a class's vector
    turned = isinstance(norm, SchattenNorm) or norm == GroupNorm("class", norm.p)
    compressed = compress(scaled.maps) if turned else Compressed(scaled.maps, None)
    start = scaled.weights_in(euclidean.weights)
    if compressed.directions is not None:
        start = compressed.directions.T @ start
    found = _rounds(compressed.maps, norm, start, rtol=rtol, max_rounds=max_rounds)
    weights = compressed.weights_out(found.weights)
    weights = weights / float(scaled.maps.margins(weights).min())
    if is_polyhedral(norm):
        found, weights = _at_the_vertex(scaled.maps, norm, found, weights)
    dual = found.dual * (float(norm(weights)) ** 2 / float(found.dual.sum()))
    support = _supporting(found.pairs, dual, gather(scaled.maps.margins(weights)))
    user_weights = scaled.weights_out(weights)
    kept = user_dual(scaled, found.pairs[support], dual[support])
    proof = certify_norm_margin(maps, norm, user_weights, kept)
    if proof.relative_gap > rtol:
        # what is off the support may be needed for the bound where the rounds ended early
        whole = user_dual(scaled, found.pairs, dual)
        fuller = certify_norm_margin(maps, norm, user_weights, whole)
        kept, proof = (whole, fuller) if fuller.relative_gap < proof.relative_gap else (kept, proof)
    solution = _Solution(scaled.maps, weights, user_weights, kept, found.pairs[support], proof)
    return _result(maps, norm, solution, found.statistics, rtol)


@dataclass(frozen=True)
class _Found:
    """Where the rounds ended: the best weights, and the best dual with its pairs."""

    weights: Float[np.ndarray, "*shape"]
    pairs: Pairs
    dual: PairValues
    statistics: Mapping[str, Any]


def _rounds(
    maps: LinearMarginMap,
    norm: Norm,
    start: Float[np.ndarray, "*shape"],
    *,
    rtol: float,
    max_rounds: int,
) -> _Found:
    """Rounds over working sets from weights that separate."""
    margins = gather(maps.margins(start))
    pairs = worst_pairs(maps, margins, np.arange(len(margins)))
    lower = float(margins.min() / norm(start))
    upper, best = math.inf, _Found(start, pairs, np.ones(len(pairs)), {})
    goal = _SAFE * rtol
    asked = goal if len(pairs) == len(margins) else max(_FIRST_GAP, goal)
    rounds, steps, largest, unit = 0, 0, 0, lower
    while rounds < max_rounds:
        rounds += 1
        rows = pair_rows(maps, pairs)
        point = largest_margin(norm, maps.weights_shape, rows / unit, rtol=asked)
        steps, largest = steps + point.steps, max(largest, len(pairs))
        weights = point.weights.reshape(maps.weights_shape)
        margins = gather(maps.margins(weights))
        size = float(norm(weights))
        reached = float(margins.min()) / size
        if reached > lower:
            lower, best = reached, replace(best, weights=weights)
        if point.upper * unit < upper:
            upper, best = point.upper * unit, replace(best, pairs=pairs, dual=point.dual)
        gap = 1.0 - lower / upper
        violated = np.flatnonzero(margins < point.lower * unit * size * (1.0 - goal))
        fresh = np.setdiff1d(worst_pairs(maps, margins, violated), pairs)
        solved = point.gap <= asked
        if gap <= 2.0 * goal or (not len(fresh) and (asked <= goal or not solved)):
            break
        many = len(fresh) > _SETTLED * len(pairs)
        asked = max(goal, min(_SHARPER * gap, asked)) if many else goal
        if rounds <= _DROPPING:
            slack = margins[pairs] / (point.lower * unit * size) - 1.0
            kept = (slack < _KEPT_SLACK) | (point.dual > _KEPT_WEIGHT * point.dual.max())
            pairs = pairs[kept]
        pairs = np.concatenate([pairs, fresh])
    statistics = {"rounds": rounds, "newton_steps": steps, "largest_working_set": largest}
    return replace(best, statistics=statistics)


def _at_the_vertex(
    maps: LinearMarginMap, norm: Norm, found: _Found, weights: Float[np.ndarray, "*shape"]
) -> tuple[_Found, Float[np.ndarray, "*shape"]]:
    """The vertex beside the weights and its dual, each where it is better than what there is."""
    rows = pair_rows(maps, found.pairs)
    first, copies, _ = equal_rows(rows)
    shared = np.bincount(copies, weights=found.dual)
    beside = vertex_beside(norm, rows[first], np.ravel(weights), shared)
    if beside is None:
        return found, weights
    primal, pull = beside[0].reshape(weights.shape), np.maximum(beside[1], 0.0)
    least = float(maps.margins(primal).min())
    if not (least > 0 and pull.sum() > 0):
        return found, weights
    best_upper = float(norm.dual(found.dual @ rows)) / float(found.dual.sum())
    if float(norm.dual(pull @ rows[first])) / float(pull.sum()) <= best_upper:
        found = replace(found, pairs=found.pairs[first], dual=pull)
    if float(norm(primal)) / least <= float(norm(weights)):
        weights = primal / least
    return found, weights


def _supporting(pairs: Pairs, dual: PairValues, margins: PairValues) -> np.ndarray:
    """Which pairs support the margin: those whose share of the dual exceeds their slack."""
    return np.flatnonzero(dual / dual.sum() > margins[pairs] - 1.0)


@dataclass(frozen=True)
class _Solution:
    """What was found and proved: weights for the scaled map and for the user's."""

    scaled_maps: LinearMarginMap
    scaled_weights: Float[np.ndarray, "*shape"]
    weights: Float[np.ndarray, "*shape"]
    dual: Float[np.ndarray, "*dual"]
    support: Pairs
    proof: NormCertificate


def _result(
    maps: LinearMarginMap,
    norm: Norm,
    found: _Solution,
    statistics: Mapping[str, Any],
    rtol: float,
) -> MaxMargin:
    proof, pairs = found.proof, found.support
    rows = pair_rows(found.scaled_maps, pairs)
    rank = row_basis(rows).shape[1]
    said = degeneracy(len(pairs), len(equal_rows(rows).first), rank, 0)
    margins = gather(found.scaled_maps.margins(found.scaled_weights)).copy()
    margins[pairs] = math.inf
    values = gather(np.asarray(maps.from_dual(found.dual)))[pairs]
    margin = 1.0 / float(norm(found.weights))
    reached = proof.relative_gap <= rtol
    message = (
        f"{norm.name} margin {margin:.6g} with {len(pairs)} support pairs, relative gap "
        f"{proof.relative_gap:.1e}."
    )
    if not reached:
        message = f"the gap asked, {rtol:.1e}, was not reached: {message}"
        message += " Pass a larger rtol to accept this, or a larger max_rounds."
    return MaxMargin(
        status=Status.DONE if reached else Status.MAX_STEPS,
        message=message,
        statistics=statistics,
        norm=norm.name,
        weights=found.weights,
        margin=margin,
        margin_lower=proof.margin_lower,
        margin_upper=proof.margin_upper,
        dual=found.dual,
        support=named_pairs(maps, pairs),
        support_rank=rank,
        relative_gap=proof.relative_gap,
        weights_error_bound=proof.weights_error_bound,
        next_margin=float(margins.min()),
        min_dual=float(values.min()),
        degenerate=bool(said),
        degeneracy=said,
        active_set_proved=False,
        certificate=proof,
    )
