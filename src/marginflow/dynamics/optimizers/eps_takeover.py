"""Where an ε takes over.

An algorithm with ε in a denominator is another one once gradients are below it; the run says from
which step on.
"""

from typing import Any

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray


def in_units(eps: AnyArray, log_scale: AnyArray) -> AnyArray:
    """ε in units of exp(log_scale); 0 for ε = 0 and inf where it leaves float64."""
    return jnp.exp(jnp.log(eps) - log_scale)


def held_since(since: AnyArray, index: AnyArray, holds: AnyArray) -> AnyArray:
    """The step, from 1, since which something has held without a break; −1 if it does not."""
    return jnp.where(holds, jnp.where(since < 0, index + 1, since), -1)


def mostly_below(roots: Any, eps: AnyArray) -> AnyArray:
    """Whether half of the entries of a tree or more are below ε: their median is."""
    entries = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(roots)])
    return 2 * jnp.sum(entries < eps) >= entries.size


def sentence(eps: AnyArray, learning_rate: Any) -> str:
    """What the steps of an adaptive method are once ε rules."""
    shown = (
        f"half of the entries of √v are below eps = {float(eps):.3g}, and the steps are those of "
    )
    if callable(learning_rate):
        return shown + "gradient descent with a learning rate of its own divided by eps"
    rate = float(learning_rate) / float(eps)
    return shown + f"gradient descent with learning rate learning_rate/eps = {rate:.3g}"
