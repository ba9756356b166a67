"""The max-margin problem in the Frobenius norm, solved and certified.

The parts, in the order in which they run: `scaling` takes a power of two out of the features;
`working_set` finds the pairs that matter and, with `active_set`, the weights to rounding; `support`
says which pairs have margin 1 and gives them a dual; `certificate`, or `separability`, proves what
was found.  The certificate sees the data and the answer only.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from marginflow._results import Status
from marginflow.limits.certificate import MarginCertificate, certify_max_margin
from marginflow.limits.compensated import UNIT
from marginflow.limits.max_margin_result import MaxMargin
from marginflow.limits.pair_products import Pairs, PairValues, locate, row_norm_bounds, spread
from marginflow.limits.scaling import Scaled, compress, take_out_scale
from marginflow.limits.separability import certify_inseparability
from marginflow.limits.support import Support, find_support
from marginflow.limits.working_set import Solution, approach, finish
from marginflow.margins import LinearMarginMap

_NEGLIGIBLE = 2.0**10 * UNIT


def solve_frobenius(maps: LinearMarginMap, *, rtol: float, max_rounds: int) -> MaxMargin:
    """Minimize ½‖W‖_F² subject to A W ≥ 1, or prove that no W has A W > 0."""
    scaled = take_out_scale(maps)
    compressed = compress(scaled.maps)
    candidates = approach(compressed.maps, max_rounds)
    solution = finish(
        compressed.maps,
        candidates,
        max_rounds=max_rounds - candidates.rounds,
        max_exchanges=1000 + 20 * math.prod(compressed.maps.weights_shape),
    )
    statistics = {
        "rounds": candidates.rounds + solution.rounds,
        "exchanges": solution.exchanges,
        "largest_working_set": candidates.largest,
    }
    if solution.circuit is None:
        weights = compressed.weights_out(solution.weights)
        return _certified(maps, scaled, replace(solution, weights=weights), rtol, statistics)
    proof = certify_inseparability(scaled, *solution.circuit, pool=candidates.pairs)
    largest = float(np.ldexp(row_norm_bounds(scaled.maps).max(), scaled.exponent))
    if proof.proved_exactly or (not proof.refuted and proof.epsilon <= _NEGLIGIBLE * largest):
        status, opening = Status.NOT_SEPARABLE, "not linearly separable"
    else:
        status, opening = Status.MAX_STEPS, "float64 cannot decide whether the data are separable"
    return without_weights(
        maps.weights_shape, proof, statistics, status, f"{opening}: {proof.statement}"
    )


def _certified(
    maps: LinearMarginMap,
    scaled: Scaled,
    solution: Solution,
    rtol: float,
    statistics: Mapping[str, Any],
) -> MaxMargin:
    """The result for weights that separate, or that ran out of rounds before they did."""
    weights = solution.weights
    if not solution.settled:
        least = float(scaled.maps.margins(weights).min())
        weights = weights / least if least > 0 else weights
    user_weights = scaled.weights_out(weights)
    dual = user_dual(scaled, solution.support, solution.dual)
    proof = certify_max_margin(maps, user_weights, dual)
    support = Support(solution.support, solution.dual, len(solution.support), math.nan, "")
    if solution.settled:
        support = find_support(
            scaled.maps,
            weights,
            solution.support,
            solution.dual,
            copies_only=proof.active_set_proved,
        )
        if len(support.pairs) > len(solution.support):
            dual = user_dual(scaled, support.pairs, support.dual)
            proof = certify_max_margin(maps, user_weights, dual)
    size = float(np.linalg.norm(weights))
    margin = float(np.ldexp(1.0 / size, scaled.exponent)) if proof.margin_lower > 0 else 0.0
    error = float(np.ldexp(proof.weights_error_bound, scaled.exponent))
    reached = proof.relative_gap <= rtol or error <= math.sqrt(rtol) * size
    message = _sentence(proof, margin, len(support.pairs), error / size if size else math.inf)
    if not reached and solution.settled:
        message = f"rounding ends the progress before the gap asked, {rtol:.1e}: {message}"
        message += " Pass a larger rtol to accept this."
    elif not reached:
        message = f"not solved after {statistics['rounds']} looks at all margins: {message}"
        message += " Pass a larger max_rounds."
    return MaxMargin(
        status=Status.DONE if reached else Status.MAX_STEPS,
        message=message,
        statistics=statistics,
        weights=user_weights,
        margin=margin,
        margin_lower=proof.margin_lower,
        margin_upper=proof.margin_upper,
        dual=dual,
        support=named_pairs(maps, support.pairs),
        support_rank=support.rank,
        relative_gap=proof.relative_gap,
        weights_error_bound=proof.weights_error_bound,
        next_margin=support.next_margin,
        min_dual=float(np.ldexp(support.min_dual, -2 * scaled.exponent)),
        degenerate=bool(support.degeneracy),
        degeneracy=support.degeneracy,
        active_set_proved=proof.active_set_proved,
        certificate=proof,
    )


def _sentence(proof: MarginCertificate, margin: float, count: int, known: float) -> str:
    proved = "proved" if proof.active_set_proved else "not proved"
    return (
        f"margin {margin:.6g} with {count} support pairs, relative gap {proof.relative_gap:.1e}, "
        f"weights known to {known:.1e} of their norm, active set {proved}."
    )


def without_weights(
    shape: tuple[int, ...],
    proof: Any,
    statistics: Mapping[str, Any],
    status: Status,
    message: str,
) -> MaxMargin:
    """The result where nothing separates, or that could not be decided.

    Args:
        shape: of the weights.
        proof: with the `epsilon` above which there is no margin, and a `dual`.
        statistics: of the work done.
        status: "not_separable" or "max_steps".
        message: why.
    """
    return MaxMargin(
        status=status,
        message=message,
        statistics=statistics,
        weights=np.full(shape, math.nan),
        margin=0.0,
        margin_lower=0.0,
        margin_upper=proof.epsilon,
        dual=np.full(proof.dual.shape, math.nan),
        support=np.empty((0, 2), dtype=np.int64),
        support_rank=0,
        relative_gap=math.inf,
        weights_error_bound=math.inf,
        next_margin=math.nan,
        min_dual=math.nan,
        degenerate=False,
        degeneracy="",
        active_set_proved=False,
        certificate=proof,
    )


def user_dual(scaled: Scaled, pairs: Pairs, values: PairValues) -> np.ndarray:
    """Values of a few pairs as a dual in the user's units."""
    columns = spread(scaled.maps, pairs, scaled.dual_out(values))
    return np.asarray(scaled.maps.to_dual(columns))


def named_pairs(maps: LinearMarginMap, pairs: Pairs) -> np.ndarray:
    """The pairs as (sample, other class), in ascending order."""
    samples, columns = locate(maps, pairs)
    named = np.stack([samples, np.asarray(maps.pair_classes(samples, columns))], axis=1)
    return named[np.lexsort(named.T[::-1])]
