"""The same quantities from samples alone, by distances to nearest neighbors.

A histogram would need bins.  The distance to the k-th neighbor says how dense the sample is around
each of its points, and its mean logarithm, with a digamma term in place of log k, gives the
entropy without a bias of the first order.  The estimates are of densities, and of no use where
points repeat: give discrete data as counts to `entropy` and `mutual_information`.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import KDTree
from scipy.special import digamma

from marginflow.likelihoods.information import _size


def sampled_entropy(samples: ArrayLike, neighbors: int = 3, unit: str = "nats") -> float:
    """The entropy of the density that samples are drawn from (Kozachenko and Leonenko's).

    Args:
        samples: (n,) or (n, d), with n above `neighbors`.
        neighbors: k, the neighbor whose distance is taken; a larger one varies less, and blurs.
        unit: "nats" or "bits".

    Raises:
        ValueError: if there are too few samples, or points repeat.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> draws = np.random.default_rng(0).uniform(0, 2, 20_000)
        >>> round(mf.sampled_entropy(draws, unit="bits"), 1)
        1.0

    Reference:
        Kozachenko & Leonenko 1987, "Sample estimate of the entropy of a random vector".
    """
    x = _points("samples", samples, neighbors)
    n, d = x.shape
    log_radii = np.log(_distances(x, x, neighbors + 1))
    value = digamma(n) - digamma(neighbors) + d * float(np.mean(np.log(2) + log_radii))
    return float(value / _size(unit))


def sampled_kl(
    samples: ArrayLike, others: ArrayLike, neighbors: int = 3, unit: str = "nats"
) -> float:
    """KL(p‖q) of the densities that two samples are drawn from (Wang, Kulkarni and Verdú's).

    Args:
        samples: of p, (n,) or (n, d).
        others: of q, (m,) or (m, d).
        neighbors: k, as for `sampled_entropy`.
        unit: "nats" or "bits".

    Returns:
        The estimate, which may fall below zero by its own noise.

    Raises:
        ValueError: if there are too few samples, or points repeat.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> rng = np.random.default_rng(0)
        >>> p, q = rng.normal(size=20_000), rng.normal(1.0, size=20_000)
        >>> round(mf.sampled_kl(p, q), 1)
        0.5

    Reference:
        Wang, Kulkarni & Verdú 2009, "Divergence estimation for multidimensional densities via
        k-nearest-neighbor distances", equation 5.
    """
    x, y = _points("samples", samples, neighbors), _points("others", others, neighbors)
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"expected samples of the same dimension, got {x.shape[1]} and {y.shape[1]}."
        )
    own, cross = _distances(x, x, neighbors + 1), _distances(x, y, neighbors)
    value = x.shape[1] * float(np.mean(np.log(cross) - np.log(own)))
    return float((value + np.log(len(y) / (len(x) - 1))) / _size(unit))


def sampled_mutual_information(
    first: ArrayLike, second: ArrayLike, neighbors: int = 3, unit: str = "nats"
) -> float:
    """I(X; Y) from pairs of samples (Kraskov, Stögbauer and Grassberger's first estimator).

    Args:
        first: (n,) or (n, d).
        second: (n,) or (n, e), in the order of `first`.
        neighbors: k, as for `sampled_entropy`.
        unit: "nats" or "bits".

    Returns:
        The estimate, which may fall below zero by its own noise.

    Raises:
        ValueError: if lengths differ, there are too few samples, or points repeat.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.normal(size=(2, 20_000))
        >>> round(mf.sampled_mutual_information(x, 0.6 * x + 0.8 * y), 1)
        0.2

    Reference:
        Kraskov, Stögbauer & Grassberger 2004, "Estimating mutual information", equation 8.
    """
    x, y = _points("first", first, neighbors), _points("second", second, neighbors)
    if len(x) != len(y):
        raise ValueError(f"expected pairs of samples, got {len(x)} and {len(y)}.")
    radii = _distances(np.hstack([x, y]), np.hstack([x, y]), neighbors + 1)
    # strictly closer in each of the two alone; the point itself is counted by the ψ(n + 1)
    inside = np.nextafter(radii, 0)
    counts = [
        np.asarray(KDTree(z).query_ball_point(z, inside, p=np.inf, return_length=True))
        for z in (x, y)
    ]
    value = digamma(neighbors) + digamma(len(x))
    value -= float(np.mean(digamma(counts[0]) + digamma(counts[1])))
    return float(value / _size(unit))


def _points(name: str, samples: ArrayLike, neighbors: int) -> np.ndarray:
    x = np.asarray(samples, np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if neighbors < 1:
        raise ValueError(f"neighbors: expected 1 or more, got {neighbors}.")
    if x.ndim != 2 or len(x) <= neighbors or not np.all(np.isfinite(x)):
        raise ValueError(
            f"{name}: expected finite samples (n,) or (n, d) with n > {neighbors}, "
            f"got shape {np.shape(samples)}."
        )
    return x


def _distances(points: np.ndarray, among: np.ndarray, neighbor: int) -> np.ndarray:
    """The greatest coordinate difference to the neighbor of that rank, itself being the first."""
    found = KDTree(among).query(points, k=neighbor, p=np.inf)[0]
    found = found if neighbor == 1 else found[:, -1]
    if np.any(found == 0):
        raise ValueError(
            "points repeat, so that no density has made them; give discrete data as counts to "
            "entropy, kl or mutual_information."
        )
    return found
