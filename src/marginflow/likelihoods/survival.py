"""Times until an event, some of them censored: what is known then is that the time was longer.

A target is a pair (time, event).  Where the event was seen the loss is −log of the density, and
where it was not, −log of the probability to last longer.
"""

import math
from types import MappingProxyType

import jax.numpy as jnp
import numpy as np
from scipy.special import gamma, ndtr

from marginflow._types import AnyArray
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.log_normal import LogNormal
from marginflow.likelihoods.stable_terms import (
    excess,
    log_abs_expm1,
    log_normal_hazard,
    log_normal_survival,
    scaled,
)
from marginflow.likelihoods.support import CENSORED, Support


class Survival(Likelihood):
    """The base of both: `fisher`, `entropy` and `kl` are those of times that are all seen.

    `mean`, `mode` and `cdf` are of the time; `sample` returns pairs (time, 1).
    """

    @property
    def support(self) -> Support:
        return CENSORED


class Weibull(Survival):
    """Weibull times with censoring: e^z − [seen] (z + log k − log t), with z = k (log t − log λ).

    Scores are log λ, the scale, and log k, the shape.  With k = 1 they are exponential.

    Args:
        inverse_link: of both, "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.Weibull().loss([[0.0, 0.0], [0.0, 0.0]], [[2.0, 1], [3.0, 0]])
        array([2., 3.])

    Reference:
        Kalbfleisch & Prentice 2002, "The Statistical Analysis of Failure Time Data", section 3.5.
    """

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("log scale", "log shape")

    @property
    def positive(self) -> tuple[bool, ...]:
        return (True, True)

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        return {"scale": jnp.exp(coordinates[..., 0]), "shape": jnp.exp(coordinates[..., 1])}

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        log_time, _, z, log_shape = _log_times(coordinates, targets)
        # −log f = e^z − z − log k + log t
        seen = excess(z) + 1 - log_shape + log_time
        return jnp.where(targets[..., 1] == 1, seen, jnp.exp(z))

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        _, d, z, log_shape = _log_times(coordinates, targets)
        log_move = log_abs_expm1(z)
        seen = jnp.stack(
            [
                -scaled(jnp.sign(d), log_shape + log_move),
                scaled(jnp.abs(d), log_shape + log_move) - 1,
            ],
            axis=-1,
        )
        log_hazard = log_shape + z
        left = jnp.stack([-jnp.exp(log_hazard), scaled(d, log_hazard)], axis=-1)
        return jnp.where((targets[..., 1] == 1)[..., None], seen, left)

    def _fisher(self, coordinates: np.ndarray) -> np.ndarray:
        k, rest = np.exp(coordinates[:, 1]), 1 - np.euler_gamma
        fisher = np.empty((len(k), 2, 2))
        fisher[:, 0, 0] = k**2
        fisher[:, 0, 1] = fisher[:, 1, 0] = -k * rest
        fisher[:, 1, 1] = np.pi**2 / 6 + rest**2
        return fisher

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        return np.exp(coordinates[:, 0]) * gamma(1 + np.exp(-coordinates[:, 1]))

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        log_scale, log_shape = coordinates.T
        share = np.maximum(-np.expm1(-log_shape), 0)
        return np.exp(log_scale) * share ** np.exp(-log_shape)

    def _entropy(self, coordinates: np.ndarray) -> np.ndarray:
        log_scale, log_shape = coordinates.T
        return np.euler_gamma * -np.expm1(-log_shape) + log_scale - log_shape + 1

    def _kl(self, coordinates: np.ndarray, others: np.ndarray) -> np.ndarray:
        (m, a), (n, b) = coordinates.T, others.T
        ratio, gap = np.exp(b - a), np.exp(b) * (m - n)
        moment = np.exp(gap) * gamma(1 + ratio)
        return moment - 1 - gap + (a - b) - np.euler_gamma * (1 - ratio)

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        log_scale, log_shape = coordinates.T
        z = np.exp(log_shape) * (np.log(np.maximum(targets, 0)) - log_scale)
        return -np.expm1(-np.exp(z))

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        log_scale, log_shape = coordinates.T
        logs = np.log(rng.standard_exponential(len(coordinates)))
        times = np.exp(log_scale + logs * np.exp(-log_shape))
        return np.stack([times, np.ones_like(times)], axis=1)

    def _start(self, targets: np.ndarray) -> np.ndarray:
        """The shape from the spread of the log times that were seen, and the scale that fits it."""
        log_time, seen = np.log(targets[:, 0]), targets[:, 1] == 1
        spread = float(np.std(log_time[seen])) if np.any(seen) else 0.0
        log_shape = math.log(math.pi / math.sqrt(6) / spread) if spread > 0 else 0.0
        shape, top = math.exp(log_shape), float(np.max(log_time))
        # λ^k = Σ t^k / events, with half an event where there is none
        total = np.log(np.sum(np.exp(shape * (log_time - top)))) - np.log(max(np.sum(seen), 0.5))
        return np.array([top + float(total) / shape, log_shape])


class LogNormalSurvival(Survival):
    """Log-normal times with censoring; −log Φ(−z), z = (log t − μ)/σ, where the event was not seen.

    Scores are μ, the mean of log t, and log σ.  Where all events are seen it is the log-normal
    likelihood.

    Args:
        inverse_link: of the scale, "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.LogNormalSurvival().loss([[0.0, 0.0]], [[1.0, 0]])
        array([0.69314718])
    """

    known_as = MappingProxyType({})

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("location of log t", "log scale")

    @property
    def positive(self) -> tuple[bool, ...]:
        return (False, True)

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        return LogNormal()._parameters(coordinates)

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        z = _standardized(coordinates, targets)
        seen = LogNormal()._loss(coordinates, targets[..., 0])
        return jnp.where(targets[..., 1] == 1, seen, -log_normal_survival(z))

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        z, log_scale = _standardized(coordinates, targets), coordinates[..., 1]
        log_hazard = log_normal_hazard(z)
        d = jnp.log(targets[..., 0]) - coordinates[..., 0]
        # h(z)/σ and z h(z), the latter through d, which is finite where z is not
        pull = jnp.exp(log_hazard - log_scale)
        left = jnp.stack([-pull, -scaled(d, log_hazard - log_scale)], axis=-1)
        seen = LogNormal()._score(coordinates, targets[..., 0])
        return jnp.where((targets[..., 1] == 1)[..., None], seen, left)

    def _fisher(self, coordinates: np.ndarray) -> np.ndarray:
        return LogNormal()._fisher(coordinates)

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        return LogNormal()._mean(coordinates)

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        return LogNormal()._mode(coordinates)

    def _entropy(self, coordinates: np.ndarray) -> np.ndarray:
        return LogNormal()._entropy(coordinates)

    def _kl(self, coordinates: np.ndarray, others: np.ndarray) -> np.ndarray:
        return LogNormal()._kl(coordinates, others)

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        z = (np.log(np.maximum(targets, 0)) - coordinates[:, 0]) * np.exp(-coordinates[:, 1])
        return ndtr(z)

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        times = LogNormal()._draw(coordinates, rng)
        return np.stack([times, np.ones_like(times)], axis=1)

    def _start(self, targets: np.ndarray) -> np.ndarray:
        """Mean and spread of the log times, the censored ones moved up as a first guess."""
        log_time, seen = np.log(targets[:, 0]), targets[:, 1] == 1
        location, spread = float(np.mean(log_time)), max(float(np.std(log_time)), 1e-6)
        for _ in range(20):  # EM: a censored time by its first two moments beyond it
            z = (log_time - location) / spread
            hazard = np.where(seen, 0, np.exp(np.asarray(log_hazard_of(z))))
            first = np.where(seen, z, hazard)
            second = np.where(seen, z**2, 1 + z * hazard)
            shift = float(np.mean(first))
            location += spread * shift
            spread *= math.sqrt(max(float(np.mean(second)) - shift**2, 1e-12))
        return np.array([location, math.log(spread)])


def log_hazard_of(z: np.ndarray) -> np.ndarray:
    """Log φ(z)/Φ(−z) in NumPy."""
    from scipy.special import log_ndtr

    return -0.5 * z**2 - 0.5 * math.log(2 * math.pi) - log_ndtr(-z)


def _log_times(
    coordinates: AnyArray, targets: AnyArray
) -> tuple[AnyArray, AnyArray, AnyArray, AnyArray]:
    """Log t, log t − log λ, k times that, and log k."""
    log_time, log_shape = jnp.log(targets[..., 0]), coordinates[..., 1]
    d = log_time - coordinates[..., 0]
    return log_time, d, scaled(d, log_shape), log_shape


def _standardized(coordinates: AnyArray, targets: AnyArray) -> AnyArray:
    return scaled(jnp.log(targets[..., 0]) - coordinates[..., 0], -coordinates[..., 1])
