"""What both estimators share: reading (X, y, weights), and predicting by linear scores."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from marginflow.data import Dataset

LARGEST_DENSE = 2**31  # bytes of features that a sparse matrix may become


class Rows(NamedTuple):
    """What an estimator is fitted to, without the samples of weight zero.

    Attributes:
        data: features and encoded labels.
        indices: (n,) of the samples among those that were passed.
        sample_weight: (n,) positive; None where all are equal.
    """

    data: Dataset
    indices: Int[np.ndarray, " n"]
    sample_weight: Float[np.ndarray, " n"] | None


class LinearClassifier(ClassifierMixin, BaseEstimator):
    """A classifier by scores `X @ coef_.T + intercept_`, one a class, or one for two classes."""

    classes_: np.ndarray
    coef_: np.ndarray
    intercept_: np.ndarray

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def decision_function(self, X: Any) -> Float[np.ndarray, "..."]:
        """The scores: (n, K), or (n,) of the class that sorts second where there are two.

        Args:
            X: (n, d), dense or sparse.

        Returns:
            `X @ coef_.T + intercept_`.
        """
        check_is_fitted(self)
        features = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        scores = np.asarray(features @ self.coef_.T) + self.intercept_
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, X: Any) -> np.ndarray:
        """The class of the highest score of each sample.

        Args:
            X: (n, d), dense or sparse.

        Returns:
            (n,), of `classes_`.
        """
        scores = self.decision_function(X)
        codes = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[codes]

    def _read(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        """Check what `fit` was given, and set `classes_`."""
        features, labels = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64)
        check_classification_targets(labels)
        kept = np.arange(len(labels))
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(
                sample_weight, features, dtype=np.float64, ensure_non_negative=True
            )
            kept = np.flatnonzero(weights > 0)
            features, labels, weights = features[kept], labels[kept], weights[kept]
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y: {type(self).__name__} needs samples of at least two classes, got 1 class, "
                f"{self.classes_.tolist()[0]!r}."
            )
        if weights is not None and np.ptp(weights) == 0:
            weights = None
        return Rows(Dataset(_dense(features), codes), kept, weights)

    def _set_weights(self, weights: Any, intercept: Any) -> None:
        """From weights (d, K) or (d,), as training has them, to `coef_` and `intercept_`."""
        self.coef_ = np.atleast_2d(np.asarray(weights).T)
        zeros = np.zeros(len(self.coef_))
        self.intercept_ = zeros if intercept is None else np.atleast_1d(intercept) + zeros


def with_ones(data: Dataset) -> Dataset:
    """The data with a last feature that is 1 everywhere."""
    ones = np.ones((data.n_samples, 1))
    return Dataset(np.concatenate([data.features, ones], axis=1), data.labels)


def _dense(features: Any) -> Float[np.ndarray, "n d"]:
    if not sparse.issparse(features):
        return features
    size = 8 * features.shape[0] * features.shape[1]
    if size > LARGEST_DENSE:
        raise ValueError(
            f"X: a sparse matrix of shape {features.shape} has {size / 2**30:.3g} GiB when it is "
            f"dense, as fitting needs it, and the limit is {LARGEST_DENSE / 2**30:.3g} GiB; select "
            "features or samples before."
        )
    return features.toarray()
