"""The mean path of gradient descent on minibatches, and how far a run strays from it.

By reshuffling, an epoch of m = ⌊n/b⌋ steps is W − η Σ_j G_j + η² Σ_(i<j) H_j G_i to second order,
over batches i before j.  Two of them have no sample in common, so that over permutations

    E Σ_(i<j) H_j G_i = ½ m (m − 1) b²/(n (n − 1)) (H G − S),    S = Σ_i H_i G_i over samples,

and with h = η b/n the mean path is, in time that counts steps, that of

    dW/dk = −h G − ½ m h² [(1 − κ) H G + κ S],    κ = (1 − 1/m) n/(n − 1).

m = 1 is gradient descent.  A run strays from its mean by what a permutation leaves of both sums: of
the first only where samples sit an epoch out, n mod b of them.  With replacement every step strays
at first order.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.log_time_field import LogTimeField

# So many permutations tell the variance of an epoch.
PERMUTATIONS = 12


class MeanField(LogTimeField):
    """dW/ds of the mean path, and the covariance that a run gathers.

    Attributes:
        per_epoch: m, the steps of an epoch.
        batch_size: b.
        reshuffled: whether by reshuffling, or with replacement (m = 1).
    """

    per_epoch: int = eqx.field(static=True, default=1)
    batch_size: int = eqx.field(static=True, default=1)
    reshuffled: bool = eqx.field(static=True, default=True)

    def terms(self, log_time: AnyArray, weights: AnyArray) -> tuple[AnyArray, ...]:
        """The terms of first and second order in the step."""
        maps, n, m = self.margin_map, self.margin_map.n_samples, self.per_epoch
        margins = maps.margins(weights)
        pulls = self._pulls(log_time, margins)
        gradient = maps.adjoint(pulls)
        whole = self._bent(log_time, margins, maps.margins(gradient))
        share = (1 - 1 / m) * n / (n - 1) if self.reshuffled and n > 1 else 0.0
        own = self._bent(log_time, margins, jax.vmap(self._own_margins)(*self._samples(), pulls))
        curved = (1 - share) * whole + share * own
        return -gradient, -jnp.exp(-log_time) * m / 2 * curved

    def strays(self, log_time: AnyArray, weights: AnyArray) -> AnyArray:
        """F, (r, size), whose FᵀF is the covariance that a run gathers per unit of log time."""
        maps, n, size = self.margin_map, self.margin_map.n_samples, self.batch_size
        margins = maps.margins(weights)
        pulls = self._pulls(log_time, margins) * (n / size)
        each = jax.vmap(self._own_gradient)(*self._samples(), pulls)
        centered = each - jnp.mean(each, axis=0)
        if not self.reshuffled:
            return jnp.sqrt(size / n * jnp.exp(-log_time)) * centered.reshape(n, -1)
        m = self.per_epoch
        curvature = jnp.log(n / size)

        def strayed(order: AnyArray) -> tuple[AnyArray, AnyArray]:
            chosen = order[: m * size].reshape(m, size)
            batches = jnp.sum(each[chosen], axis=1)
            before = jnp.cumsum(batches, axis=0) - batches
            seen = jnp.zeros_like(each).at[chosen].set(before[:, None])
            beside = jax.vmap(self._see)(*self._samples(), seen)
            bent = self._bent(log_time + curvature, margins, beside)
            return jnp.sum(centered[order[: m * size]], axis=0), bent

        keys = jax.random.split(jax.random.key(0, impl="threefry2x32"), PERMUTATIONS)
        orders = jax.vmap(lambda key: jax.random.permutation(key, n))(keys)
        first, second = jax.lax.map(strayed, orders)
        second = (second - jnp.mean(second, axis=0)) * jnp.sqrt(PERMUTATIONS / (PERMUTATIONS - 1))
        first = first if n % size else jnp.zeros_like(first)
        strays = jnp.exp(-log_time) * second - first
        return (
            strays.reshape(PERMUTATIONS, -1) * jnp.exp(-log_time / 2) / math.sqrt(PERMUTATIONS * m)
        )

    def within_epoch(self, log_time: AnyArray, weights: AnyArray, seen: AnyArray) -> AnyArray:
        """The expected square of what an unfinished epoch strays, after so many of its samples."""
        n = self.margin_map.n_samples
        pulls = self._pulls(log_time, self.margin_map.margins(weights)) * (n / self.batch_size)
        each = jax.vmap(self._own_gradient)(*self._samples(), pulls)
        centered = each - jnp.mean(each, axis=0)
        share = seen * (n - seen) / max(n - 1, 1)
        return share * jnp.sum(jnp.square(centered)) / n * jnp.exp(-2 * log_time)

    def _pulls(self, log_time: AnyArray, margins: AnyArray) -> AnyArray:
        sign, log_abs = self.loss.slope(margins)
        return sign * jnp.exp(log_time + self.log_step + log_abs)

    def _bent(self, log_time: AnyArray, margins: AnyArray, along: AnyArray) -> AnyArray:
        """The Hessian, sample by sample, times what has these margins."""
        slopes = jax.jvp(lambda point: self._pulls(log_time, point), (margins,), (along,))[1]
        return self.margin_map.adjoint(slopes)

    def _samples(self) -> tuple[AnyArray, AnyArray]:
        return self.margin_map.features, self.margin_map.labels

    def _one(self, features: AnyArray, label: AnyArray):
        return eqx.tree_at(
            lambda maps: (maps.features_t, maps.labels),
            self.margin_map,
            (features[:, None], label[None]),
        )

    def _own_gradient(self, features: AnyArray, label: AnyArray, pulls: AnyArray) -> AnyArray:
        return self._one(features, label).adjoint(pulls[None])

    def _own_margins(self, features: AnyArray, label: AnyArray, pulls: AnyArray) -> AnyArray:
        one = self._one(features, label)
        return one.margins(one.adjoint(pulls[None]))[0]

    def _see(self, features: AnyArray, label: AnyArray, weights: AnyArray) -> AnyArray:
        return self._one(features, label).margins(weights)[0]
