"""Work on the largest entries of long rows, where nothing else counts.

Of 32,768 scores a sparsemax keeps those within 1 of the largest, often two or twenty.  One pass
finds the peak of each block of columns.  What the peaks alone say about a row bounds how far from
its largest entry anything can count, and so how many blocks do.  These are put side by side, and
what is computed iteratively reads them instead of the row.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray

_BLOCK = 64
# Parts of a row that are taken, if they suffice in all rows, before the whole row is.
_SHARES = (16, 6)
# Shorter rows are taken whole.
FEWEST_COLUMNS = 4096


def block_peaks(scores: AnyArray) -> AnyArray:
    """The largest entry of each block of columns (n, K) to (n, ~K/64): a part of each row."""
    blocks, rest = split_blocks(scores)
    return jnp.concatenate([jnp.max(blocks, axis=-1), rest], axis=1)


def on_leading_entries(
    compute: Callable[[AnyArray, AnyArray], Any], scores: AnyArray, peaks: AnyArray, reach: AnyArray
) -> Any:
    """`compute(entries, columns)` on entries of each row, all those within reach among them.

    Args:
        compute: of entries (n, m) and the columns (n, m) that they come from.
        scores: (n, K).
        peaks: of the scores.
        reach: (n, 1), the distance from a row's largest score from which on entries do not count.
    """
    blocks, rest = split_blocks(scores)
    n_rows, n_blocks, _ = blocks.shape
    peaks = peaks[:, :n_blocks]
    top = jnp.max(scores, axis=1, keepdims=True)
    needed = jnp.max(jnp.sum((top - peaks < reach).astype(jnp.int32), axis=1))

    def with_share(share: int) -> Callable[[], Any]:
        def branch() -> Any:
            index = jax.lax.top_k(peaks, n_blocks // share)[1][:, :, None]
            entries = jnp.take_along_axis(blocks, index, axis=1).reshape(n_rows, -1)
            columns = (index * _BLOCK + jnp.arange(_BLOCK)).reshape(n_rows, -1)
            if not rest.size:
                return compute(entries, columns)
            numbers = jnp.arange(n_blocks * _BLOCK, scores.shape[1])
            numbers = jnp.broadcast_to(numbers, rest.shape)
            return compute(
                jnp.concatenate([entries, rest], axis=1),
                jnp.concatenate([columns, numbers], axis=1),
            )

        return branch

    def with_all() -> Any:
        return compute(scores, jnp.arange(scores.shape[1])[None])

    sizes = jnp.array([n_blocks // share for share in _SHARES])
    return jax.lax.switch(
        jnp.sum(needed > sizes), [*(with_share(share) for share in _SHARES), with_all]
    )


def split_blocks(scores: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Whole blocks (n, K/64, 64), and the columns behind them."""
    end = scores.shape[1] // _BLOCK * _BLOCK
    return scores[:, :end].reshape(len(scores), -1, _BLOCK), scores[:, end:]
