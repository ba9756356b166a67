"""Long rows of scores, which are not worth the way by margins.

Margins of 32,768 classes are the scores shifted by one place behind the true class, a copy that
costs more than the loss.  From some hundred classes on, cross-entropy and the entmax losses are
therefore computed on the scores as they lie: read a few times, never copied, and written once, as
the gradient (`long_softmax`, `long_entmax`).

The true class's entry of the gradient stays minus the sum of the others, and that sum is formed
without the true class rather than by taking it away, so that it is right where its probability
rounds to one.
"""

from typing import Any

import jax.numpy as jnp

from marginflow._types import AnyArray

# From so many classes on, scores are not turned into margins.
LONG_ROW = 512


def are_long(scores: AnyArray, labels: AnyArray) -> bool:
    """Whether scores (..., K) with labels (...) have long rows."""
    return scores.ndim > labels.ndim and scores.shape[-1] >= LONG_ROW


def as_rows(scores: AnyArray, labels: AnyArray) -> tuple[AnyArray, AnyArray]:
    """The same with one leading axis: (n, K) and (n,)."""
    return scores.reshape(-1, scores.shape[-1]), labels.reshape(-1)


def true_class(scores: AnyArray, labels: AnyArray) -> AnyArray:
    """The mask (n, K) of the true classes."""
    return jnp.arange(scores.shape[1]) == labels[:, None]


def at_true_class(values: AnyArray, labels: AnyArray) -> Any:
    """The true classes' values (n, 1)."""
    return jnp.take_along_axis(values, labels[:, None], axis=1)
