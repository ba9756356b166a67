"""Counts: Poisson, and Poisson with zeros added.

The loss is written as y g(log λ − log y) with g(d) = e^d − 1 − d, plus Stirling's remainder.  The
sum λ − y log λ + log y! has terms of the size y log y that cancel near λ = y.
"""

from types import MappingProxyType

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit, pdtr

from marginflow._types import AnyArray
from marginflow.likelihoods.expectation import Nodes, count_nodes
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.stable_terms import HALF_LOG_2PI, binet, excess
from marginflow.likelihoods.support import COUNT, Support
from marginflow.losses.log_sum import log_fraction


class Poisson(Likelihood):
    """A count of rate λ: λ − y log λ + log y!, with one score, log λ.

    Args:
        inverse_link: "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.Poisson(inverse_link="softplus").link([0.0, 10.0])
        {'rate': array([ 0.69314718, 10.0000454 ])}
    """

    known_as = MappingProxyType(
        {
            "torch": "PoissonNLLLoss(full=False)",
            "keras": "Poisson",
            "scikit-learn": "poisson",
            "statsmodels": "families.Poisson",
        }
    )

    @property
    def support(self) -> Support:
        return COUNT

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("log rate",)

    @property
    def positive(self) -> tuple[bool, ...]:
        return (True,)

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        return {"rate": jnp.exp(coordinates[..., 0])}

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        return poisson_loss(coordinates[..., 0], targets)

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        return jnp.exp(coordinates) - targets[..., None]

    def _fisher(self, coordinates: np.ndarray) -> np.ndarray:
        return np.exp(coordinates)[:, :, None]

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        return np.exp(coordinates[:, 0])

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        return np.floor(np.exp(coordinates[:, 0]))

    def _nodes(self, coordinates: np.ndarray, edges: np.ndarray | None) -> Nodes:
        return poisson_nodes(self, coordinates, coordinates[:, 0])

    def _kl(self, coordinates: np.ndarray, others: np.ndarray) -> np.ndarray:
        d = (others - coordinates)[:, 0]
        return np.exp(coordinates[:, 0]) * (np.expm1(d) - d)

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return poisson_cdf(coordinates[:, 0], targets)

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return rng.poisson(np.exp(coordinates[:, 0])).astype(np.float64)

    def _start(self, targets: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.log(np.mean(targets, keepdims=True))


class ZeroInflatedPoisson(Likelihood):
    """A zero with probability π, else a Poisson count; scores are log λ and the log-odds of π.

    Args:
        inverse_link: of the rate, "exp" or "softplus".

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> np.exp(-mf.ZeroInflatedPoisson().loss([[0.0, 0.0]], [0]))
        array([0.68393972])

    Reference:
        Lambert 1992, "Zero-inflated Poisson regression", section 2.
    """

    known_as = MappingProxyType({"statsmodels": "discrete.count_model.ZeroInflatedPoisson"})

    @property
    def support(self) -> Support:
        return COUNT

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("log rate", "log-odds of a sure zero")

    @property
    def positive(self) -> tuple[bool, ...]:
        return (True, False)

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        return {
            "rate": jnp.exp(coordinates[..., 0]),
            "inflation": jax.nn.sigmoid(coordinates[..., 1]),
        }

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        log_rate, odds = coordinates[..., 0], coordinates[..., 1]
        # −log(π + (1 − π) e^(−λ)) = log(1 + (1 − e^(−λ)) / (e^γ + e^(−λ)))
        total = jnp.logaddexp(odds, -jnp.exp(log_rate))
        of_zero = jax.nn.softplus(log_fraction(log_rate) - total)
        of_others = jax.nn.softplus(odds) + poisson_loss(log_rate, targets)
        return jnp.where(targets == 0, of_zero, of_others)

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        log_rate, odds = coordinates[..., 0], coordinates[..., 1]
        rate = jnp.exp(log_rate)
        both = rate + odds
        rate_at_zero = jnp.exp(log_rate - jax.nn.softplus(both))
        odds_at_zero = -jnp.exp(
            log_fraction(log_rate) - jax.nn.softplus(-both) - jax.nn.softplus(odds)
        )
        at_zero = jnp.stack([rate_at_zero, odds_at_zero], axis=-1)
        elsewhere = jnp.stack([rate - targets, jax.nn.sigmoid(odds)], axis=-1)
        return jnp.where((targets == 0)[..., None], at_zero, elsewhere)

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        return np.exp(coordinates[:, 0]) * expit(-coordinates[:, 1])

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        top = np.floor(np.exp(coordinates[:, 0]))
        at_zero = self._loss_rows(coordinates, np.zeros_like(top))
        return np.where(self._loss_rows(coordinates, top) < at_zero, top, 0.0)

    def _nodes(self, coordinates: np.ndarray, edges: np.ndarray | None) -> Nodes:
        counts = poisson_nodes(self, coordinates, coordinates[:, 0], least=1.0)
        zero = np.zeros((len(coordinates), 1))
        at_zero = -self._loss_rows(coordinates, zero[:, 0])[:, None]
        return Nodes(
            np.concatenate([zero, counts.targets], axis=1),
            np.concatenate([zero, counts.log_weights], axis=1),
            np.concatenate([at_zero, counts.log_density], axis=1),
        )

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        sure = np.where(targets < 0, 0, expit(coordinates[:, 1]))
        return sure + expit(-coordinates[:, 1]) * poisson_cdf(coordinates[:, 0], targets)

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        counts = rng.poisson(np.exp(coordinates[:, 0])).astype(np.float64)
        return np.where(rng.random(len(counts)) < expit(coordinates[:, 1]), 0.0, counts)

    def _start(self, targets: np.ndarray) -> np.ndarray:
        """The mean of the positive counts gives λ, the zeros beyond e^(−λ) give π."""
        share, above = np.mean(targets > 0), targets[targets > 0]
        if not above.size:
            return np.array([-1.0, np.log(len(targets))])
        mean = float(np.mean(above))
        rate = max(mean, 1 + 0.5 / len(above))
        for _ in range(50):  # λ/(1 − e^(−λ)) = mean, by a contraction
            rate = mean * -np.expm1(-rate)
            if rate < 0.5 / len(above):
                rate = 0.5 / len(above)
                break
        inflation = np.clip(1 - share / -np.expm1(-rate), 0.5 / len(targets), 1 - share)
        inflation = max(float(inflation), 0.5 / len(targets))
        return np.array([np.log(rate), np.log(inflation) - np.log1p(-inflation)])


def poisson_loss(log_rate: AnyArray, targets: AnyArray) -> AnyArray:
    """λ − y log λ + log y!, in JAX."""
    log_count = jnp.log(jnp.where(targets == 0, 1, targets))
    near = targets * excess(log_rate - log_count)
    remainder = HALF_LOG_2PI + 0.5 * log_count + binet(log_count)
    return jnp.where(targets == 0, jnp.exp(log_rate), near + remainder)


def poisson_cdf(log_rate: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """P(Y ≤ y), zero below zero."""
    return np.where(targets < 0, 0, pdtr(np.maximum(np.floor(targets), 0), np.exp(log_rate)))


def poisson_nodes(
    likelihood: Likelihood, coordinates: np.ndarray, log_rate: np.ndarray, least: float = 0.0
) -> Nodes:
    """The counts that a Poisson variable reaches."""
    rate = np.exp(log_rate)
    width = 12 * np.sqrt(rate)
    low = np.maximum(rate - width, least)
    return count_nodes(low, rate + width + 40, log_density_of(likelihood, coordinates))


def log_density_of(likelihood: Likelihood, coordinates: np.ndarray):
    """The function of targets (n, m) that a quadrature asks for."""

    def log_density(targets: np.ndarray) -> np.ndarray:
        rows = np.repeat(coordinates, targets.shape[1], axis=0)
        return -likelihood._loss_rows(rows, targets.reshape(-1)).reshape(targets.shape)

    return log_density
