"""Expectations over a likelihood: a sum over counts, or a quadrature of a density.

A continuous density is integrated by Gauss–Legendre panels whose edges lie at the center plus and
minus powers of two of the scale, merged with the edges of whatever is averaged, so that no kink
lies inside a panel.  Counts are summed one by one; a range too long for that is summed one by one
at its start, and by panels beyond, where the sum and the integral agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.losses.array_border import in_callers_type

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(24)
# The rows of one compiled call, and up to which length counts are summed one by one.
_ROWS = 4096
_LONGEST_SUM = 2**16
_FIRST_COUNTS = 2**13


@dataclass(frozen=True)
class Nodes:
    """Where a function is looked at, and the weights of these places.

    Attributes:
        targets: (n, m), or (n, m, k) where a target is k numbers.
        log_weights: (n, m), of a sum over targets or of dy: without the density.
        log_density: (n, m), the logarithm of p at the targets.
    """

    targets: np.ndarray
    log_weights: np.ndarray
    log_density: np.ndarray


def expect(function: Callable, rows: np.ndarray, nodes: Nodes) -> np.ndarray:
    """Σ_j w_j p(y_j) f(row, y_j) for each row: (n, ...)."""
    n, m = nodes.log_weights.shape
    flat = nodes.targets.reshape(n * m, *nodes.targets.shape[2:])
    values = function(np.repeat(rows, m, axis=0), flat)
    values = values.reshape(n, m, -1)
    mass = np.exp(nodes.log_weights + nodes.log_density)
    # where no mass is, infinite values count for nothing
    terms = np.where(mass[:, :, None] == 0, 0, values * mass[:, :, None])
    total = np.sum(terms, axis=1)
    return total.reshape((n, *_shape_of(function, rows, flat)))


def _shape_of(function: Callable, rows: np.ndarray, flat: np.ndarray) -> tuple[int, ...]:
    return function(rows[:1], flat[:1]).shape[1:]


def rows_of(method: Callable, owner: Any, rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """A compiled method of rows and targets, in calls of one size."""
    n_columns = targets.shape[1] if targets.ndim > 1 else 0
    size = min(_ROWS, 2**14 // rows.shape[1])
    parts = [
        in_callers_type(
            method, owner, rows[i : i + size], targets[i : i + size], n_columns=n_columns
        )
        for i in range(0, len(rows), size)
    ]
    return np.concatenate(parts)


def panel_nodes(edges: np.ndarray, log_density: Callable[[np.ndarray], np.ndarray]) -> Nodes:
    """Gauss–Legendre nodes between the edges (n, m) of each row, in any order."""
    edges = np.sort(edges, axis=1)
    low, high = edges[:, :-1, None], edges[:, 1:, None]
    targets = (low + 0.5 * (high - low) * (1 + _POINTS)).reshape(len(edges), -1)
    log_weights = np.log(0.5 * (high - low) * _WEIGHTS).reshape(len(edges), -1)
    return Nodes(targets, log_weights, log_density(targets))


def count_nodes(
    low: np.ndarray, high: np.ndarray, log_density: Callable[[np.ndarray], np.ndarray]
) -> Nodes:
    """All counts from low to high, (n,), or panels far from the start of a long range."""
    low, high = np.floor(np.maximum(low, 0)), np.ceil(high)
    longest = int(np.max(high - low)) + 1
    if longest <= _LONGEST_SUM:
        targets = low[:, None] + np.arange(longest)
        return Nodes(targets, np.zeros_like(targets), log_density(targets))
    first = low[:, None] + np.arange(_FIRST_COUNTS)
    doublings = int(np.ceil(np.log2(longest / _FIRST_COUNTS)))
    # four panels an octave, from half a step after the last count
    edges = low[:, None] + _FIRST_COUNTS * 2.0 ** (np.arange(4 * doublings + 1) / 4) - 0.5
    panels = panel_nodes(edges, log_density)
    return Nodes(
        np.concatenate([first, panels.targets], axis=1),
        np.concatenate([np.zeros_like(first), panels.log_weights], axis=1),
        np.concatenate([log_density(first), panels.log_density], axis=1),
    )


def octaves(center: np.ndarray, scale: np.ndarray, reach: float) -> np.ndarray:
    """Edges at the center and at ± scale times powers of two up to `reach`, (n, m)."""
    powers = 2.0 ** np.arange(-2, np.ceil(np.log2(reach)) + 1)
    steps = np.concatenate([-powers[::-1], [0.0], powers])
    return center[:, None] + scale[:, None] * steps
