"""Forty random labels on isotropic Gaussian features, in ever higher dimension.

Training from zero stays in the span of the samples, whose coordinates are n × n however many
features there are: a rotation, which changes no margin, no norm and no limit.
"""

from functools import cache

import numpy as np

from marginflow.data import Dataset
from marginflow.margins import BinaryMargins

N_SAMPLES = 40
DIMENSIONS = (80, 200, 800, 3200, 12800, 51200)


@cache
def isotropic(seed: int, dimensions: tuple[int, ...] = DIMENSIONS) -> tuple[Dataset, ...]:
    """A data set a dimension, of one stream: X = standard_normal((40, d)), then the labels ±1.

    The features are divided by √d, so that K is near the identity where d is large.
    """
    rng = np.random.default_rng(seed)
    found = []
    for dimension in dimensions:
        features = rng.standard_normal((N_SAMPLES, dimension)) / np.sqrt(dimension)
        labels = rng.choice([-1, 1], size=N_SAMPLES)
        name = f"d = {dimension}, seed {seed}"
        found.append(Dataset(_in_span(features), labels, name=name))
    return tuple(found)


def orthonormal(seed: int) -> Dataset:
    """Forty samples with K exactly the identity, up to rounding."""
    rng = np.random.default_rng(seed)
    features = np.linalg.qr(rng.standard_normal((N_SAMPLES, N_SAMPLES)))[0]
    return Dataset(features, rng.choice([-1, 1], size=N_SAMPLES), name="orthonormal samples")


def repeated(data: Dataset, times: np.ndarray) -> Dataset:
    """Each row as often as its integer weight says."""
    labels = data.classes[data.labels]
    return Dataset(
        np.repeat(data.features, times, axis=0), np.repeat(labels, times), classes=data.classes
    )


def margins_of(data: Dataset, weights: np.ndarray) -> np.ndarray:
    """y_i x_i·w, (n,)."""
    return np.asarray(BinaryMargins(data).margins(weights))[:, 0]


def rows_of(data: Dataset) -> np.ndarray:
    """A, the rows y_i x_i."""
    return data.features * np.where(data.labels == 1, 1.0, -1.0)[:, None]


def unit(vector: np.ndarray) -> np.ndarray:
    """The direction of a vector."""
    return vector / np.linalg.norm(vector)


def distance(left: np.ndarray, right: np.ndarray) -> float:
    """The distance of two directions."""
    return float(np.linalg.norm(unit(left) - unit(right)))


def _in_span(features: np.ndarray) -> np.ndarray:
    """Coordinates of the samples in their span."""
    if features.shape[1] <= len(features):
        return features
    return np.linalg.qr(features.T)[1].T
