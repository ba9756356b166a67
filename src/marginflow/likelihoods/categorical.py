"""Classes without an order, whose loss is the cross-entropy of `losses`: one score or K."""

from types import MappingProxyType

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import entr, expit, log_softmax, softmax

from marginflow._types import AnyArray
from marginflow.likelihoods.discrete import draw_classes, kl_of_logs
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.support import BINARY, Support, classes
from marginflow.losses import long_softmax
from marginflow.losses.cross_entropy import CrossEntropy
from marginflow.losses.long_rows import as_rows


class Bernoulli(Likelihood):
    """A label 0 or 1, with one score, the log-odds of 1: log(1 + e^(∓θ)).

    Example:
        >>> import marginflow as mf
        >>> mf.Bernoulli().loss([0.0, 2.0], [1, 0])
        array([0.69314718, 2.12692801])
    """

    known_as = MappingProxyType(
        {
            "torch": "BCEWithLogitsLoss",
            "keras": "BinaryCrossentropy(from_logits=True)",
            "scikit-learn": "log_loss",
            "statsmodels": "families.Binomial",
        }
    )

    @property
    def support(self) -> Support:
        return BINARY

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("log-odds",)

    @property
    def positive(self) -> tuple[bool, ...]:
        return (False,)

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        return {"probability": jax.nn.sigmoid(coordinates[..., 0])}

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        return _value(coordinates[..., 0], targets)

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        return _gradient(coordinates[..., 0], targets)[..., None]

    def _fisher(self, coordinates: np.ndarray) -> np.ndarray:
        return (expit(coordinates) * expit(-coordinates))[:, :, None]

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        return expit(coordinates[:, 0])

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        return np.where(coordinates[:, 0] > 0, 1.0, 0.0)

    def _entropy(self, coordinates: np.ndarray) -> np.ndarray:
        return np.sum(entr(np.concatenate([expit(coordinates), expit(-coordinates)], 1)), axis=1)

    def _kl(self, coordinates: np.ndarray, others: np.ndarray) -> np.ndarray:
        return kl_of_logs(_both_logs(coordinates), _both_logs(others))

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        below = np.where(targets < 0, 0, expit(-coordinates[:, 0]))
        return np.where(targets < 1, below, 1.0)

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.where(rng.random(len(coordinates)) < expit(coordinates[:, 0]), 1.0, 0.0)

    def _start(self, targets: np.ndarray) -> np.ndarray:
        share = np.mean(targets)
        with np.errstate(divide="ignore"):
            return np.array([np.log(share) - np.log1p(-share)])


class Categorical(Likelihood):
    """A label in 0..K−1 with K scores: log Σ_k e^(θ_k) − θ_y, the cross-entropy of `losses`.

    Args:
        n_classes: K ≥ 2.

    Example:
        >>> import marginflow as mf
        >>> mf.Categorical(3).link([[0.0, 0.0, 0.0]])["probabilities"].round(3)
        array([[0.333, 0.333, 0.333]])
    """

    n_classes: int = eqx.field(static=True, default=3)
    known_as = MappingProxyType(
        {
            "torch": "CrossEntropyLoss",
            "keras": "SparseCategoricalCrossentropy(from_logits=True)",
            "scikit-learn": "log_loss",
            "statsmodels": "discrete.discrete_model.MNLogit",
        }
    )

    def __check_init__(self):
        if self.n_classes < 2:
            raise ValueError(f"{self.name}: expected n_classes >= 2, got {self.n_classes}.")

    @property
    def support(self) -> Support:
        return classes("categorical", self.n_classes)

    @property
    def score_names(self) -> tuple[str, ...]:
        return tuple(f"score of class {k}" for k in range(self.n_classes))

    @property
    def positive(self) -> tuple[bool, ...]:
        return (False,) * self.n_classes

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        return {"probabilities": jax.nn.softmax(coordinates, axis=-1)}

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        return _value(coordinates, targets)

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        return _gradient(coordinates, targets)

    def _fisher(self, coordinates: np.ndarray) -> np.ndarray:
        p = softmax(coordinates, axis=1)
        fisher = -p[:, :, None] * p[:, None, :]
        own = np.arange(self.n_classes)
        fisher[:, own, own] = 0
        # p_k (1 − p_k) as minus the sum of the others, which is not lost where p_k rounds to one
        fisher[:, own, own] = -fisher.sum(axis=2)
        return fisher

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        return softmax(coordinates, axis=1) @ np.arange(self.n_classes)

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        return np.argmax(coordinates, axis=1).astype(np.float64)

    def _entropy(self, coordinates: np.ndarray) -> np.ndarray:
        return np.sum(entr(softmax(coordinates, axis=1)), axis=1)

    def _kl(self, coordinates: np.ndarray, others: np.ndarray) -> np.ndarray:
        return kl_of_logs(log_softmax(coordinates, axis=1), log_softmax(others, axis=1))

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        p = softmax(coordinates, axis=1)
        return np.sum(np.where(np.arange(self.n_classes) <= targets[:, None], p, 0), axis=1)

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return draw_classes(softmax(coordinates, axis=1), rng)

    def _start(self, targets: np.ndarray) -> np.ndarray:
        """The logarithms of the frequencies; −inf where a class does not occur."""
        counts = np.bincount(targets.astype(np.int64), minlength=self.n_classes)
        with np.errstate(divide="ignore"):
            return np.log(counts / len(targets))


def _both_logs(log_odds: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0, np.concatenate([log_odds, -log_odds], axis=1))


def _value(scores: AnyArray, targets: AnyArray) -> AnyArray:
    labels = jnp.asarray(targets, jnp.int32)
    if scores.ndim == labels.ndim:
        return CrossEntropy()._of_scores(jnp.asarray(scores), labels)
    # on the scores themselves: margins of a class far below the others would lose their digits
    return long_softmax.cross_entropy(*as_rows(scores, labels)).reshape(labels.shape)


def _gradient(scores: AnyArray, targets: AnyArray) -> AnyArray:
    labels = jnp.asarray(targets, jnp.int32)
    if scores.ndim == labels.ndim:
        return CrossEntropy()._gradient_of_scores(jnp.asarray(scores), labels)
    return long_softmax.cross_entropy_gradient(*as_rows(scores, labels)).reshape(scores.shape)
