"""The multiclass linear map: weights (d, K), margins u_ik = x_i·w_{y_i} − x_i·w_k for k ≠ y_i."""

from typing import Any

import numpy as np

from marginflow._types import AnyArray, namespace
from marginflow.data import as_dataset
from marginflow.margins.margin_map import LinearMarginMap


def relative_margins(scores: AnyArray, labels: AnyArray) -> AnyArray:
    """Relative margins (..., K−1) of scores (..., K): own score minus each other, ascending.

    Example:
        >>> import numpy as np
        >>> relative_margins(np.array([[1.0, 4.0, 2.0]]), np.array([1]))
        array([[3., 2.]])
    """
    xp = namespace(scores, labels)
    return xp.moveaxis(_margins_first(xp.moveaxis(scores, -1, 0), labels), 0, -1)


def scores_cotangent(margins_cotangent: AnyArray, labels: AnyArray) -> AnyArray:
    """The pull-back of `relative_margins`: (..., K−1) to (..., K).

    The true class's entry is formed as minus the sum of the others, so it does not round to zero
    where a softmax does (from margin 37 on in float64).
    """
    xp = namespace(margins_cotangent, labels)
    return xp.moveaxis(_scores_first(xp.moveaxis(margins_cotangent, -1, 0), labels), 0, -1)


def _margins_first(scores: AnyArray, labels: AnyArray) -> AnyArray:
    """`relative_margins` with the classes along the first axis: (K, ...) to (K−1, ...)."""
    xp = namespace(scores, labels)
    classes = _class_index(scores, labels, xp)
    own = xp.sum(xp.where(classes == labels, scores, 0), axis=0)
    return own - xp.where(classes[:-1] < labels, scores[:-1], scores[1:])


def _scores_first(cotangent: AnyArray, labels: AnyArray) -> AnyArray:
    """`scores_cotangent` with the classes along the first axis: (K−1, ...) to (K, ...)."""
    xp = namespace(cotangent, labels)
    own, others = _spread(cotangent, labels, xp)
    return xp.where(own, xp.sum(cotangent, axis=0), -others)


def _spread(values: AnyArray, labels: AnyArray, xp) -> tuple[AnyArray, AnyArray]:
    """The own class's mask (K, ...), and values (K−1, ...) laid out over K classes, zero there."""
    gap = xp.zeros_like(values[:1])
    kept = xp.concatenate([values, gap])
    shifted = xp.concatenate([gap, values])
    classes = _class_index(kept, labels, xp)
    own = classes == labels
    return own, xp.where(own, 0, xp.where(classes < labels, kept, shifted))


def _class_index(values: AnyArray, labels: AnyArray, xp) -> AnyArray:
    """0..K−1 along the first axis of values (K, ...), to be compared with labels (...)."""
    return xp.arange(values.shape[0]).reshape(-1, *[1] * labels.ndim)


class MulticlassMargins(LinearMarginMap):
    """Relative margins of a linear classifier with one weight vector for each class.

    u_ik = x_i·w_{y_i} − x_i·w_k for every other class k, in ascending order of k
    (Ravi et al. 2024, arXiv 2411.01350, section 2).

    Args:
        data: a `Dataset` or a pair (features, labels).

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> maps = mf.MulticlassMargins((np.eye(2), ["a", "b"]))
        >>> maps.margins(np.array([[1.0, 0.0], [0.0, 3.0]]))
        array([[1.],
               [3.]])
    """

    def __init__(self, data: Any):
        data = as_dataset(data)
        self.features_t = data.features.T
        self.labels = data.labels
        self.n_classes = data.n_classes

    @property
    def weights_shape(self) -> tuple[int, ...]:
        return (self.n_features, self.n_classes)

    def margins(self, params: AnyArray) -> AnyArray:
        return _margins_first(params.T @ self.features_t, self.labels).T

    def adjoint(self, cotangent: AnyArray) -> AnyArray:
        return self.features_t @ _scores_first(cotangent.T, self.labels).T

    def pair_rows(self, samples: AnyArray, columns: AnyArray) -> AnyArray:
        code = self._pair_code(samples, columns)
        rows = np.asarray(self.features)[samples][:, :, None] * code[:, None, :]
        return rows.reshape(len(code), -1)

    def pair_gram(self, samples: AnyArray, columns: AnyArray) -> AnyArray:
        code, chosen = self._pair_code(samples, columns), np.asarray(self.features)[samples]
        return (chosen @ chosen.T) * (code @ code.T)

    def weighted_gram(self, blocks: AnyArray) -> AnyArray:
        labels, features_t = self.labels[None], np.asarray(self.features_t, dtype=blocks.dtype)
        half = _scores_first(blocks.transpose(1, 2, 0), labels)
        code = _scores_first(half.swapaxes(0, 1), labels)
        d, n = features_t.shape
        gram = np.empty((d, self.n_classes, d, self.n_classes), dtype=blocks.dtype)
        for k in range(self.n_classes):
            # the lower triangle in the classes, one product for each of them
            scaled = features_t * code[k, : k + 1, None]
            product = (scaled.reshape(-1, n) @ features_t.T).reshape(k + 1, d, d)
            gram[:, k, :, : k + 1] = product.transpose(1, 2, 0)
            gram[:, : k + 1, :, k] = product.transpose(2, 0, 1)
        return gram.reshape(d * self.n_classes, -1)

    def to_dual(self, columns: AnyArray) -> AnyArray:
        return _spread(columns.T, self.labels, namespace(columns, self.labels))[1].T

    def from_dual(self, dual: AnyArray) -> AnyArray:
        xp = namespace(dual, self.labels)
        before = xp.arange(self.n_classes - 1) < self.labels[:, None]
        return xp.where(before, dual[:, :-1], dual[:, 1:])

    def score_smoothness(self, smoothness: float) -> float:
        return smoothness

    def _pair_code(self, samples: AnyArray, columns: AnyArray) -> np.ndarray:
        identity = np.eye(self.n_classes)
        own = identity[np.asarray(self.labels)[samples]]
        return own - identity[self.pair_classes(samples, columns)]
