"""Memories of past gradients, with the logarithm of their scale.

Past margin 745 a gradient is zero in float64, and a memory of gradients with it.  A method that is
given (direction, log scale) therefore keeps its memory as value · exp(log_scale), and brings the
two to a common scale at each step: the larger of the gradient's and the memory's own, so that
neither overflows, and an old large gradient keeps its weight against a new small one.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.objective import Gradient

_LARGEST_EXPONENT = 700.0


class LogScaled(NamedTuple):
    """value · exp(log_scale).

    Attributes:
        value: a tree of arrays.
        log_scale: a scalar.
    """

    value: Any
    log_scale: AnyArray


def nothing(value: Any) -> LogScaled:
    """Zeros in the structure of `value`, which weigh nothing at any scale."""
    return LogScaled(jax.tree.map(jnp.zeros_like, value), jnp.asarray(-jnp.inf))


def at_common_scale(memory: LogScaled, gradient: Gradient) -> tuple[Any, Any, AnyArray]:
    """The memory and the gradient in units of exp(log_scale), and that log_scale."""
    leaves = jax.tree.leaves(memory.value)
    largest = jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in leaves]))
    own = jnp.asarray(0.0 if gradient.log_scale is None else gradient.log_scale)
    scale = jnp.maximum(own, memory.log_scale + jnp.log(largest))
    past = jnp.exp(jnp.minimum(memory.log_scale - scale, _LARGEST_EXPONENT))
    past, now = jnp.where(largest > 0, past, 0.0), jnp.exp(own - scale)
    return (
        jax.tree.map(lambda entry: entry * past, memory.value),
        jax.tree.map(lambda entry: entry * now, gradient.direction),
        scale,
    )
