"""Regression data: features and real targets, one or several at once.

Labels name classes and are encoded; targets are numbers and stay as they are.  A regression problem
is therefore no `Dataset`, but a plain pair (features, targets), read here.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from marginflow.data.dataset import Dataset
from marginflow.data.errors import DataError
from marginflow.data.features import read_features


class RegressionData(NamedTuple):
    """Features and targets in float64.

    Attributes:
        features: (n, d).
        targets: (n, k), one column a target.
        single: whether the targets came as (n,), and weights therefore are (d,).
    """

    features: Float64[np.ndarray, "n d"]
    targets: Float64[np.ndarray, "n k"]
    single: bool

    def weights_in(self, initial: Any) -> Float64[np.ndarray, "d k"]:
        """The first weights (d, k): zeros by default, else what the user gave, checked."""
        size, count = self.features.shape[1], self.targets.shape[1]
        if initial is None:
            return np.zeros((size, count))
        shape = (size,) if self.single else (size, count)
        weights = np.array(initial, dtype=np.float64)
        if weights.shape != shape:
            raise ValueError(f"initial: expected shape {shape}, got {weights.shape}.")
        if not np.all(np.isfinite(weights)):
            raise ValueError("initial: expected finite numbers, got infinite or NaN entries.")
        return weights.reshape(size, count)

    def weights_out(self, weights: Float64[np.ndarray, "d k"]) -> Float64[np.ndarray, "*shape"]:
        """Weights as the user has them: (d,) for targets (n,), else (d, k)."""
        return weights[:, 0] if self.single else weights


def as_regression(data: Any) -> RegressionData:
    """Read a pair (features, targets).

    Args:
        data: features (n, d), and targets (n,) or (n, k).

    Raises:
        TypeError: if it is no pair, or a `Dataset`, whose labels are classes.
        DataError: if a number is missing, or the lengths differ.

    Example:
        >>> as_regression(([[1.0, 2.0], [3.0, 4.0]], [1.0, 0.0])).targets.shape
        (2, 1)
    """
    if isinstance(data, Dataset):
        raise TypeError(
            "data: expected a pair (features, targets), got a Dataset, whose labels are classes; "
            "pass (data.features, targets)."
        )
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(
            f"data: expected a pair (features, targets), got {type(data).__name__}; pass "
            "(features, targets)."
        )
    features = read_features(data[0])[0]
    single = np.ndim(data[1]) == 1
    try:
        targets = read_features(np.asarray(data[1])[:, None] if single else data[1])[0]
    except DataError as error:
        raise DataError(f"targets (n,) or (n, k) could not be read: {error}") from None
    if len(targets) != len(features):
        raise DataError(
            f"expected one target a sample, got {len(features)} rows of features and "
            f"{len(targets)} of targets."
        )
    return RegressionData(features, targets, single)
