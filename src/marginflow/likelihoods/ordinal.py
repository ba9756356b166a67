"""Classes with an order: the cumulative logit, or proportional-odds, model."""

from types import MappingProxyType

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit

from marginflow._types import AnyArray
from marginflow.likelihoods.discrete import draw_classes, kl_of_logs
from marginflow.likelihoods.expectation import Nodes
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.support import Support, classes
from marginflow.losses.log_sum import log_fraction


class Ordinal(Likelihood):
    """A label in 0..K−1 with P(Y > j) = σ(θ − Σ_{i≤j} e^(g_i)), the cumulative logit.

    Scores are θ, the log-odds of exceeding class 0, and the logarithms of the K−2 gaps between
    successive thresholds, which are positive by that.  A proportional-odds regression makes θ
    linear in the features and the gaps constant.  With K = 2 it is the Bernoulli likelihood.

    Args:
        n_classes: K ≥ 2.
        inverse_link: of the gaps, "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.Ordinal(3).link([[0.0, 0.0]])["probabilities"].round(3)
        array([[0.5  , 0.231, 0.269]])

    Reference:
        McCullagh 1980, "Regression models for ordinal data", section 2.
    """

    n_classes: int = eqx.field(static=True, default=3)
    known_as = MappingProxyType({"statsmodels": "miscmodels.ordinal_model.OrderedModel"})

    def __check_init__(self):
        if self.n_classes < 2:
            raise ValueError(f"{self.name}: expected n_classes >= 2, got {self.n_classes}.")

    @property
    def support(self) -> Support:
        return classes("ordinal", self.n_classes)

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("log-odds above 0", *(f"log gap {i}" for i in range(1, self.n_classes - 1)))

    @property
    def positive(self) -> tuple[bool, ...]:
        return (False, *(True,) * (self.n_classes - 2))

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        every = jnp.broadcast_to(
            jnp.arange(self.n_classes), (*coordinates.shape[:-1], self.n_classes)
        )
        return {
            "thresholds": -_log_odds(coordinates),
            "probabilities": jnp.exp(-self._loss(coordinates[..., None, :], every)),
        }

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        upper, lower, log_gap = _around(coordinates, targets)
        return jax.nn.softplus(-upper) + jax.nn.softplus(lower) - log_fraction(log_gap)

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        upper, lower, log_gap = _around(coordinates, targets)
        of_both = _sigmoid_sum(upper, lower)
        # the own gap moves the lower end alone; its pull is gap/(e^gap − 1) + gap σ(lower)
        gap = jnp.exp(log_gap)
        finite = jnp.where(jnp.isinf(log_gap), 0, log_gap)
        opening = jnp.exp(finite - gap - log_fraction(log_gap))
        of_own = -opening - jnp.exp(finite - jax.nn.softplus(-lower))
        index, own = jnp.arange(1, self.n_classes - 1), targets[..., None]
        gaps = jnp.exp(coordinates[..., 1:])
        pulled = jnp.where(of_both[..., None] == 0, 0, -gaps * of_both[..., None])
        of_gaps = jnp.where(index < own, pulled, jnp.where(index == own, of_own[..., None], 0))
        return jnp.concatenate([of_both[..., None], of_gaps], axis=-1)

    def _probabilities(self, coordinates: np.ndarray) -> np.ndarray:
        return np.exp(self._log_probabilities(coordinates))

    def _log_probabilities(self, coordinates: np.ndarray) -> np.ndarray:
        n, k = len(coordinates), self.n_classes
        labels = np.tile(np.arange(float(k)), n)
        return -self._loss_rows(np.repeat(coordinates, k, axis=0), labels).reshape(n, k)

    def _nodes(self, coordinates: np.ndarray, edges: np.ndarray | None) -> Nodes:
        logs = self._log_probabilities(coordinates)
        labels = np.broadcast_to(np.arange(float(self.n_classes)), logs.shape)
        return Nodes(labels, np.zeros_like(logs), logs)

    def _kl(self, coordinates: np.ndarray, others: np.ndarray) -> np.ndarray:
        return kl_of_logs(self._log_probabilities(coordinates), self._log_probabilities(others))

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        return self._probabilities(coordinates) @ np.arange(self.n_classes)

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        return np.argmax(self._log_probabilities(coordinates), axis=1).astype(np.float64)

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        steps = np.cumsum(np.exp(coordinates[:, 1:]), axis=1)
        below = expit(-coordinates[:, :1] + np.pad(steps, ((0, 0), (1, 0))))
        table = np.pad(below, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
        index = np.clip(np.floor(targets).astype(np.int64) + 1, 0, self.n_classes)
        return np.take_along_axis(table, index[:, None], axis=1)[:, 0]

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return draw_classes(self._probabilities(coordinates), rng)

    def _start(self, targets: np.ndarray) -> np.ndarray:
        """The cumulative frequencies' log-odds, exact where every class occurs."""
        counts = np.bincount(targets.astype(np.int64), minlength=self.n_classes)
        # half an observation more in each class where one is missing: its gap would be log 0
        counts = counts + (0.5 if np.any(counts == 0) else 0.0)
        above = np.cumsum(counts[::-1])[::-1][1:]
        log_odds = np.log(above) - np.log(counts.sum() - above)
        return np.concatenate([log_odds[:1], np.log(-np.diff(log_odds))])


def _log_odds(coordinates: AnyArray) -> AnyArray:
    """Of exceeding class j, (..., K−1)."""
    first, gaps = coordinates[..., :1], jnp.exp(coordinates[..., 1:])
    return jnp.concatenate([first, first - jnp.cumsum(gaps, axis=-1)], axis=-1)


def _sigmoid_sum(upper: AnyArray, lower: AnyArray) -> AnyArray:
    """σ(lower) − σ(−upper), as a product that keeps its digits where both are nearly equal."""
    total = upper + lower
    side = jnp.where(total < 0, -1, 1)
    product = jax.nn.sigmoid(side * upper) * jax.nn.sigmoid(side * lower)
    return -side * product * jnp.expm1(-jnp.abs(total))


def _around(coordinates: AnyArray, targets: AnyArray) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Log-odds of reaching the target's class and of exceeding it, and the log of their gap."""
    odds = _log_odds(coordinates)
    end = jnp.full_like(odds[..., :1], jnp.inf)
    ends = jnp.concatenate([end, odds, -end], axis=-1)
    log_gaps = jnp.concatenate([end, coordinates[..., 1:], end], axis=-1)
    shape = jnp.broadcast_shapes(ends.shape[:-1], targets.shape)
    index = jnp.broadcast_to(targets.astype(jnp.int32), shape)[..., None]

    def at(table: AnyArray, place: AnyArray) -> AnyArray:
        table = jnp.broadcast_to(table, (*shape, table.shape[-1]))
        return jnp.take_along_axis(table, place, axis=-1)[..., 0]

    return at(ends, index), at(ends, index + 1), at(log_gaps, index)
