"""Looking for a point at which a property fails: random points, then ever closer to the worst.

The points are of every kind that has shown a fault in some loss: near zero, of ordinary size, over
many decades, all equal, one apart from the rest, all positive, all negative.  From the worst of
them an evolution of random steps climbs further.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from marginflow.theory.certificate.template_view import BATCH, View

Score = Callable[[np.ndarray], np.ndarray]
ROUNDS = 6
PARENTS = 16


class Found(NamedTuple):
    """The worst point, its score, and how many points were tried."""

    point: np.ndarray
    score: float
    tried: int


def points(k: int, rng: np.random.Generator, largest: float = 30.0) -> np.ndarray:
    """(2·BATCH, k) margins of every kind, none beyond `largest` in absolute value.

    Args:
        k: margins of a sample.
        rng: for the random ones.
        largest: the bound on each entry.
    """
    count = 2 * BATCH // 8
    normal = rng.standard_normal((count, k))
    decades = 10.0 ** rng.uniform(-3, np.log10(largest), (count, k))
    level = rng.uniform(-largest / 2, largest / 2, (count, 1))
    apart = np.where(np.arange(k) == rng.integers(k, size=(count, 1)), largest * normal, normal)
    kinds = [
        normal / 4,
        3 * normal,
        decades * rng.choice([-1.0, 1.0], (count, k)),
        np.repeat(np.linspace(-largest, largest, count)[:, None], k, axis=1),
        level + normal,
        apart,
        np.abs(decades),
        -np.abs(decades),
    ]
    return np.concatenate(kinds).clip(-largest, largest)


def worst(
    view: View,
    score: Score,
    starts: np.ndarray,
    rng: np.random.Generator,
    largest: float = 30.0,
) -> Found:
    """The point with the largest score that was found.

    Args:
        view: within whose reach it is looked for.
        score: of points (m, k), (m,); NaN counts as −∞.
        starts: (m, k).
        rng: for the steps.
        largest: no entry goes beyond it.
    """
    starts = clipped(view, starts)
    held, values = starts, _clean(score(starts))
    tried = len(starts)
    for _ in range(ROUNDS):
        best = np.argsort(values)[-PARENTS:]
        parents = held[np.resize(best, BATCH)]
        sizes = 10.0 ** rng.uniform(-3, 0.5, (BATCH, 1)) * (0.3 + np.abs(parents) / 3)
        one = rng.random(parents.shape) < rng.uniform(0.2, 1.0, (BATCH, 1))
        children = parents + one * sizes * rng.standard_normal(parents.shape)
        children = clipped(view, children.clip(-largest, largest))
        found = _clean(score(children))
        held = np.concatenate([held[best], children])
        values = np.concatenate([values[best], found])
        tried += len(children)
    at = int(np.argmax(values))
    return Found(held[at], float(values[at]), tried)


def lines(k: int, rng: np.random.Generator, count: int) -> np.ndarray:
    """Unit directions: axes, the diagonal, differences of two axes, random ones."""
    normal = rng.standard_normal((count, k))
    axes = np.eye(k)[rng.integers(k, size=count)]
    other = np.eye(k)[(axes.argmax(axis=1) + rng.integers(1, max(k, 2), size=count)) % k]
    kinds = np.stack([normal, axes, np.ones((count, k)), axes - other + 1e-30])
    lines = kinds[np.arange(count) % 4, np.arange(count)]
    if k == 1:
        lines = np.ones((count, 1))
    return lines / np.linalg.norm(lines, axis=1, keepdims=True)


def clipped(view: View, points: np.ndarray) -> np.ndarray:
    """The points, none of whose margins lies where a template's derivatives are lost."""
    return points.clip(*view.reach)


def _clean(values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), -np.inf, values)
