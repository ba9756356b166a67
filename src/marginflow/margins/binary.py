"""The binary linear map: weights (d,), margin ±x·w of the class that sorts second."""

from typing import Any

import numpy as np

from marginflow._types import AnyArray, namespace
from marginflow.data import as_dataset
from marginflow.margins.margin_map import LinearMarginMap


class BinaryMargins(LinearMarginMap):
    """Margins y_i x_i·w of a binary linear classifier, y_i = +1 for the class that sorts second.

    With scores (−x·w/2, x·w/2) this is the multiclass margin; the weights are half as many and
    their norm is the usual one of a binary SVM (Soudry et al. 2018, arXiv 1710.10345, section 2).

    Args:
        data: a `Dataset` or a pair (features, labels) with two classes.

    Raises:
        ValueError: if the data have more than two classes.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> maps = mf.BinaryMargins((np.eye(2), [-1, 1]))
        >>> maps.margins(np.array([1.0, 3.0]))
        array([[-1.],
               [ 3.]])
    """

    def __init__(self, data: Any):
        data = as_dataset(data)
        if data.n_classes != 2:
            raise ValueError(
                f"BinaryMargins expects two classes, got {data.n_classes}; use MulticlassMargins."
            )
        self.features_t = data.features.T
        self.labels = data.labels
        self.n_classes = 2

    @property
    def weights_shape(self) -> tuple[int, ...]:
        return (self.n_features,)

    @property
    def signs(self) -> AnyArray:
        """+1 where the label is the class that sorts second, −1 elsewhere; (n,)."""
        xp = namespace(self.features_t, self.labels)
        return xp.where(self.labels == 1, 1.0, -1.0).astype(self.features_t.dtype)

    def margins(self, params: AnyArray) -> AnyArray:
        return (self.signs * (params @ self.features_t))[:, None]

    def adjoint(self, cotangent: AnyArray) -> AnyArray:
        return self.features_t @ (self.signs * cotangent[:, 0])

    def pair_rows(self, samples: AnyArray, columns: AnyArray) -> AnyArray:
        samples = np.asarray(samples)
        return np.asarray(self.features)[samples] * np.asarray(self.signs)[samples, None]

    def pair_gram(self, samples: AnyArray, columns: AnyArray) -> AnyArray:
        rows = self.pair_rows(samples, columns)
        return rows @ rows.T

    def weighted_gram(self, blocks: AnyArray) -> AnyArray:
        return (self.features * blocks[:, 0]).T @ self.features

    def to_dual(self, columns: AnyArray) -> AnyArray:
        return columns[:, 0]

    def from_dual(self, dual: AnyArray) -> AnyArray:
        return dual[:, None]

    def score_smoothness(self, smoothness: float) -> float:
        # the margin is a difference of two scores but one score here: ψ'' against 2 ψ''
        return smoothness / 2
