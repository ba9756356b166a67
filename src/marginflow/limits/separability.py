"""The proof that nothing separates.

Weights with every margin positive exist if and only if no non-negative combination of the rows of A
vanishes (Gordan 1873): with Aᵀα = 0, α ≥ 0 and Σα = 1, Σ α u(W) = 0 for every W, so some margin is
not positive.  In floating point ‖Aᵀα‖ = ε is hardly ever zero, and what it says is that no W of
norm 1 has every margin above ε.  Two ways lead from there to a proof for the data as they are,
every float64 number taken as exact:

- *rational arithmetic*: the dependence is solved for in integers and checked (`rational`);
- *by dimension*: the rows lie in a space of D dimensions, and D of them are proved independent.
  Whatever weights the other rows have, exact weights of the D rows complete them; their distance
  from the computed ones is bounded, and all computed ones exceed the bound.  This serves where the
  integers would have millions of digits, and where rounding of the features broke the dependence
  that was found but zero is inside the hull of other rows.

Where neither succeeds, float64 cannot tell: the data may be separable by a margin up to ε.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from marginflow.limits.compensated import inflate
from marginflow.limits.linear_algebra import least_squares, pivoted_qr
from marginflow.limits.nearest_point import nearest_point
from marginflow.limits.pair_products import (
    Pairs,
    PairValues,
    locate,
    pair_rows,
    row_sum,
    spread,
)
from marginflow.limits.rational import exact_dependence
from marginflow.limits.right_inverse import RightInverse
from marginflow.limits.scaling import Scaled
from marginflow.margins import LinearMarginMap

_RATIONAL_ROWS = 60


@dataclass(frozen=True, eq=False)
class InseparabilityCertificate:
    """Weights over pairs that bound the margin of all weights from above.

    Attributes:
        pairs: (m, 2) samples and other classes, in the order of `weights`.
        weights: α (m,), positive, sum 1.
        dual: the same in the shape of a dual: (n, K), or (n,) in the binary map.
        epsilon: an upper bound of ‖Aᵀα‖: no weights of norm 1 give every pair a margin above it.
        proved_exactly: whether it is proved that nothing separates, for the features as they are.
        exact_weights: integers in the proportions of the exact weights, where rational arithmetic
            found them: Σ_j exact_weights_j · row_j = 0 without any rounding.
        refuted: whether exact arithmetic showed that the dependence found is broken by the rounding
            of the features; then they may be separable by a margin up to epsilon.
        statement: all this in a sentence.
    """

    pairs: Int[np.ndarray, "m 2"]
    weights: Float[np.ndarray, " m"]
    dual: Float[np.ndarray, "*shape"]
    epsilon: float
    proved_exactly: bool
    exact_weights: tuple[int, ...] | None
    refuted: bool
    statement: str


@dataclass(frozen=True)
class _Dependence:
    """Rows that balance each other."""

    pairs: Pairs
    rows: Float[np.ndarray, "m p"]
    weights: PairValues
    exact: tuple[int, ...] | None = None
    proof: str | None = None


def certify_inseparability(
    scaled: Scaled, pairs: Pairs, weights: PairValues, pool: Pairs
) -> InseparabilityCertificate:
    """Turn a computed dependence between rows into a certificate, proved if that can be done.

    Args:
        scaled: the margin map, its scale taken out.
        pairs: numbers of the pairs whose rows depend on each other.
        weights: their approximate positive weights.
        pool: pairs to look for another dependence among, should this one not be exact.
    """
    maps = scaled.maps
    found = _Dependence(pairs, pair_rows(maps, pairs), weights)
    proved = None
    if scaled.lossless:
        proved = _by_arithmetic(found) or _by_dimension(maps, found) or _inside(maps, pool)
    found = proved or found
    convex = found.weights / found.weights.sum()
    image, error = row_sum(found.rows, convex)
    size = float(np.linalg.norm(image) + np.linalg.norm(error)) / float(convex.sum())
    epsilon = float(np.ldexp(inflate(size), scaled.exponent))
    samples, columns = locate(maps, found.pairs)
    classes = np.asarray(maps.pair_classes(samples, columns))
    return InseparabilityCertificate(
        pairs=np.stack([samples, classes], axis=1),
        weights=convex,
        dual=np.asarray(maps.to_dual(spread(maps, found.pairs, convex))),
        epsilon=epsilon,
        proved_exactly=found.proof is not None,
        exact_weights=found.exact,
        refuted=proved is None and len(pairs) <= _RATIONAL_ROWS,
        statement=_statement(found, samples, epsilon),
    )


def _by_arithmetic(found: _Dependence) -> _Dependence | None:
    """The exact dependence in integers; pairs whose exact weight is zero are left out."""
    if len(found.pairs) > _RATIONAL_ROWS:
        return None
    integers = exact_dependence(found.rows, found.weights)
    if integers is None:
        return None
    used = np.flatnonzero([number > 0 for number in integers])
    exact = tuple(integers[i] for i in used)
    weights = np.array([number / sum(exact) for number in exact])
    return _Dependence(
        found.pairs[used], found.rows[used], weights, exact, "proved in rational arithmetic"
    )


def _by_dimension(maps: LinearMarginMap, found: _Dependence) -> _Dependence | None:
    """The dependence, if an exact one with positive weights must exist near it."""
    dimension = maps.n_columns * int(np.any(np.asarray(maps.features_t) != 0, axis=1).sum())
    if len(found.rows) <= dimension or found.weights.min() <= 0:
        return None
    weighted = (found.rows * found.weights[:, None]).T
    basis = pivoted_qr(weighted).order[:dimension]
    inverse = RightInverse.of(found.rows[basis])
    if inverse is None:
        return None
    image, error = row_sum(found.rows, found.weights)
    shifts = inverse.dual_shifts(float(np.linalg.norm(image) + np.linalg.norm(error)))
    if np.any(found.weights[basis] <= 2.0 * inflate(shifts)):
        return None
    return _Dependence(
        found.pairs, found.rows, found.weights, None, "proved by dimension, all rounding bounded"
    )


def _inside(maps: LinearMarginMap, pool: Pairs) -> _Dependence | None:
    """A dependence of all pairs of the pool, with zero well inside their hull."""
    weights = nearest_point(np.asarray(maps.pair_gram(*locate(maps, pool)))).weights
    rows = pair_rows(maps, pool)
    image, _ = row_sum(rows, weights)
    weights = weights * (1.0 - least_squares((rows * weights[:, None]).T, image))
    if weights.min() <= 0:
        return None
    return _by_dimension(maps, _Dependence(pool, rows, weights))


def _statement(found: _Dependence, samples: Pairs, epsilon: float) -> str:
    rows = found.rows
    if len(rows) == 1:
        reason = f"sample {samples[0]} is zero, so its margins are 0 whatever the weights"
    elif len(rows) == 2 and np.array_equal(rows[0], -rows[1]) and samples[0] != samples[1]:
        first, second = sorted(samples.tolist())
        reason = f"samples {first} and {second} have the same features and different labels"
    else:
        reason = f"{len(rows)} pairs of a sample and another class balance each other"
    ending = found.proof or "not proved to be exactly inseparable"
    bound = f"no weights of norm 1 give every pair a margin above {epsilon:.2g}"
    return f"{reason}; {bound} ({ending})."
