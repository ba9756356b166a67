"""PairLogLoss: ψ(u) = Σ log(1 + e^(−u_k))."""

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.loss import Loss
from marginflow.losses.tail import Tail, exponential_tail


class PairLogLoss(Loss):
    """The sum of logistic losses over the pairs (true class, other class).

    ψ(u) = Σ_k log(1 + e^(−u_k)), with slopes −1 / (1 + e^(u_k)).  Its tail is exponential with rate
    1 and constant 1 (Ravi et al. 2024, arXiv 2411.01350).  Its smoothness in the scores
    is K/4: the Hessian is at most a quarter of a star graph's Laplacian.

    Example:
        >>> import marginflow as mf
        >>> mf.PairLogLoss().smoothness(3)
        0.75
    """

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        return jnp.sum(jax.nn.softplus(-margins), axis=-1)

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        log_abs = -jax.nn.softplus(margins)
        return -jnp.ones_like(log_abs), log_abs

    @keeps_array_type
    def slope_value(self, margins: AnyArray) -> AnyArray:
        return -jax.nn.sigmoid(-margins)

    def smoothness(self, n_classes: int) -> float:
        return n_classes / 4

    def tail(self, n_classes: int) -> Tail:
        return exponential_tail()
