"""Multiclass exponential loss: ψ(u) = Σ e^(−u_k)."""

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.loss import Loss
from marginflow.losses.tail import Tail, exponential_tail


class MulticlassExponential(Loss):
    """The multiclass exponential loss, that of AdaBoost for two classes.

    ψ(u) = Σ_k e^(−u_k), with slopes −e^(−u_k).  Its tail is exponential with rate 1 and constant 1.
    It has no smoothness constant: step sizes are bounded on a level set only (Ravi et al. 2024,
    arXiv 2411.01350).

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> float(mf.MulticlassExponential().template(np.zeros(3)))
        3.0
    """

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        return jnp.sum(jnp.exp(-margins), axis=-1)

    @keeps_array_type
    def log_template(self, margins: AnyArray) -> AnyArray:
        return jax.nn.logsumexp(-margins, axis=-1)

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        return -jnp.ones_like(margins), -margins

    @keeps_array_type
    def slope_value(self, margins: AnyArray) -> AnyArray:
        return -jnp.exp(-margins)

    def smoothness(self, n_classes: int) -> None:
        return None

    def tail(self, n_classes: int) -> Tail:
        return exponential_tail()
