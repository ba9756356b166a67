"""Minibatches by random reshuffling.

Each epoch draws a fresh permutation of the n samples and cuts it into ⌊n/b⌋ batches of b, without
replacement; the n mod b samples left over sit the epoch out.  Every batch is by itself a uniformly
random b-subset, so on the summed risk its gradient is b/n of the whole on average.

The permutation of epoch e is that of the key folded with e, hence a function of the seed and the
step alone: chunks, interruptions and resumption do not change it.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray


class Minibatches(eqx.Module):
    """Draws the samples of each step.  The state is the current epoch's permutation (n,).

    Attributes:
        key: a threefry key.
        n_samples: n.
        batch_size: b, from 1 to n.
    """

    key: Any
    n_samples: int = eqx.field(static=True)
    batch_size: int = eqx.field(static=True)

    def init(self) -> AnyArray:
        return jnp.arange(self.n_samples)

    def draw(self, step: AnyArray, order: AnyArray) -> tuple[AnyArray, AnyArray]:
        """The samples (b,) of a step, counted from 0, and the permutation to keep."""
        per_epoch = self.n_samples // self.batch_size
        epoch, batch = step // per_epoch, step % per_epoch
        order = jax.lax.cond(batch == 0, lambda: self._shuffle(epoch), lambda: order)
        first = batch * self.batch_size
        return jax.lax.dynamic_slice_in_dim(order, first, self.batch_size), order

    def _shuffle(self, epoch: AnyArray) -> AnyArray:
        key = jax.random.fold_in(self.key, epoch.astype(jnp.uint32))
        return jax.random.permutation(key, self.n_samples)


def minibatches(seed: int, n_samples: int, batch_size: int) -> Minibatches:
    """The minibatches that a seed gives, on every platform and under every setting of JAX."""
    return Minibatches(jax.random.key(seed, impl="threefry2x32"), n_samples, batch_size)
