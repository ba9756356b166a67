"""Products with the rows of a few chosen pairs, in doubled precision and bounded memory.

A pair is one row of the margin map A: a sample and a column of the margins.  It is numbered
column·n + sample, its place in the transposed margins, which lie so in memory.  The rows are copies
of the features with a sign, so forming them rounds nothing.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from marginflow._types import AnyArray
from marginflow.limits.compensated import dot
from marginflow.margins import LinearMarginMap

Pairs = Int[np.ndarray, " _"]
PairValues = Float[np.ndarray, " _"]

_BLOCK = 2**20


def locate(maps: LinearMarginMap, pairs: Pairs) -> tuple[Pairs, Pairs]:
    """The samples and the columns of the chosen pairs."""
    columns, samples = np.divmod(pairs, maps.n_samples)
    return samples, columns


def spread(maps: LinearMarginMap, pairs: Pairs, values: PairValues) -> Float[np.ndarray, "n c"]:
    """All pairs (n, K−1), with these values at the chosen pairs and zero elsewhere."""
    table = np.zeros((maps.n_columns, maps.n_samples))
    np.ravel(table)[pairs] = values
    return table.T


def gather(table: Float[AnyArray, "n c"]) -> PairValues:
    """Values of all pairs (n, K−1), one after the other in the order of their numbers."""
    return np.ravel(np.asarray(table).T)


def pair_rows(maps: LinearMarginMap, pairs: Pairs) -> Float[np.ndarray, "m p"]:
    """The rows of A for the chosen pairs, flattened to the size p of the weights."""
    if not len(pairs):
        return np.empty((0, math.prod(maps.weights_shape)))
    return np.asarray(maps.pair_rows(*locate(maps, pairs)))


def row_norm_bounds(maps: LinearMarginMap) -> Float[np.ndarray, " n"]:
    """Bounds on the norms of the rows, by sample: a row is a sample times a code of norm ≤ √2."""
    return np.sqrt(2.0) * np.linalg.norm(np.asarray(maps.features), axis=1)


def pair_margins(
    maps: LinearMarginMap,
    pairs: Pairs,
    weights: Float[np.ndarray, "*shape"],
    start: float = 0.0,
) -> tuple[PairValues, PairValues]:
    """`start` + the margins of the chosen pairs, and a bound on the error of each."""
    flat = np.ravel(weights)
    values, bounds = np.empty(len(pairs)), np.empty(len(pairs))
    block = max(1, _BLOCK // flat.size)
    for begin in range(0, len(pairs), block):
        part = slice(begin, begin + block)
        values[part], bounds[part] = dot(pair_rows(maps, pairs[part]), flat, start)
    return values, bounds


class EqualRows(NamedTuple):
    """Which rows are copies of which.

    Attributes:
        first: the place of the first copy of each distinct row.
        copies: for each row, the number of its distinct row.
        counts: how often each distinct row occurs.
    """

    first: Pairs
    copies: Pairs
    counts: Pairs


def equal_rows(rows: Float[np.ndarray, "m p"]) -> EqualRows:
    """Group rows that are equal in every bit; 0 and −0 are equal."""
    numbers: dict[bytes, int] = {}
    copies = [numbers.setdefault(row.tobytes(), len(numbers)) for row in rows + 0.0]
    _, first, counts = np.unique(
        np.array(copies, dtype=np.int64), return_index=True, return_counts=True
    )
    return EqualRows(first, np.array(copies, dtype=np.int64), counts)


def row_sum(
    rows: Float[np.ndarray, "m p"],
    coefficients: PairValues,
    start: Float[np.ndarray, " p"] | float = 0.0,
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """`start` + Σ_j coefficients_j · rows_j, and a bound on the error of each entry."""
    return dot(rows.T, coefficients, start)
