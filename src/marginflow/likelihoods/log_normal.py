"""The log-normal distribution: a Gaussian of log y."""

from types import MappingProxyType

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr

from marginflow._types import AnyArray
from marginflow.likelihoods.gaussian import Gaussian
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.support import POSITIVE, Support


class LogNormal(Likelihood):
    """A positive number whose logarithm is normal: the Gaussian's loss of log y, and log y.

    Scores are μ, the mean of log y, and log σ; or μ alone with a fixed scale.

    Args:
        scale: σ if it is fixed; None to learn it.
        inverse_link: of the scale, "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.LogNormal().mean([[0.0, 0.0]])
        array([1.64872127])
    """

    scale: float | None = eqx.field(static=True, default=None, kw_only=True)
    known_as = MappingProxyType({"scikit-learn": "squared_error of log y (fixed)"})

    def __check_init__(self):
        self._of_log()

    def _of_log(self) -> Gaussian:
        return Gaussian(scale=self.scale)

    @property
    def support(self) -> Support:
        return POSITIVE

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("location of log y", "log scale")[: self._of_log().n_scores]

    @property
    def positive(self) -> tuple[bool, ...]:
        return self._of_log().positive

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        return self._of_log()._parameters(coordinates)

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        log_target = jnp.log(targets)
        return self._of_log()._loss(coordinates, log_target) + log_target

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        return self._of_log()._score(coordinates, jnp.log(targets))

    def _fisher(self, coordinates: np.ndarray) -> np.ndarray:
        return self._of_log()._fisher(coordinates)

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        location, log_scale = self._of_log()._split(coordinates)
        return np.exp(location + 0.5 * np.exp(2 * log_scale))

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        location, log_scale = self._of_log()._split(coordinates)
        return np.exp(location - np.exp(2 * log_scale))

    def _entropy(self, coordinates: np.ndarray) -> np.ndarray:
        return self._of_log()._entropy(coordinates) + coordinates[:, 0]

    def _kl(self, coordinates: np.ndarray, others: np.ndarray) -> np.ndarray:
        return self._of_log()._kl(coordinates, others)

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        location, log_scale = self._of_log()._split(coordinates)
        z = (np.log(np.maximum(targets, 0)) - location) * np.exp(-log_scale)
        return ndtr(z)

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.exp(self._of_log()._draw(coordinates, rng))

    def _start(self, targets: np.ndarray) -> np.ndarray:
        return self._of_log()._start(np.log(targets))
