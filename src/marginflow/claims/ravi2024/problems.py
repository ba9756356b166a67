"""The data sets that the claims run on, by name, each with its certified limit, computed once.

    "seed 3"       the authors' random linear teacher: 100 samples, 10 features, 3 classes
    "small"        their small one: 10 samples, 2 features, 3 classes, seed 42
    "wine"         bundled real data, standardized, with a constant column
    "crowded"      one sample of each of three classes, a tenth of their length apart
    "edge"         four samples on one edge of their class's hull: the support is dependent
    "random"       forty samples in fifty dimensions with random labels of two classes
    "clusters"     twelve samples in three clusters, on which the residual settles early

Nothing here is random but by a seed.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from marginflow._precision import x64
from marginflow.data import (
    Dataset,
    gaussian_clusters,
    linear_teacher,
    load_dataset,
    random_labels,
)
from marginflow.limits import MaxMargin, max_margin
from marginflow.margins import LinearMarginMap, as_linear_map

# Where the four samples of "edge" lie along their edge.
EDGE = (-1.0, -0.5, 0.5, 2.0)
# How far the three samples of "crowded" are from their center (1, 0, 0).
CROWDED_RADIUS = 0.1


@cache
def problem(name: str) -> Dataset:
    """The data set of that name; a word and a number is a linear teacher's seed."""
    if name.startswith("seed "):
        return linear_teacher(int(name.removeprefix("seed ")))
    return _MADE[name]() if name in _MADE else load_dataset(name)


def _crowded() -> Dataset:
    angle = 2 * np.pi * np.arange(3) / 3
    around = CROWDED_RADIUS * np.column_stack([np.cos(angle), np.sin(angle)])
    return Dataset(np.column_stack([np.ones(3), around]), np.arange(3), name="crowded")


def _edge() -> Dataset:
    points = [[1.0, place] for place in EDGE] + [[-1.5, 0.3]]
    return Dataset(points, [1, 1, 1, 1, 0], name="edge")


_MADE = {
    "small": lambda: linear_teacher(42, n_samples=10, n_features=2),
    "crowded": _crowded,
    "edge": _edge,
    "random": lambda: random_labels(0),
    "clusters": lambda: gaussian_clusters(39, n_samples=12, n_features=3, balanced=True),
}


@cache
def limit_of(name: str) -> MaxMargin:
    """The certified max-margin weights of a data set."""
    return max_margin(problem(name))


@cache
def limit_without(name: str, sample: int) -> MaxMargin:
    """Those of the data without one sample: a wrong limit where it supports the margin."""
    data = problem(name)
    kept = np.arange(data.n_samples) != sample
    labels = data.classes[data.labels[kept]]
    return max_margin(Dataset(data.features[kept], labels, classes=data.classes))


def limit_without_heaviest(name: str) -> MaxMargin:
    """Those of the data without the sample that carries most of the dual."""
    dual = limit_of(name).dual
    return limit_without(name, int(np.argmax(dual.reshape(len(dual), -1).sum(axis=1))))


def support_rows(name: str) -> np.ndarray:
    """The rows of A on the support pairs, (m, size of the weights)."""
    return pair_rows(margin_map_of(name), limit_of(name).support)


def pair_rows(margin_map: LinearMarginMap, pairs: np.ndarray) -> np.ndarray:
    """The rows of A on pairs (sample, class)."""
    samples, classes = pairs[:, 0], pairs[:, 1]
    columns = classes - (classes > np.asarray(margin_map.labels)[samples])
    return np.asarray(margin_map.pair_rows(samples, columns))


@cache
def margin_map_of(name: str) -> LinearMarginMap:
    """The margin map of a data set: binary for two classes."""
    return as_linear_map(problem(name), "claims")


@cache
def start_of(name: str, start: str) -> np.ndarray:
    """The weights at the start.

    Args:
        name: of the problem.
        start: "zero"; "authors", for normal weights drawn with JAX's key of the seed, in float32
            as in the authors' notebooks, minus the mean over the classes; or "tilted", which is
            off the balance between the classes in the first feature alone.
    """
    shape = margin_map_of(name).weights_shape
    weights = np.zeros(shape)
    if start == "authors":
        seed = 42 if name == "small" else int(name.removeprefix("seed "))
        with x64():
            key = jax.random.key(seed, impl="threefry2x32")
            drawn = np.asarray(jax.random.normal(key, shape, dtype=jnp.float32))
        weights = (drawn - drawn.mean(axis=1, keepdims=True)).astype(np.float64)
    elif start == "tilted":
        weights[0] = (np.arange(shape[1]) - (shape[1] - 1) / 2) / 2
    return weights
