"""The gamma distribution, with its mean and its shape as parameters."""

from types import MappingProxyType

import jax.numpy as jnp
import numpy as np
from scipy.special import digamma, gammainc, gammaln, polygamma

from marginflow._types import AnyArray
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.stable_terms import (
    HALF_LOG_2PI,
    binet,
    binet_slope,
    log_abs_expm1,
    log_excess,
    scaled,
)
from marginflow.likelihoods.support import POSITIVE, Support


class Gamma(Likelihood):
    """A positive number of mean μ and variance μ²/k; scores are log μ and log k.

    The loss is log Γ(k) − k log k + k log μ + k y/μ − (k − 1) log y, formed as k g(log y − log μ)
    with g(d) = e^d − 1 − d, log y, and Stirling's remainder at k.

    Args:
        inverse_link: of both, "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.Gamma().loss([[0.0, 0.0]], [2.0])
        array([2.])
    """

    known_as = MappingProxyType(
        {"scikit-learn": "gamma (fixed shape)", "statsmodels": "families.Gamma"}
    )

    @property
    def support(self) -> Support:
        return POSITIVE

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("log mean", "log shape")

    @property
    def positive(self) -> tuple[bool, ...]:
        return (True, True)

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        return {"mean": jnp.exp(coordinates[..., 0]), "shape": jnp.exp(coordinates[..., 1])}

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        log_mean, log_shape = coordinates[..., 0], coordinates[..., 1]
        log_target = jnp.log(targets)
        off = jnp.exp(log_shape + log_excess(log_target - log_mean))
        return off + log_target + (binet(log_shape) - 0.5 * log_shape + HALF_LOG_2PI)

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        log_mean, log_shape = coordinates[..., 0], coordinates[..., 1]
        d = jnp.log(targets) - log_mean
        of_mean = -scaled(jnp.sign(d), log_shape + log_abs_expm1(d))
        of_shape = jnp.exp(log_shape + log_excess(d)) - 0.5 + binet_slope(log_shape)
        return jnp.stack([of_mean, of_shape], axis=-1)

    def _fisher(self, coordinates: np.ndarray) -> np.ndarray:
        k = np.exp(coordinates[:, 1])
        fisher = np.zeros((len(k), 2, 2))
        fisher[:, 0, 0] = k
        fisher[:, 1, 1] = k**2 * polygamma(1, k) - k
        return fisher

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        return np.exp(coordinates[:, 0])

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        return np.exp(coordinates[:, 0]) * np.maximum(-np.expm1(-coordinates[:, 1]), 0)

    def _entropy(self, coordinates: np.ndarray) -> np.ndarray:
        log_mean, log_shape = coordinates.T
        k = np.exp(log_shape)
        return k + gammaln(k) + (1 - k) * digamma(k) + log_mean - log_shape

    def _kl(self, coordinates: np.ndarray, others: np.ndarray) -> np.ndarray:
        (m, a), (n, b) = coordinates.T, others.T
        k, l, d = np.exp(a), np.exp(b), m - n  # noqa: E741
        of_shapes = gammaln(l) - gammaln(k) + (k - l) * digamma(k) - k + l - l * (b - a)
        return l * (np.expm1(d) - d) + of_shapes

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        log_mean, log_shape = coordinates.T
        return gammainc(np.exp(log_shape), np.maximum(targets, 0) * np.exp(log_shape - log_mean))

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        log_mean, log_shape = coordinates.T
        return rng.standard_gamma(np.exp(log_shape)) * np.exp(log_mean - log_shape)

    def _start(self, targets: np.ndarray) -> np.ndarray:
        """The mean, which is exact, and the shape by Newton's method on log k − ψ(k)."""
        mean = float(np.mean(targets))
        gap = max(np.log(mean) - float(np.mean(np.log(targets))), 1e-12)
        k = (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
        for _ in range(4):
            k = 1 / (1 / k + (np.log(k) - digamma(k) - gap) / (k - k**2 * polygamma(1, k)))
        return np.array([np.log(mean), np.log(float(k))])
