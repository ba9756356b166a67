"""Learning curves of classifiers side by side: the error on new data against training samples.

All models see the same draws, so that two curves are compared by their differences draw by draw,
whose standard error is far below the width of either band.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from marginflow.data import Dataset

SIZES = (20, 40, 80, 160, 320)
# Rows on which one fit is tested, at most.
MOST_TESTED = 2_000


@dataclass(frozen=True)
class LearningCurves:
    """Errors on samples that a model has not seen.

    Attributes:
        sizes: numbers of training samples, (s,).
        errors: for each model, the share of wrong answers, (s, repeats).
        data: the name of the data.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> errors = {"one": np.array([[0.1, 0.3]]), "other": np.array([[0.3, 0.3]])}
        >>> mf.LearningCurves(np.array([20]), errors, "a toy").lead("one", "other")
        (array([0.1]), array([0.1]))
    """

    sizes: np.ndarray
    errors: Mapping[str, np.ndarray]
    data: str

    def lead(self, model: str, other: str) -> tuple[np.ndarray, np.ndarray]:
        """By how much a model's error is below another's, and its standard error, (s,) each."""
        gap = self.errors[other] - self.errors[model]
        return gap.mean(axis=1), gap.std(axis=1, ddof=1) / np.sqrt(gap.shape[1])

    def to_frame(self) -> pd.DataFrame:
        """One row for each model and size: mean error, and the band of nine draws in ten."""
        rows = [
            {
                "model": model,
                "samples": int(size),
                "error": float(found.mean()),
                "low": float(np.quantile(found, 0.05)),
                "high": float(np.quantile(found, 0.95)),
            }
            for model, curve in self.errors.items()
            for size, found in zip(self.sizes, curve, strict=True)
        ]
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        best = {
            int(size): min(self.errors, key=lambda name: self.errors[name][i].mean())
            for i, size in enumerate(self.sizes)
        }
        ahead = ", ".join(f"{size}: {name}" for size, name in best.items())
        return f"learning curves on {self.data}; ahead at {ahead}."


def learning_curves(
    data: Any,
    models: Mapping[str, Any] | None = None,
    *,
    sizes: Sequence[int] = SIZES,
    repeats: int = 20,
    seed: int = 0,
) -> LearningCurves:
    """The errors of classifiers that were trained with growing numbers of samples.

    Args:
        data: a `Dataset` or a pair (features, labels).
        models: scikit-learn classifiers by name; naive Bayes, which is generative, and logistic
            regression of standardized features, which is discriminative, by default.
        sizes: numbers of training samples.
        repeats: how many draws of each size.
        seed: of the draws.  A draw has a sample of each class; the rest, up to 2,000, is tested on.

    Raises:
        ValueError: if a size leaves fewer than one class's samples, or nothing to test on.

    Example:
        >>> import marginflow as mf
        >>> data = mf.gaussian_clusters(0, n_samples=400, n_features=5, n_classes=2)
        >>> curves = mf.learning_curves(data, sizes=[20, 80], repeats=5)
        >>> curves.to_frame()["samples"].tolist()
        [20, 80, 20, 80]

    Reference:
        Ng & Jordan 2001, On discriminative vs. generative classifiers.
    """
    data = data if isinstance(data, Dataset) else Dataset(*data)
    moving = np.ptp(data.features, axis=0) > 0
    features, labels = data.features[:, moving], data.labels
    _check_sizes(sizes, repeats, data)
    models = models or {
        "naive Bayes": GaussianNB(),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    }
    errors = {name: np.zeros((len(sizes), repeats)) for name in models}
    for i, size in enumerate(sizes):
        for repeat in range(repeats):
            rng = np.random.default_rng([seed, size, repeat])
            order = _draw(labels, data.n_classes, size, rng)
            train, test = order[:size], order[size : size + MOST_TESTED]
            with threadpool_limits(1):  # fits this small only wait for one another
                for name, model in models.items():
                    copy: Any = clone(model)
                    fitted = copy.fit(features[train], labels[train])
                    wrong = fitted.predict(features[test]) != labels[test]
                    errors[name][i, repeat] = np.mean(wrong)
    return LearningCurves(np.asarray(sizes), errors, data.name)


def _draw(labels: np.ndarray, n_classes: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random order of all rows, with two samples of each class among the first `size`."""
    order = rng.permutation(len(labels))
    first = [order[labels[order] == k][:2] for k in range(n_classes)]
    ahead = np.concatenate(first)
    return np.concatenate([ahead, order[~np.isin(order, ahead)]])


def _check_sizes(sizes: Sequence[int], repeats: int, data: Dataset) -> None:
    least = 2 * data.n_classes
    if repeats < 2:
        raise ValueError(f"repeats: expected at least 2, for a standard error; got {repeats}.")
    for size in sizes:
        if not least <= size < data.n_samples:
            raise ValueError(
                f"sizes: expected from {least}, two samples a class, to {data.n_samples - 1} of "
                f"the {data.n_samples} samples; got {size}."
            )
