"""The robust max-margin problem, solved over working sets and certified.

The Frobenius solution of the linear map comes first: where it does not separate, nothing does
against perturbations.  For two classes and perturbations of bounded 2-norm it is the answer up to a
factor, since ε‖w‖₂ depends on the length alone: with γ the margin, W = Ŵ γ/(γ − ε).  Otherwise a
round solves the conic program of the working set (`robust_cones`), looks at all robust margins once
and adds the most violated pairs; its weights bound the best margin from below, its dual from above.
The program is put in units of the margin found so far, so that small margins are as precise.

The answer, or that there is none, is then proved by `robust_certificate`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from marginflow._results import Status
from marginflow.limits.frobenius import named_pairs, solve_frobenius, without_weights
from marginflow.limits.linear_algebra import row_basis
from marginflow.limits.max_margin_result import MaxMargin
from marginflow.limits.pair_products import (
    Pairs,
    PairValues,
    equal_rows,
    gather,
    locate,
    pair_rows,
    spread,
)
from marginflow.limits.robust_certificate import (
    RobustCertificate,
    RobustInseparability,
    certify_robust_inseparability,
    certify_robust_margin,
    scaled_robust,
)
from marginflow.limits.robust_cones import largest_robust_margin
from marginflow.limits.support import degeneracy
from marginflow.limits.working_set import worst_pairs
from marginflow.margins import RobustMargins
from marginflow.margins.robust import differences

_SAFE = 0.25  # of the gap asked for is left to the rounds
_FROBENIUS_GAP = 1e-12
_REFINED = 4  # further solutions of one working set, in the units of the last, scaled otherwise
_VANISHED = 1e-5  # a margin, relative to that without perturbations, that may be none


@dataclass(frozen=True)
class _Found:
    """Where the rounds ended, for the scaled map."""

    weights: Float[np.ndarray, "*shape"]
    columns: Float[np.ndarray, "n c"]
    directions: Float[np.ndarray, "*table"]
    lower: float
    upper: float
    statistics: Mapping[str, Any]


def solve_robust(robust: RobustMargins, *, rtol: float, max_rounds: int) -> MaxMargin:
    """Minimize ½‖W‖_F² with every robust margin at least 1, or prove that no W separates."""
    linear = robust.linear
    if float(robust.radius) == 0:
        return solve_frobenius(linear, rtol=rtol, max_rounds=max_rounds)
    plain = solve_frobenius(linear, rtol=_FROBENIUS_GAP, max_rounds=max_rounds)
    if not plain.margin_lower > 0:
        return plain
    scaled, exponent = scaled_robust(robust)
    start = np.ldexp(plain.weights, exponent)
    columns = np.ldexp(np.asarray(linear.from_dual(plain.dual)), 2 * exponent)
    found = _from_plain(scaled, start, columns)
    if not (len(robust.weights_shape) == 1 and robust.norm.p == 2):
        found = _rounds(scaled, found, rtol=_SAFE * rtol, max_rounds=max_rounds)
    if not found.lower > 0:
        dual = np.asarray(linear.to_dual(found.columns))
        proof = certify_robust_inseparability(robust, dual, found.directions)
        return _without_weights(plain, proof, found.statistics)
    weights = found.weights / float(scaled.margins(found.weights).min())
    columns = found.columns * (float(np.sum(weights**2)) / float(found.columns.sum()))
    values, margins = gather(columns), gather(scaled.margins(weights))
    pairs = np.flatnonzero(values / values.sum() > margins - 1.0)
    answer = _Answer(robust, scaled, weights, np.ldexp(weights, -exponent), pairs)
    # what is off the support may be needed for the bound where the rounds ended early
    for chosen in (spread(linear, pairs, values[pairs]), columns):
        dual = np.ldexp(np.asarray(linear.to_dual(chosen)), -2 * exponent)
        proof = certify_robust_margin(robust, answer.weights, dual, found.directions)
        if proof.relative_gap <= rtol:
            break
    return _result(answer, dual, proof, found.statistics, rtol)


def _from_plain(
    robust: RobustMargins,
    weights: Float[np.ndarray, "*shape"],
    columns: Float[np.ndarray, "n c"],
) -> _Found:
    """The solution without perturbations, as a first guess."""
    directions = np.asarray(robust.worst_directions(weights))
    lower, upper = _bounds(robust, weights, columns, directions)
    return _Found(weights, columns, directions, lower, upper, {"rounds": 0})


def _bounds(robust, weights, columns, directions) -> tuple[float, float]:
    lower = float(robust.margins(weights).min()) / float(np.linalg.norm(weights))
    pull = robust.perturbed_adjoint(columns, directions)
    return lower, float(np.linalg.norm(pull)) / float(columns.sum())


def _rounds(robust: RobustMargins, found: _Found, *, rtol: float, max_rounds: int) -> _Found:
    """Rounds over working sets, from weights that separate without perturbations."""
    linear = robust.linear
    margins = gather(robust.margins(found.weights))
    plain = float(linear.margins(found.weights).min()) / float(np.linalg.norm(found.weights))
    pairs = worst_pairs(linear, margins, np.arange(len(margins)))
    rounds, refined, largest, unit = 0, 0, 0, max(found.lower, plain / 16)
    while rounds < max_rounds:
        rounds, largest = rounds + 1, max(largest, len(pairs))
        point = _solved(robust, pairs, unit, equilibrate=refined % 2 == 0)
        if point is None:
            break
        weights, columns, directions = point
        margins = gather(robust.margins(weights))
        size = float(np.linalg.norm(weights))
        lower, upper = _bounds(robust, weights, columns, directions)
        if lower > found.lower:
            found = replace(found, weights=weights, lower=lower)
        if upper < found.upper:
            found = replace(found, columns=columns, directions=directions, upper=upper)
        if found.lower > 0 and 1.0 - found.lower / found.upper <= 2.0 * rtol:
            break
        if found.upper <= _VANISHED * plain and _inseparable(robust, found):
            break
        violated = np.flatnonzero(margins < upper * size * (1.0 - rtol))
        fresh = np.setdiff1d(worst_pairs(linear, margins, violated), pairs)
        refined = 0 if len(fresh) else refined + 1
        if refined > _REFINED:
            break
        unit = min(max(found.upper, 1e-3 * unit), unit)
        pairs = np.concatenate([pairs, fresh])
    statistics = {"rounds": rounds, "largest_working_set": largest}
    return replace(found, statistics=statistics)


def _solved(robust: RobustMargins, pairs: Pairs, unit: float, *, equilibrate: bool):
    """Weights, dual and directions that solve the problem of these pairs; None if that fails."""
    linear, shape = robust.linear, robust.weights_shape
    samples, places = locate(linear, pairs)
    classes, group = None, np.zeros(len(pairs), dtype=np.int64)
    if len(shape) == 2:
        own = np.asarray(linear.labels)[samples]
        both = np.sort(np.stack([own, linear.pair_classes(samples, places)], axis=1), axis=1)
        table, group = np.unique(both, axis=0, return_inverse=True)
        classes, group = [(int(y), int(k)) for y, k in table], group.ravel()
    rows, radius = pair_rows(linear, pairs) / unit, float(robust.radius) / unit
    q = robust.norm.dual.p
    point = largest_robust_margin(
        rows, group, classes, shape[0], radius, q, equilibrate=equilibrate
    )
    if point is None or not point.dual.any() or not point.weights.any():
        return None
    columns = spread(linear, pairs, point.dual)
    directions = np.zeros(differences(np.zeros(shape)).shape)
    sums = radius * np.bincount(group, weights=point.dual, minlength=point.forces.shape[1])
    chosen = point.forces / np.where(sums > 0, sums, 1.0)
    for place, direction in enumerate(chosen.T):
        direction = direction / max(1.0, float(robust.norm(direction)))
        if classes is None:
            directions[:, 0] = direction
        else:
            y, k = classes[place]
            directions[:, y, k], directions[:, k, y] = direction, -direction
    return point.weights.reshape(shape), columns, directions


def _inseparable(robust: RobustMargins, found: _Found) -> bool:
    """Whether this dual proves that nothing separates."""
    dual = np.asarray(robust.linear.to_dual(found.columns))
    return certify_robust_inseparability(robust, dual, found.directions).proved


@dataclass(frozen=True)
class _Answer:
    """What was found: weights for the scaled map and for the user's, and the supporting pairs."""

    robust: RobustMargins
    scaled: RobustMargins
    scaled_weights: Float[np.ndarray, "*shape"]
    weights: Float[np.ndarray, "*shape"]
    pairs: Pairs


def _result(
    answer: _Answer,
    dual: Float[np.ndarray, "*dual"],
    proof: RobustCertificate,
    statistics: Mapping[str, Any],
    rtol: float,
) -> MaxMargin:
    pairs, linear = answer.pairs, answer.robust.linear
    rows = _perturbed_rows(answer.scaled, pairs, proof.directions)
    rank = row_basis(rows).shape[1]
    said = degeneracy(len(pairs), len(equal_rows(rows).first), rank, 0)
    margins = gather(answer.scaled.margins(answer.scaled_weights)).copy()
    margins[pairs] = math.inf
    values: PairValues = gather(np.asarray(linear.from_dual(dual)))[pairs]
    margin = 1.0 / float(np.linalg.norm(answer.weights))
    reached = proof.relative_gap <= rtol
    message = (
        f"robust margin {margin:.6g} with {len(pairs)} support pairs, relative gap "
        f"{proof.relative_gap:.1e}."
    )
    if not reached:
        message = f"the gap asked, {rtol:.1e}, was not reached: {message}"
        message += " Pass a larger rtol to accept this, or a larger max_rounds."
    return MaxMargin(
        status=Status.DONE if reached else Status.MAX_STEPS,
        message=message,
        statistics=statistics,
        weights=answer.weights,
        margin=margin,
        margin_lower=proof.margin_lower,
        margin_upper=proof.margin_upper,
        dual=dual,
        support=named_pairs(linear, pairs),
        support_rank=rank,
        relative_gap=proof.relative_gap,
        weights_error_bound=proof.weights_error_bound,
        next_margin=float(margins.min()),
        min_dual=float(values.min(initial=math.inf)),
        degenerate=bool(said),
        degeneracy=said,
        active_set_proved=False,
        certificate=proof,
    )


def _perturbed_rows(
    robust: RobustMargins, pairs: Pairs, directions: Float[np.ndarray, "*table"]
) -> Float[np.ndarray, "m p"]:
    """The rows (x_i − ε g)(e_y − e_k)ᵀ of the chosen pairs."""
    linear, radius = robust.linear, float(robust.radius)
    rows = pair_rows(linear, pairs)
    if len(robust.weights_shape) == 1:
        return rows - radius * directions[:, 0]
    samples, places = locate(linear, pairs)
    own, other = np.asarray(linear.labels)[samples], linear.pair_classes(samples, places)
    moved, each = rows.reshape(len(pairs), *robust.weights_shape).copy(), np.arange(len(pairs))
    shift = radius * directions[:, own, other].T
    moved[each, :, own] -= shift
    moved[each, :, other] += shift
    return moved.reshape(len(pairs), -1)


def _without_weights(
    plain: MaxMargin, proof: RobustInseparability, statistics: Mapping[str, Any]
) -> MaxMargin:
    opening = "not decided whether the data are separable under these perturbations"
    if proof.proved:
        opening = "not separable under these perturbations"
    status = Status.NOT_SEPARABLE if proof.proved else Status.MAX_STEPS
    message = f"{opening}: {proof.statement}"
    return without_weights(plain.weights.shape, proof, statistics, status, message)
