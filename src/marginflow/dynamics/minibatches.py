"""Minibatches: by random reshuffling, or drawn with replacement.

By reshuffling, each epoch draws a fresh permutation of the n samples and cuts it into ⌊n/b⌋
batches of b, without replacement; the n mod b samples left over sit the epoch out.  Every batch is
by itself a uniformly random b-subset, so on the summed risk its gradient is b/n of the whole on
average.  With replacement each of a step's b samples is drawn from all n, by itself, and the
average is the same.

The permutation of epoch e is that of the key folded with e, and the draw of step t that of the key
folded with t, hence functions of the seed and the step alone: chunks, interruptions and resumption
do not change them.
"""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray


class Batches(eqx.Module):
    """Draws the samples of each step.

    Attributes:
        key: a threefry key.
        n_samples: n.
        batch_size: b, from 1 to n.
    """

    key: Any
    n_samples: int = eqx.field(static=True)
    batch_size: int = eqx.field(static=True)

    @abstractmethod
    def init(self) -> Any:
        """What is remembered before the first step."""

    @abstractmethod
    def draw(self, step: AnyArray, order: Any) -> tuple[AnyArray, Any]:
        """The samples (b,) of a step, counted from 0, and what to remember."""


class WithReplacement(Batches):
    """Each sample of each step is drawn from all n.  Nothing is remembered."""

    def init(self) -> None:
        return None

    def draw(self, step: AnyArray, order: Any) -> tuple[AnyArray, Any]:
        high, low = step >> 32, step & 0xFFFFFFFF
        key = jax.random.fold_in(self.key, high.astype(jnp.uint32))
        key = jax.random.fold_in(key, low.astype(jnp.uint32))
        return jax.random.randint(key, (self.batch_size,), 0, self.n_samples), order


class Reshuffled(Batches):
    """Each epoch's samples in a random order.  The current permutation (n,) is remembered."""

    def init(self) -> AnyArray:
        return jnp.arange(self.n_samples)

    def draw(self, step: AnyArray, order: AnyArray) -> tuple[AnyArray, AnyArray]:
        per_epoch = self.n_samples // self.batch_size
        epoch, batch = step // per_epoch, step % per_epoch
        order = jax.lax.cond(batch == 0, lambda: self._shuffle(epoch), lambda: order)
        first = batch * self.batch_size
        return jax.lax.dynamic_slice_in_dim(order, first, self.batch_size), order

    def _shuffle(self, epoch: AnyArray) -> AnyArray:
        key = jax.random.fold_in(self.key, epoch.astype(jnp.uint32))
        return jax.random.permutation(key, self.n_samples)


def minibatches(seed: int, n_samples: int, batch_size: int, *, replacement: bool) -> Batches:
    """The minibatches that a seed gives, on every platform and under every setting of JAX."""
    kind = WithReplacement if replacement else Reshuffled
    return kind(jax.random.key(seed, impl="threefry2x32"), n_samples, batch_size)
