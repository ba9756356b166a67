"""Lee–Lin–Wahba loss: hinges on the scores themselves, which sum to zero."""

import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.loss import Loss
from marginflow.losses.tail import Tail, TailKind


class LeeLinWahba(Loss):
    """The multicategory support vector machine: every other class's score is pushed down.

    ψ(u) = Σ_k max(0, 1/(K−1) + ū − u_k), with ū = Σ_j u_j / K.  Scores v that sum to zero are
    v_y = ū and v_k = ū − u_k in the margins; the loss is the hinge of 1/(K−1) + v_k over the other
    classes.  With A the set of those above zero, the slopes are |A|/K − 1 in A and |A|/K elsewhere:
    however large the margins are, an uneven one is pulled back, so that for K > 2 the tail is
    rising.  Convex and not smooth (Lee, Lin & Wahba 2004; as a template, Wang & Scott 2024, arXiv
    2311.17778).

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import LeeLinWahba
        >>> LeeLinWahba().slope_value(np.array([3.0, 30.0])).round(12)
        array([-0.66666667,  0.33333333])
    """

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        above = _above(margins)
        return jnp.sum(jnp.where(above > 0, above, 0), axis=-1)

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        active = _above(margins) > 0
        n_classes = margins.shape[-1] + 1
        size = jnp.sum(active, axis=-1, keepdims=True).astype(margins.dtype)
        size = jnp.broadcast_to(size, margins.shape)
        share = jnp.where(active, n_classes - size, size) / n_classes
        sign = jnp.where(active, -1, jnp.where(size > 0, 1, 0)).astype(margins.dtype)
        return sign, jnp.where(sign == 0, -jnp.inf, jnp.log(jnp.where(sign == 0, 1, share)))

    def smoothness(self, n_classes: int) -> None:
        return None

    def tail(self, n_classes: int) -> Tail:
        return Tail(TailKind.FINITE if n_classes == 2 else TailKind.RISING)


def _above(margins: AnyArray) -> AnyArray:
    """1/(K−1) plus the score of each other class."""
    n_others = margins.shape[-1]
    mean = jnp.sum(margins, axis=-1, keepdims=True) / (n_others + 1)
    return 1 / n_others + (mean - margins)
