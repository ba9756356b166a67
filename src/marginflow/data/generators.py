"""Generated data sets: each the exact recipe of a study, so that its seeds give its data.

The order of the random draws is part of a recipe and stands in each docstring.  Generators use
streams of their own and leave NumPy's global one alone.
"""

from operator import index
from typing import Any, SupportsIndex

import numpy as np
from jaxtyping import Int

from marginflow.data.dataset import Dataset
from marginflow.data.errors import DataError


def soudry_toy(seed: SupportsIndex = 0) -> Dataset:
    """The two-dimensional toy whose max-margin direction is (1, 1), with margin √2.

    Support vectors (0.5, 1.5) and (1.5, 0.5) with label +1 and their negatives with label −1 come
    first; the max-margin weights are w = (1/2, 1/2).  Six more points a class follow, of margin
    y x·w between 1.5 and 3, so that they do not move it.

    Draws from `numpy.random.default_rng(seed)`: for all 12 points the margin m, uniform in
    [1.5, 3), then the offset o, uniform in [−1, 1); the point is y (m + o, m − o).

    Args:
        seed: places the 12 further points.

    Returns:
        16 samples, 2 features, labels −1 and +1.

    Example:
        >>> import marginflow as mf
        >>> data = mf.soudry_toy()
        >>> data.features[:4].tolist()
        [[0.5, 1.5], [1.5, 0.5], [-0.5, -1.5], [-1.5, -0.5]]

    Source: Soudry et al. 2018, arXiv 1710.10345, figure 1.  The figure gives the four support
    vectors; where its 12 other points lie is not stated, so they are this function's own.
    """
    rng = np.random.default_rng(_whole("seed", seed, 0))
    support = np.array([[0.5, 1.5], [1.5, 0.5]])
    margins, offsets = rng.uniform(1.5, 3.0, size=12), rng.uniform(-1.0, 1.0, size=12)
    signs = np.repeat([1, -1], 6)
    others = signs[:, None] * np.column_stack([margins + offsets, margins - offsets])
    return Dataset(
        np.vstack([support, -support, others]),
        np.concatenate([[1, 1, -1, -1], signs]),
        name=f"soudry_toy({seed})",
        provenance=f"The toy of Soudry et al. 2018, figure 1; further points of seed {seed}.",
    )


def linear_teacher(
    seed: SupportsIndex = 0,
    *,
    n_samples: SupportsIndex = 100,
    n_features: SupportsIndex = 10,
    n_classes: SupportsIndex = 3,
) -> Dataset:
    """Gaussian features labelled by a random linear teacher: separable by construction.

    X = randn(2N, d), T = randn(d, K), y = argmax(X T); the first N rows are the data, the other N
    the holdout.  Draws from NumPy's legacy stream of `seed`, in this order.

    Args:
        seed: of the legacy stream, 0 to 2³² − 1.
        n_samples: N, in each half.
        n_features: d.
        n_classes: K; the data keep K classes even where a half lacks one.

    Returns:
        N samples with labels 0..K−1, and N in `holdout`.

    Raises:
        DataError: if the training half has one class only.

    Example:
        >>> import marginflow as mf
        >>> mf.linear_teacher(42, n_samples=10, n_features=2).labels
        array([0, 0, 1, 0, 2, 1, 1, 2, 2, 1])

    Source: the experiment of Ravi et al. 2024, arXiv 2411.01350, whose seeds give its data.
    """
    n, d, k = _sizes(n_samples, n_features, n_classes)
    stream = np.random.RandomState(_whole("seed", seed, 0))
    features = stream.randn(2 * n, d)
    labels = np.argmax(features @ stream.randn(d, k), axis=1)
    _refuse_one_class("linear_teacher", seed, labels[:n])
    return Dataset(
        features[:n],
        labels[:n],
        classes=np.arange(k),
        holdout=(features[n:], labels[n:]),
        name=f"linear_teacher({seed})",
        provenance=f"Random linear teacher of Ravi et al. 2024, seed {seed}.",
    )


def random_labels(
    seed: SupportsIndex = 0,
    *,
    n_samples: SupportsIndex = 40,
    n_features: SupportsIndex = 50,
    n_classes: SupportsIndex = 2,
) -> Dataset:
    """Gaussian features with labels drawn apart from them: separable where d ≥ n, by dimension.

    X = standard_normal((n, d)) / √d, then y = choice(classes, size=n), from
    `numpy.random.default_rng(seed)`.

    Args:
        seed: of the generator.
        n_samples: n.
        n_features: d.
        n_classes: K; labels are −1 and +1 for K = 2, else 0..K−1.

    Returns:
        n samples.

    Raises:
        DataError: if one class only is drawn.

    Example:
        >>> import marginflow as mf
        >>> mf.random_labels(7)
        Dataset 'random_labels(7)': 40 samples, 50 features, 2 classes (-1: 20, 1: 20)
    """
    n, d, k = _sizes(n_samples, n_features, n_classes)
    rng = np.random.default_rng(_whole("seed", seed, 0))
    features = rng.standard_normal((n, d)) / np.sqrt(d)
    classes = np.array([-1, 1]) if k == 2 else np.arange(k)
    labels = rng.choice(classes, size=n)
    _refuse_one_class("random_labels", seed, labels)
    return Dataset(
        features,
        labels,
        classes=classes,
        name=f"random_labels({seed})",
        provenance=f"Gaussian features with random labels, seed {seed}.",
    )


def gaussian_clusters(
    seed: SupportsIndex = 0,
    *,
    n_samples: SupportsIndex = 300,
    n_features: SupportsIndex = 2,
    n_classes: SupportsIndex = 3,
    noise: float = 0.5,
    separation: float = 2.0,
    balanced: bool = False,
) -> Dataset:
    """One spherical Gaussian cluster a class, around Gaussian centers.

    centers = separation · standard_normal((K, d)), then labels = integers(K, size=n) unless
    balanced, then features = centers[labels] + noise · standard_normal((n, d)), from
    `numpy.random.default_rng(seed)`.

    Args:
        seed: of the generator.
        n_samples: n.
        n_features: d.
        n_classes: K.
        noise: the standard deviation within a cluster, ≥ 0.
        separation: the standard deviation of the centers, ≥ 0.
        balanced: whether labels come in order, n/K rows a class (the first n mod K classes have one
            more), instead of being drawn.  The set of Fan, Schmidt and Thrampoulidis 2025 (arXiv
            2502.04664), 50 points a class, is `gaussian_clusters(n_samples=500, n_features=25,
            n_classes=10, noise=0.1, separation=1.0, balanced=True)`.

    Returns:
        n samples with labels 0..K−1.

    Raises:
        DataError: if one class only is drawn.

    Example:
        >>> import marginflow as mf
        >>> mf.gaussian_clusters(n_samples=7, balanced=True).labels
        array([0, 0, 0, 1, 1, 2, 2])
    """
    n, d, k = _sizes(n_samples, n_features, n_classes)
    for what, scale in (("noise", noise), ("separation", separation)):
        if not (np.isfinite(scale) and scale >= 0):
            raise DataError(f"{what} must be a finite number ≥ 0, got {scale!r}.")
    rng = np.random.default_rng(_whole("seed", seed, 0))
    centers = separation * rng.standard_normal((k, d))
    labels = np.sort(np.arange(n) % k) if balanced else rng.integers(k, size=n)
    _refuse_one_class("gaussian_clusters", seed, labels)
    return Dataset(
        centers[labels] + noise * rng.standard_normal((n, d)),
        labels,
        classes=np.arange(k),
        name=f"gaussian_clusters({seed})",
        provenance=f"Gaussian clusters, noise {noise:g}, separation {separation:g}, seed {seed}.",
    )


def _sizes(
    n_samples: SupportsIndex, n_features: SupportsIndex, n_classes: SupportsIndex
) -> tuple[int, int, int]:
    return (
        _whole("n_samples", n_samples, 2),
        _whole("n_features", n_features, 1),
        _whole("n_classes", n_classes, 2),
    )


def _whole(what: str, value: Any, least: int) -> int:
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise DataError(f"{what} must be a whole number ≥ {least}, got {value!r}.")
    return number


def _refuse_one_class(generator: str, seed: SupportsIndex, labels: Int[np.ndarray, " n"]) -> None:
    if (labels == labels[0]).all():
        raise DataError(
            f"{generator} with seed {seed} gave all {len(labels)} samples one label, {labels[0]}, "
            "and two classes are needed; choose another seed or more samples."
        )
