"""Multiclass hinge losses: the counterexamples with a finite tail."""

import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.gamma_functions import Gamma, Identity
from marginflow.losses.gamma_phi import GammaPhiLoss
from marginflow.losses.loss import Loss
from marginflow.losses.phi_functions import Hinge, Phi, SquaredHinge, falling
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
        return Hinge().value(jnp.min(margins, axis=-1))

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        return _shared(Hinge(), margins)

    def smoothness(self, n_classes: int) -> None:
        return None

    def tail(self, n_classes: int) -> Tail:
        return Tail(TailKind.FINITE)


class SquaredCrammerSinger(Loss):
    """The squared Crammer–Singer hinge: ψ(u) = max_k max(0, 1 − u_k)².

    Convex and, where one margin is the least, smooth; where several tie it has a kink.  Its slopes
    are zero once every margin reaches 1, and tied margins share the subgradient equally (the
    squared variant of Crammer & Singer 2001).

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import SquaredCrammerSinger
        >>> float(SquaredCrammerSinger().template(np.array([0.5, 3.0])))
        0.25
    """

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        return SquaredHinge().value(jnp.min(margins, axis=-1))

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        return _shared(SquaredHinge(), margins)

    def smoothness(self, n_classes: int) -> float | None:
        """That of the squared hinge for two classes, 4; none for more."""
        return 4.0 if n_classes == 2 else None

    def tail(self, n_classes: int) -> Tail:
        return Tail(TailKind.FINITE)


class WestonWatkins(GammaPhiLoss):
    """The Weston–Watkins hinge: ψ(u) = Σ_k max(0, 1 − u_k).

    Convex but not smooth; its slopes are zero once every margin reaches 1 (Weston & Watkins 1999;
    Wang & Scott 2024, arXiv 2311.17778, table 1).

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> float(mf.WestonWatkins().template(np.array([0.25, 0.5])))
        1.25
    """

    def parts(self) -> tuple[Gamma, Phi]:
        return Identity(), Hinge()


def _shared(phi: Phi, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
    """The slope of φ at the least margin, shared equally by those that tie for it."""
    least = margins == jnp.min(margins, axis=-1, keepdims=True)
    ties = jnp.sum(least, axis=-1, keepdims=True).astype(margins.dtype)
    sign, log_abs = phi.slope(margins)
    active = least & (sign != 0)
    return falling(active, jnp.where(active, log_abs, 0) - jnp.log(ties))
