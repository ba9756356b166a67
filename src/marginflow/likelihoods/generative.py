"""Generative classifiers, which model p(x, y), beside discriminative ones, which model p(y | x).

A generative model knows how features come about: it can draw new data, and classifies by Bayes'
rule.  A discriminative model classifies, and assumes less.  The models themselves are
scikit-learn's; here is what they have in common.  With Gaussian classes of one covariance Bayes'
rule is the softmax of linear scores, the form of logistic regression.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import linalg
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.validation import check_is_fitted

Generative = GaussianNB | LinearDiscriminantAnalysis | QuadraticDiscriminantAnalysis


class LogisticForm(NamedTuple):
    """p(y = k | x) ∝ exp(x·w_k + b_k).

    Attributes:
        weights: (d, K).
        intercepts: (K,).

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> form = mf.LogisticForm(np.eye(2), np.zeros(2))
        >>> np.array([3.0, 1.0]) @ form.weights + form.intercepts
        array([3., 1.])
    """

    weights: Float[np.ndarray, "d K"]
    intercepts: Float[np.ndarray, " K"]


def as_logistic(model: Any) -> LogisticForm:
    """The linear scores whose softmax is the Bayes rule of Gaussian classes of one covariance.

    w_k = Σ⁻¹ μ_k and b_k = log π_k − ½ μ_k·Σ⁻¹ μ_k.

    Args:
        model: a fitted `LinearDiscriminantAnalysis` of scikit-learn that has its covariance, as
            with `solver="lsqr"` or `store_covariance=True`.

    Raises:
        TypeError: if the model is another.
        ValueError: if its covariance was not kept, or is singular.

    Example:
        >>> import marginflow as mf
        >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
        >>> model = LinearDiscriminantAnalysis(solver="lsqr")
        >>> form = mf.as_logistic(model.fit([[0.0], [2.0], [1.0], [3.0]], [0, 0, 1, 1]))
        >>> form.weights[:, 1] - form.weights[:, 0]
        array([1.])
    """
    if not isinstance(model, LinearDiscriminantAnalysis):
        raise TypeError(
            "as_logistic expects a LinearDiscriminantAnalysis of scikit-learn, whose classes share "
            f"one covariance; got {type(model).__name__}."
        )
    covariance, means = _covariances(model)[0], np.asarray(model.means_)
    try:
        weights = linalg.solve(covariance, means.T, assume_a="pos")
    except linalg.LinAlgError:
        raise ValueError(
            "the covariance is singular: use fewer features than samples, or shrinkage."
        ) from None
    quadratic = np.einsum("kd,dk->k", means, weights)
    return LogisticForm(weights, np.log(model.priors_) - quadratic / 2)


def draw_samples(
    model: Any, n_samples: int, seed: int = 0
) -> tuple[Float[np.ndarray, "n d"], np.ndarray]:
    """New data from a generative model: labels from its priors, features from their class.

    Args:
        model: a fitted `GaussianNB`, or a linear or quadratic discriminant analysis that keeps its
            covariance.
        n_samples: n.
        seed: of the draw.

    Returns:
        Features (n, d) and labels (n,), which are the model's own.

    Raises:
        TypeError: if the model is not generative.
        ValueError: if its covariance was not kept.

    Example:
        >>> import marginflow as mf
        >>> from sklearn.naive_bayes import GaussianNB
        >>> model = GaussianNB().fit([[0.0], [2.0], [10.0], [12.0]], ["a", "a", "b", "b"])
        >>> features, labels = mf.draw_samples(model, 1000)
        >>> float(features[labels == "b"].mean().round())
        11.0
    """
    if not isinstance(model, Generative):
        raise TypeError(
            "draw_samples expects GaussianNB, LinearDiscriminantAnalysis or "
            f"QuadraticDiscriminantAnalysis of scikit-learn; got {type(model).__name__}, which "
            "models no features."
        )
    covariances = _covariances(model)
    naive = isinstance(model, GaussianNB)
    means = np.asarray(model.theta_ if isinstance(model, GaussianNB) else model.means_)
    priors = np.asarray(model.class_prior_ if isinstance(model, GaussianNB) else model.priors_)
    rng = np.random.default_rng(seed)
    classes = rng.choice(len(priors), size=n_samples, p=priors)
    noise = rng.standard_normal((n_samples, means.shape[1]))
    for k in range(len(priors)):
        root = np.sqrt(covariances[k]) if naive else _root(covariances[k])
        noise[classes == k] = noise[classes == k] * root if naive else noise[classes == k] @ root
    return means[classes] + noise, np.asarray(model.classes_)[classes]


def _covariances(model: Any) -> np.ndarray:
    """(K, d, d), or the variances (K, d) of naive Bayes."""
    check_is_fitted(model)
    if isinstance(model, GaussianNB):
        return np.asarray(model.var_)
    found = getattr(model, "covariance_", None)
    if found is None:
        raise ValueError(
            f"the model has no covariance: fit {type(model).__name__}(store_covariance=True)."
        )
    shared = isinstance(model, LinearDiscriminantAnalysis)
    return np.asarray([found] * len(model.classes_) if shared else found)


def _root(covariance: np.ndarray) -> np.ndarray:
    """S with SᵀS = Σ, also where Σ is singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
