"""Shares: the Dirichlet distribution of soft labels, and the beta distribution of one proportion.

With n = Σ a_k and p = a/n the loss is n KL(p‖y) and terms that grow as logarithms.  The divergence
is summed as Σ a_k g(log y_k − log p_k) with g(d) = e^d − 1 − d ≥ 0, so that concentrations that
overflow cancel nothing.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import betainc, digamma, gammaln, polygamma, softmax

from marginflow._types import AnyArray
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.stable_terms import (
    HALF_LOG_2PI,
    binet,
    binet_slope,
    log_excess,
    scaled,
)
from marginflow.likelihoods.support import PROPORTION, Support, simplex


class Shares(Likelihood):
    """The base of both: logarithms of concentrations (..., K), and of K shares."""

    @property
    def positive(self) -> tuple[bool, ...]:
        return (True,) * self.n_scores

    def _fisher(self, coordinates: np.ndarray) -> np.ndarray:
        a = np.exp(coordinates)
        fisher = -a[:, :, None] * a[:, None, :] * polygamma(1, a.sum(axis=1))[:, None, None]
        own = np.arange(self.n_scores)
        fisher[:, own, own] += a**2 * polygamma(1, a)
        return fisher

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        return softmax(coordinates, axis=1)

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        above = np.maximum(np.expm1(coordinates), 0)
        corner = np.eye(self.n_scores)[np.argmax(coordinates, axis=1)]
        total = above.sum(axis=1, keepdims=True)
        return np.where(total > 0, above / np.where(total > 0, total, 1), corner)

    def _entropy(self, coordinates: np.ndarray) -> np.ndarray:
        a = np.exp(coordinates)
        n = a.sum(axis=1)
        mean_logs = np.sum((a - 1) * (digamma(a) - digamma(n)[:, None]), axis=1)
        return np.sum(gammaln(a), axis=1) - gammaln(n) - mean_logs

    def _kl(self, coordinates: np.ndarray, others: np.ndarray) -> np.ndarray:
        a, b = np.exp(coordinates), np.exp(others)
        n, m = a.sum(axis=1), b.sum(axis=1)
        normalizers = gammaln(n) - gammaln(m) - np.sum(gammaln(a) - gammaln(b), axis=1)
        return normalizers + np.sum((a - b) * (digamma(a) - digamma(n)[:, None]), axis=1)

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        a = np.exp(coordinates)
        # Gamma(a) = Gamma(a + 1) U^(1/a): in logarithms, so that small a leave no row of zeros
        logs = np.log(rng.standard_gamma(a + 1)) + np.log1p(-rng.random(a.shape)) / a
        return softmax(logs, axis=1)

    def _start(self, targets: np.ndarray) -> np.ndarray:
        """The means, and the concentration that gives the mean of the logarithms approximately."""
        means = targets.mean(axis=0)
        spread = np.sum(means * (np.log(means) - np.mean(np.log(targets), axis=0)))
        total = 0.5 * (self.n_scores - 1) / max(float(spread), 1e-12)
        return np.log(means * total)


class Dirichlet(Shares):
    """Rows of K shares, as soft labels; scores are the logarithms of the concentrations a_k.

    The loss is Σ log Γ(a_k) − log Γ(Σ a_k) − Σ (a_k − 1) log y_k, of the density in the first K−1
    shares.  For K = 2 it is the beta likelihood.

    Args:
        n_classes: K ≥ 2.
        inverse_link: of the concentrations, "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.Dirichlet(3).loss([[0.0, 0.0, 0.0]], [[0.25, 0.25, 0.5]])
        array([-0.69314718])
    """

    n_classes: int = eqx.field(static=True, default=3)

    def __check_init__(self):
        if self.n_classes < 2:
            raise ValueError(f"{self.name}: expected n_classes >= 2, got {self.n_classes}.")

    @property
    def support(self) -> Support:
        return simplex(self.n_classes)

    @property
    def score_names(self) -> tuple[str, ...]:
        return tuple(f"log concentration {k}" for k in range(self.n_classes))

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        return {"concentrations": jnp.exp(coordinates)}

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        return _loss_of_logs(coordinates, jnp.log(targets))

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        return _score_of_logs(coordinates, jnp.log(targets))

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        raise NotImplementedError(
            f"{self.name}: a row of shares has no order and so no cdf; each share alone follows "
            "Beta() with its own concentration and the sum of the others."
        )


class Beta(Shares):
    """A proportion between 0 and 1; scores are the logarithms of the shapes a and b.

    The loss is log B(a, b) − (a − 1) log y − (b − 1) log(1 − y).

    Args:
        inverse_link: of both, "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.Beta().mean([[0.0, 0.0]])
        array([0.5])
    """

    @property
    def support(self) -> Support:
        return PROPORTION

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("log a", "log b")

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        return {"a": jnp.exp(coordinates[..., 0]), "b": jnp.exp(coordinates[..., 1])}

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        return _loss_of_logs(coordinates, _both_logs(targets))

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        return _score_of_logs(coordinates, _both_logs(targets))

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        return super()._mean(coordinates)[:, 0]

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        return super()._mode(coordinates)[:, 0]

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        a, b = np.exp(coordinates).T
        return betainc(a, b, np.clip(targets, 0, 1))

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return super()._draw(coordinates, rng)[:, 0]

    def _start(self, targets: np.ndarray) -> np.ndarray:
        return super()._start(np.stack([targets, 1 - targets], axis=1))


def _both_logs(targets: AnyArray) -> AnyArray:
    return jnp.stack([jnp.log(targets), jnp.log1p(-targets)], axis=-1)


def _log_shares(logs: AnyArray) -> AnyArray:
    """The logarithm of the softmax, −log(1 + Σ_{j≠k} e^(a_j − a_k)), right where a share is one."""
    own = jnp.eye(logs.shape[-1], dtype=bool)
    others = jax.nn.logsumexp(jnp.where(own, -jnp.inf, logs[..., None, :]), axis=-1)
    return -jax.nn.softplus(others - logs)


def _loss_of_logs(coordinates: AnyArray, logs: AnyArray) -> AnyArray:
    total = jax.nn.logsumexp(coordinates, axis=-1)
    gap = logs - _log_shares(coordinates)
    # a g(d), from a e^d = n y where that leads: a may be tiny and d large
    wide = jnp.maximum(gap, 1)
    left = jnp.log1p(-(1 + wide) * jnp.exp(-wide))
    log_divergence = jnp.where(
        gap > 1, total[..., None] + logs + left, coordinates + log_excess(gap)
    )
    divergence = jnp.exp(log_divergence)
    each = divergence + logs + (binet(coordinates) - 0.5 * coordinates + HALF_LOG_2PI)
    return jnp.sum(each, axis=-1) + 0.5 * total - binet(total) - HALF_LOG_2PI


def _score_of_logs(coordinates: AnyArray, logs: AnyArray) -> AnyArray:
    total = jax.nn.logsumexp(coordinates, axis=-1, keepdims=True)
    log_shares = _log_shares(coordinates)
    pull = scaled(log_shares - logs, coordinates)
    # −½ (1 − p) + J′(log a) − p J′(log n), the latter as differences that vanish with 1 − p
    of_total = binet_slope(total)
    return pull + (0.5 - of_total) * jnp.expm1(log_shares) + (binet_slope(coordinates) - of_total)
