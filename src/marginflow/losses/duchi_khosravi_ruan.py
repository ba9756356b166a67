"""Duchi–Khosravi–Ruan loss: a hinge on the mean of the worst margins, as many as hurt most."""

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.loss import Loss
from marginflow.losses.phi_functions import falling
from marginflow.losses.tail import Tail, TailKind


class DuchiKhosraviRuan(Loss):
    """The convex loss that belongs to the entropy 1 − max p.

    ψ(u) = 1 − min_l (1 + the sum of the l smallest of (u, 0)) / l, for l = 1..K.  That is 1 + τ
    with τ the threshold of a sparsemax: the classes S whose score exceeds it pull equally, with
    slopes −1/|S|.  Convex, piecewise linear and not smooth; its slopes are zero once every margin
    reaches 1 (Duchi, Khosravi & Ruan 2018, "Multiclass classification, information, divergence and
    surrogate risk"; Wang & Scott 2024, arXiv 2311.17778, table 1).

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import DuchiKhosraviRuan
        >>> float(DuchiKhosraviRuan().template(np.array([0.25, 3.0])))
        0.375
    """

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        return _template(margins)

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        low, excess = _worst(margins)
        pulls = (margins - low) < 1 - excess
        # the true class, at margin 0, is one of those that share
        own = ((0 - low) < 1 - excess).astype(margins.dtype)
        size = own + jnp.sum(pulls, axis=-1, keepdims=True)
        return falling(pulls, jnp.broadcast_to(-jnp.log(jnp.maximum(size, 1)), pulls.shape))

    def smoothness(self, n_classes: int) -> None:
        return None

    def tail(self, n_classes: int) -> Tail:
        return Tail(TailKind.FINITE)


@jax.custom_jvp
def _template(margins: AnyArray) -> AnyArray:
    low, excess = _worst(margins)
    return (excess - low)[..., 0]


@_template.defjvp
def _(primals, tangents):
    (margins,), (direction,) = primals, tangents
    slopes = DuchiKhosraviRuan().slope_value(margins)
    return _template(margins), jnp.sum(slopes * direction, axis=-1)


def _worst(margins: AnyArray) -> tuple[AnyArray, AnyArray]:
    """The least of (u, 0), and what ψ exceeds its negative by.

    With d the distances of the others from the least, ascending,
    ψ = −low + max_l Σ_{j<l} (1 − d_j)/l, in which nothing cancels.
    """
    both = jnp.concatenate([jnp.zeros_like(margins[..., :1]), margins], axis=-1)
    low = jnp.min(both, axis=-1, keepdims=True)
    distances = jnp.sort(both - low, axis=-1)[..., 1:]
    sizes = jnp.arange(2, both.shape[-1] + 1, dtype=margins.dtype)
    means = jnp.cumsum(1 - distances, axis=-1) / sizes
    return low, jnp.maximum(jnp.max(means, axis=-1, keepdims=True), 0)
