"""Rounds over working sets: from all pairs to the few that support the margin.

Most of the n(K−1) pairs never matter.  A round looks at all margins once, adds the most violated
pairs to the working set, solves the small problem and lets go of the pairs that turned out slack.
Since each new working set contains a violated pair, its hull comes nearer to the origin, and no
working set comes twice.

Two solvers share the work.  While many pairs are violated, `approach` finds nearest points by the
interior point, to nine digits at best.  Then `finish` hands the survivors to the active set and
looks at all margins again, until none is violated beyond rounding.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from marginflow.limits.active_set import COARSE, FINE, ActiveSet
from marginflow.limits.nearest_point import nearest_point
from marginflow.limits.pair_products import (
    Pairs,
    PairValues,
    gather,
    locate,
    pair_margins,
    pair_rows,
    row_norm_bounds,
)
from marginflow.margins import LinearMarginMap

_OVERALL = 100  # most violated pairs added in a round,
_SPREAD = 300  # and the worst of every two classes, so many in all,
_PER_CLASS_PAIR = 3  # but no more than so many of two classes
_SORTED = 4096  # pairs looked at for that
_CLOSE = 1e-6  # violation, relative to the margin, at which the active set takes over
_KEPT_SLACK = 1e-2  # a pair stays while its slack, relative to the margin, is below this,
_KEPT_WEIGHT = 1e-7  # or its weight, relative to the largest, above this
_LOST = 1e-14  # squared distance, relative to the largest square, that the Gram matrix cannot tell


@dataclass(frozen=True)
class Candidates:
    """A working set that nearly supports the margin.

    Attributes:
        pairs: the working set.
        weights: its convex weights β at the nearest point.
        promising: where β, not the slack, is of the order of the solution.
        squared_distance: ‖Aᵀβ‖².
        rounds: looks at all margins.
        largest: the size of the largest working set.
    """

    pairs: Pairs
    weights: PairValues
    promising: Bool[np.ndarray, " m"]
    squared_distance: float
    rounds: int
    largest: int


@dataclass(frozen=True)
class Solution:
    """Where the rounds ended.

    Attributes:
        weights: W in the weights' shape.
        support: the independent pairs that determine W.
        dual: their α, positive.
        circuit: pairs and weights of dependent rows that sum to zero, if nothing separates.
        settled: whether no pair is violated beyond rounding.
        rounds: looks at all margins.
        exchanges: of the active set.
    """

    weights: Float[np.ndarray, "*shape"]
    support: Pairs
    dual: PairValues
    circuit: tuple[Pairs, PairValues] | None
    settled: bool
    rounds: int
    exchanges: int


def approach(maps: LinearMarginMap, max_rounds: int) -> Candidates:
    """Find a working set that nearly supports the margin, starting from the mean of all rows."""
    size = maps.n_samples * maps.n_columns
    weights = maps.adjoint(np.full((maps.n_samples, maps.n_columns), 1.0 / size))
    margins = gather(maps.margins(weights))
    pairs = worst_pairs(maps, margins, np.arange(size))
    rounds, largest = 1, 0
    while True:
        gram = maps.pair_gram(*locate(maps, pairs))
        point = nearest_point(np.asarray(gram))
        squared, largest = point.squared_distance, max(largest, len(pairs))
        strong = point.weights / point.weights.max()
        promising = strong * squared > point.slacks
        found = Candidates(pairs, point.weights, promising, squared, rounds, largest)
        if rounds >= max_rounds or squared <= _LOST * float(gram.diagonal().max()):
            return found
        weights = (point.weights @ pair_rows(maps, pairs)).reshape(maps.weights_shape)
        margins = gather(maps.margins(weights))
        rounds += 1
        violated = np.flatnonzero(margins < (1.0 - _CLOSE) * squared)
        fresh = np.setdiff1d(worst_pairs(maps, margins, violated), pairs)
        if not len(fresh):
            return found
        kept = (strong > _KEPT_WEIGHT) | (point.slacks < _KEPT_SLACK * squared)
        pairs = np.concatenate([pairs[kept], fresh])


def finish(
    maps: LinearMarginMap, candidates: Candidates, *, max_rounds: int, max_exchanges: int
) -> Solution:
    """Solve to rounding from a working set that nearly supports the margin."""
    pool, chosen = candidates.pairs, np.flatnonzero(candidates.promising)
    scale = max(candidates.squared_distance, np.finfo(np.float64).tiny)
    search = ActiveSet(
        rows=pair_rows(maps, pool), members=chosen, dual=candidates.weights[chosen] / scale
    )
    rounds = 0
    while True:
        within = search.solve(max_exchanges)
        weights = search.weights.reshape(maps.weights_shape)
        circuit = search.circuit and (pool[search.circuit[0]], search.circuit[1])
        fresh = np.empty(0, dtype=int)
        if circuit is None and within:
            rounds += 1
            fresh = np.setdiff1d(_violated(maps, weights), pool)
        if not len(fresh) or rounds >= max_rounds:
            return Solution(
                weights=weights,
                support=pool[search.members],
                dual=search.dual,
                circuit=circuit,
                settled=within and not len(fresh),
                rounds=rounds,
                exchanges=search.exchanges,
            )
        pool = np.concatenate([pool, fresh])
        search.rows = np.concatenate([search.rows, pair_rows(maps, fresh)])


def _violated(maps: LinearMarginMap, weights: Float[np.ndarray, "*shape"]) -> Pairs:
    """The worst pairs with a margin below 1 by more than rounding."""
    size = float(np.linalg.norm(weights))
    radius = np.tile(row_norm_bounds(maps) * size, maps.n_columns)
    margins = gather(maps.margins(weights))
    far = np.flatnonzero(margins < 1.0 - COARSE * radius)
    if len(far):
        return worst_pairs(maps, margins, far)
    near = np.flatnonzero(margins < 1.0 + COARSE * radius)
    shortfall = -pair_margins(maps, near, weights, -1.0)[0]
    close = near[shortfall > FINE * radius[near]]
    return worst_pairs(maps, margins, close)


def worst_pairs(maps: LinearMarginMap, margins: PairValues, among: Pairs) -> Pairs:
    """The pairs of least margin: overall, and for every (own class, other class)."""
    if len(among) > _SORTED:
        among = among[np.argpartition(margins[among], _SORTED)[:_SORTED]]
    among = among[np.argsort(margins[among], kind="stable")]
    samples, columns = locate(maps, among)
    group = np.asarray(maps.labels)[samples] * maps.n_columns + columns
    by_group = np.argsort(group, kind="stable")
    sorted_group = group[by_group]
    first = np.searchsorted(sorted_group, sorted_group)
    each = np.clip(_SPREAD // (maps.n_classes * maps.n_columns), 1, _PER_CLASS_PAIR)
    leading = by_group[np.arange(len(among)) - first < each]
    return np.union1d(among[:_OVERALL], among[leading])
