"""The negative binomial, with its mean and its shape as parameters.

For a shape r ≥ 1 the loss is Loader's saddle-point form: two terms r g(d) and y g(d), which cannot
cancel, and Stirling's remainders.  As r → ∞ the first of them vanishes and the second is Poisson's.
For r < 1 the ratios of Gamma functions are formed from Stirling's remainder at the count alone.
"""

from types import MappingProxyType

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import digamma, gammaln
from scipy.special import betainc

from marginflow._types import AnyArray
from marginflow.likelihoods.expectation import Nodes, count_nodes
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.poisson import log_density_of
from marginflow.likelihoods.stable_terms import (
    HALF_LOG_2PI,
    binet,
    binet_slope,
    excess,
    log_excess,
)
from marginflow.likelihoods.support import COUNT, Support


class NegativeBinomial(Likelihood):
    """A count of mean μ and variance μ + μ²/r; scores are log μ and log r.

    The loss is −log Γ(y + r) + log Γ(r) + log y! + r log(1 + μ/r) + y log(1 + r/μ).  As r → ∞ it
    becomes the Poisson likelihood.

    Args:
        inverse_link: of both, "exp" or "softplus".

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> np.exp(-mf.NegativeBinomial().loss([[0.0, 0.0]], [3]))
        array([0.0625])

    Reference:
        Loader 2000, "Fast and accurate computation of binomial probabilities".
    """

    known_as = MappingProxyType(
        {"statsmodels": "discrete.discrete_model.NegativeBinomial (alpha = 1/r)"}
    )

    @property
    def support(self) -> Support:
        return COUNT

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
        counted = jnp.where(targets == 0, 1, targets)
        small = _of_small_shape(log_mean, jnp.minimum(log_shape, 0), counted)
        large = _of_large_shape(log_mean, jnp.maximum(log_shape, 0), counted)
        positive = jnp.where(log_shape < 0, small, large)
        return jnp.where(targets == 0, _of_zero(log_mean, log_shape), positive)

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        log_mean, log_shape = coordinates[..., 0], coordinates[..., 1]
        shape_share = jax.nn.sigmoid(log_shape - log_mean)
        # r (μ − y)/(r + μ), with r μ/(r + μ) = 1/(1/r + 1/μ) where μ may overflow
        above = jnp.exp(-jnp.logaddexp(-log_mean, -log_shape)) - targets * shape_share
        near = (jnp.exp(jnp.minimum(log_mean, 3)) - targets) * shape_share
        of_mean = jnp.where(log_mean < 3, near, above)
        of_shape = jnp.where(
            log_shape < 0,
            _pull_of_small_shape(log_mean, jnp.minimum(log_shape, 0), targets, of_mean),
            _pull_of_large_shape(log_mean, jnp.maximum(log_shape, 0), jnp.log(targets)),
        )
        # counts of 0 and 1, where the two forms cancel: r g(−log(1 + μ/r)), less μ/(r + μ) of a 1
        log_ratio = jax.nn.softplus(log_mean - log_shape)
        of_zero = jnp.exp(log_shape + log_excess(-log_ratio))
        of_one = of_zero - jax.nn.sigmoid(log_mean - log_shape)
        of_few = jnp.where(targets == 0, of_zero, of_one)
        return jnp.stack([of_mean, jnp.where(targets < 2, of_few, of_shape)], axis=-1)

    def _fisher(self, coordinates: np.ndarray) -> np.ndarray:
        """Mean and shape are orthogonal; the shape's own entry is a sum over counts."""
        fisher = super()._fisher(coordinates)
        fisher[:, 0, 0] = np.exp(-np.logaddexp(-coordinates[:, 0], -coordinates[:, 1]))
        fisher[:, 0, 1] = fisher[:, 1, 0] = 0
        return fisher

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        return np.exp(coordinates[:, 0])

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        return np.floor(np.maximum(-np.expm1(-coordinates[:, 1]), 0) * np.exp(coordinates[:, 0]))

    def _nodes(self, coordinates: np.ndarray, edges: np.ndarray | None) -> Nodes:
        log_mean, log_shape = coordinates.T
        mean = np.exp(log_mean)
        width = 12 * np.sqrt(mean + mean * np.exp(log_mean - log_shape))
        # from there on the counts fall off as (μ/(r + μ))^y
        tail = 46 / np.logaddexp(0, log_shape - log_mean)
        return count_nodes(
            mean - width, mean + width + tail + 40, log_density_of(self, coordinates)
        )

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        log_mean, log_shape = coordinates.T
        share = 1 / (1 + np.exp(log_mean - log_shape))
        counts = np.maximum(np.floor(targets), 0)
        return np.where(targets < 0, 0, betainc(np.exp(log_shape), counts + 1, share))

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        shape = np.exp(coordinates[:, 1])
        rate = rng.standard_gamma(shape) * np.exp(coordinates[:, 0] - coordinates[:, 1])
        return rng.poisson(rate).astype(np.float64)

    def _start(self, targets: np.ndarray) -> np.ndarray:
        """The mean, which is exact, and the shape that gives the variance."""
        mean, variance = float(np.mean(targets)), float(np.var(targets))
        if mean == 0:
            return np.array([-np.inf, 0.0])
        # no excess over Poisson's variance: a shape so large that it no longer matters
        surplus = max(variance - mean, mean**2 / (1e3 * len(targets)))
        return np.array([np.log(mean), 2 * np.log(mean) - np.log(surplus)])


def _of_zero(log_mean: AnyArray, log_shape: AnyArray) -> AnyArray:
    """R log(1 + μ/r)."""
    d = log_mean - log_shape
    ratio = jnp.exp(jnp.minimum(d, 0))
    safe = jnp.where(ratio == 0, 1, ratio)
    below = jnp.exp(log_mean) * jnp.where(ratio == 0, 1, jnp.log1p(safe) / safe)
    return jnp.where(d < 0, below, jnp.exp(log_shape) * jax.nn.softplus(jnp.maximum(d, 0)))


def _gap(log_mean: AnyArray, log_shape: AnyArray, log_count: AnyArray) -> AnyArray:
    """log((r + y)/(r + μ))."""
    return jax.nn.softplus(log_count - log_shape) - jax.nn.softplus(log_mean - log_shape)


def _of_large_shape(log_mean: AnyArray, log_shape: AnyArray, counts: AnyArray) -> AnyArray:
    log_count = jnp.log(counts)
    gap = _gap(log_mean, log_shape, log_count)
    # log(y⁻¹ μ (r + y)/(r + μ)), by whichever way has no large terms
    of_count = jnp.where(
        log_shape > log_mean,
        (log_mean - log_count) + gap,
        jax.nn.softplus(log_shape - log_count) - jax.nn.softplus(log_shape - log_mean),
    )
    remainder = binet(log_shape) + binet(log_count) - binet(jnp.logaddexp(log_shape, log_count))
    return (
        jnp.exp(log_shape + log_excess(gap))
        + counts * excess(of_count)
        + 0.5 * (log_count + jax.nn.softplus(log_count - log_shape))
        + HALF_LOG_2PI
        + remainder
    )


def _of_small_shape(log_mean: AnyArray, log_shape: AnyArray, counts: AnyArray) -> AnyArray:
    log_count, shape = jnp.log(counts), jnp.exp(log_shape)
    log_total = jnp.log(counts + shape)
    # log y! − log Γ(y + r)
    ratio = (
        log_count
        - (counts - 0.5) * jnp.log1p(shape / counts)
        - shape * log_total
        + shape
        + (binet(log_count) - binet(log_total))
    )
    return (
        _of_zero(log_mean, log_shape)
        + counts * jax.nn.softplus(log_shape - log_mean)
        - log_shape
        + gammaln(1 + shape)
        + ratio
    )


def _pull_of_small_shape(
    log_mean: AnyArray, log_shape: AnyArray, targets: AnyArray, of_mean: AnyArray
) -> AnyArray:
    """The derivative in log r, for counts of 2 and more."""
    shape = jnp.exp(log_shape)
    gap = digamma(1 + shape) - digamma(jnp.maximum(targets, 2) + shape)
    return shape * gap - 1 + _of_zero(log_mean, log_shape) - of_mean


def _pull_of_large_shape(log_mean: AnyArray, log_shape: AnyArray, log_count: AnyArray) -> AnyArray:
    share = jax.nn.sigmoid(log_shape - log_count)
    return (
        jnp.exp(log_shape + log_excess(_gap(log_mean, log_shape, log_count)))
        - 0.5 * jax.nn.sigmoid(log_count - log_shape)
        + binet_slope(log_shape)
        - share * binet_slope(jnp.logaddexp(log_shape, log_count))
    )
