"""Multiclass hinge losses: the counterexamples with a finite tail."""

import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.loss import Loss
from marginflow.losses.tail import Tail, TailKind


class CrammerSinger(Loss):
    """The Crammer–Singer hinge: ψ(u) = max_k max(0, 1 − u_k).

    Convex but not smooth; its slopes are zero once every margin reaches 1, so training stops at a
    point that depends on the start.  Margins that tie for the least share the subgradient equally,
    which keeps it symmetric (Crammer & Singer 2001; Wang & Scott 2024, arXiv 2311.17778, table 1).

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> float(mf.CrammerSinger().template(np.array([0.25, 3.0])))
        0.75
    """

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        return jnp.maximum(0, 1 - jnp.min(margins, axis=-1))

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        least = margins == jnp.min(margins, axis=-1, keepdims=True)
        ties = jnp.sum(least, axis=-1, keepdims=True).astype(margins.dtype)
        return _slopes(least & (margins < 1), -jnp.log(ties))

    def smoothness(self, n_classes: int) -> None:
        return None

    def tail(self, n_classes: int) -> Tail:
        return Tail(TailKind.FINITE)


class WestonWatkins(Loss):
    """The Weston–Watkins hinge: ψ(u) = Σ_k max(0, 1 − u_k).

    Convex but not smooth; its slopes are zero once every margin reaches 1 (Weston & Watkins 1999;
    Wang & Scott 2024, arXiv 2311.17778, table 1).

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> float(mf.WestonWatkins().template(np.array([0.25, 0.5])))
        1.25
    """

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        return jnp.sum(jnp.maximum(0, 1 - margins), axis=-1)

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        return _slopes(margins < 1, jnp.zeros_like(margins))

    def smoothness(self, n_classes: int) -> None:
        return None

    def tail(self, n_classes: int) -> Tail:
        return Tail(TailKind.FINITE)


def _slopes(active: AnyArray, log_abs: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Slopes −e^log_abs where active, exact zeros elsewhere."""
    sign = jnp.where(active, -1, 0).astype(log_abs.dtype)
    return sign, jnp.where(active, log_abs, -jnp.inf)
