"""The density of a Gaussian mixture, as a mixture density network outputs it."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr, softmax

from marginflow._types import AnyArray
from marginflow.likelihoods.discrete import draw_classes
from marginflow.likelihoods.expectation import Nodes, octaves, panel_nodes
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.poisson import log_density_of
from marginflow.likelihoods.stable_terms import HALF_LOG_2PI, scaled, share_difference
from marginflow.likelihoods.support import REAL, Support
from marginflow.losses.log_sum import log_shares, log_sum


class GaussianMixture(Likelihood):
    """A number from one of m Gaussians: −log Σ_k π_k N(y; μ_k, σ_k²).

    The 3m scores are m logits of π, m means, and m logarithms of σ.

    Args:
        n_components: m ≥ 1.
        inverse_link: of the scales, "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.GaussianMixture(2).mean([[0.0, 0.0, -1.0, 3.0, 0.0, 0.0]])
        array([1.])

    Reference:
        Bishop 1994, "Mixture density networks".
    """

    n_components: int = eqx.field(static=True, default=2)

    def __check_init__(self):
        if self.n_components < 1:
            raise ValueError(f"{self.name}: expected n_components >= 1, got {self.n_components}.")

    @property
    def support(self) -> Support:
        return REAL

    @property
    def score_names(self) -> tuple[str, ...]:
        names = ("logit", "mean", "log scale")
        return tuple(f"{name} {k}" for name in names for k in range(self.n_components))

    @property
    def positive(self) -> tuple[bool, ...]:
        return tuple(i >= 2 * self.n_components for i in range(3 * self.n_components))

    def _parts(self, coordinates: Any) -> tuple[Any, Any, Any]:
        m = self.n_components
        return coordinates[..., :m], coordinates[..., m : 2 * m], coordinates[..., 2 * m :]

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        logits, means, log_scales = self._parts(coordinates)
        weights = jax.nn.softmax(logits, axis=-1)
        return {"weights": weights, "means": means, "scales": jnp.exp(log_scales)}

    def _terms(self, coordinates: AnyArray, targets: AnyArray) -> tuple[AnyArray, ...]:
        """Log π, the residuals, log σ, z, and log π_k − log σ_k."""
        logits, means, log_scales = self._parts(coordinates)
        residuals = targets[..., None] - means
        log_weights = log_shares(logits)
        return log_weights, residuals, log_scales, scaled(residuals, -log_scales)

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        log_weights, _, log_scales, z = self._terms(coordinates, targets)
        return HALF_LOG_2PI - log_sum(log_weights - log_scales - 0.5 * z**2)

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        log_weights, residuals, log_scales, z = self._terms(coordinates, targets)
        log_shares_ = _log_responsibilities(log_weights, residuals, log_scales, z)
        log_size = jnp.log(jnp.abs(residuals)) - log_scales
        of_means = -scaled(jnp.sign(residuals), log_shares_ + log_size - log_scales)
        squares = jnp.where(residuals == 0, 0, jnp.exp(log_shares_ + 2 * log_size))
        of_scales = jnp.exp(log_shares_) - squares
        of_logits = share_difference(log_weights, log_shares_)
        return jnp.concatenate([of_logits, of_means, of_scales], axis=-1)

    def _edges(self, coordinates: np.ndarray) -> np.ndarray:
        _, means, log_scales = self._parts(coordinates)
        pairs = zip(means.T, np.exp(log_scales).T, strict=True)
        return np.concatenate([octaves(mean, scale, 32.0) for mean, scale in pairs], axis=1)

    def _nodes(self, coordinates: np.ndarray, edges: np.ndarray | None) -> Nodes:
        own = self._edges(coordinates)
        if edges is not None:
            low, high = own.min(axis=1, keepdims=True), own.max(axis=1, keepdims=True)
            own = np.concatenate([own, np.clip(edges, low, high)], axis=1)
        return panel_nodes(own, log_density_of(self, coordinates))

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        logits, means, _ = self._parts(coordinates)
        return np.sum(softmax(logits, axis=1) * means, axis=1)

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        """The best of the ascents from each mean, by the mean-shift iteration."""
        logits, means, log_scales = self._parts(coordinates)
        log_heights = logits - log_scales
        precisions = np.exp(-2 * log_scales)[:, None, :]
        places = means.copy()
        for _ in range(500):
            gaps = places[:, :, None] - means[:, None, :]
            logs = log_heights[:, None, :] - 0.5 * gaps**2 * precisions
            pulls = softmax(logs, axis=2) * precisions
            moved = np.sum(pulls * means[:, None, :], axis=2) / np.sum(pulls, axis=2)
            if np.all(np.abs(moved - places) <= 1e-15 * np.abs(places)):
                break
            places = moved
        rows = np.repeat(coordinates, self.n_components, axis=0)
        losses = self._loss_rows(rows, places.reshape(-1)).reshape(places.shape)
        best = np.argmin(losses, axis=1)[:, None]
        return np.take_along_axis(places, best, axis=1)[:, 0]

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        logits, means, log_scales = self._parts(coordinates)
        z = (targets[:, None] - means) * np.exp(-log_scales)
        return np.sum(softmax(logits, axis=1) * ndtr(z), axis=1)

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        logits, means, log_scales = self._parts(coordinates)
        chosen = draw_classes(softmax(logits, axis=1), rng).astype(np.int64)[:, None]
        mean = np.take_along_axis(means, chosen, axis=1)[:, 0]
        log_scale = np.take_along_axis(log_scales, chosen, axis=1)[:, 0]
        return mean + np.exp(log_scale) * rng.standard_normal(len(mean))

    def _start(self, targets: np.ndarray) -> np.ndarray:
        """Means at the middle of m equal parts of the sorted targets, a spread of that width."""
        m = self.n_components
        means = np.quantile(targets, (np.arange(m) + 0.5) / m)
        spread = float(np.std(targets)) / m
        log_scale = np.log(spread) if spread > 0 else 0.0
        return np.concatenate([np.zeros(m), means, np.full(m, log_scale)])


def _log_responsibilities(
    log_weights: AnyArray, residuals: AnyArray, log_scales: AnyArray, z: AnyArray
) -> AnyArray:
    """The logarithm of each component's share in the density.

    Where every square overflows, the components with the least |z| share it alone.
    """
    log_heights = log_weights - log_scales
    log_sizes = jnp.log(jnp.abs(residuals)) - log_scales
    nearest = log_sizes == jnp.min(log_sizes, axis=-1, keepdims=True)
    costs = 0.5 * z**2
    lost = jnp.all(jnp.isinf(costs), axis=-1, keepdims=True)
    of_nearest = jnp.where(nearest, log_heights, -jnp.inf)
    return log_shares(jnp.where(lost, of_nearest, log_heights - costs))
