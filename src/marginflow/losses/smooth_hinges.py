"""Hinge losses without a kink: smooth, and still zero from a margin on.

All of them are sums over the margins.  Their slopes end at exact zeros, so training stops at a
point that depends on the start, as with the hinges themselves.
"""

import equinox as eqx

from marginflow.losses.gamma_functions import Gamma, Identity
from marginflow.losses.gamma_phi import GammaPhiLoss
from marginflow.losses.phi_functions import Phi, SmoothHinge, SquaredHinge, check_positive


class SquaredWestonWatkins(GammaPhiLoss):
    """The squared hinge over the pairs (true class, other class).

    ψ(u) = Σ_k max(0, 1 − u_k)², with slopes −2 max(0, 1 − u_k).  Its smoothness in the scores is
    2K, the curvature times a star graph's largest eigenvalue (the squared variant of Weston &
    Watkins 1999; the L2-loss support vector machine for two classes).

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import SquaredWestonWatkins
        >>> float(SquaredWestonWatkins().template(np.array([0.5, 3.0])))
        0.25
    """

    def parts(self) -> tuple[Gamma, Phi]:
        return Identity(), SquaredHinge()


class SmoothedHinge(GammaPhiLoss):
    """A hinge whose kink is replaced by a parabola on the side of the errors.

    ψ(u) = Σ_k h(1 − u_k) with h(x) = x²/(2w) on [0, w] and x − w/2 above; zero for u above 1.  Its
    smoothness in the scores is K/w (Rennie & Srebro 2005, "Loss functions for preference levels",
    for w = 1; Shalev-Shwartz & Zhang 2013, arXiv 1209.1873, for any).

    Args:
        width: w > 0.

    Raises:
        ValueError: if the width is not positive and finite.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import SmoothedHinge
        >>> [float(SmoothedHinge().template(np.array([u]))) for u in (-1.0, 0.5, 1.0)]
        [1.5, 0.125, 0.0]
    """

    width: float = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        check_positive("SmoothedHinge", "width", self.width)

    def parts(self) -> tuple[Gamma, Phi]:
        return Identity(), SmoothHinge(width=self.width)


class HuberizedHinge(GammaPhiLoss):
    """A hinge whose kink is replaced by a parabola on both sides.

    ψ(u) = Σ_k h(1 − u_k) with h(x) = (x + w)²/(4w) on [−w, w] and x above; zero for u above 1 + w.
    Its smoothness in the scores is K/(2w) (Chapelle 2007, "Training a support vector machine in the
    primal").

    Args:
        half_width: w > 0.

    Raises:
        ValueError: if the half width is not positive and finite.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import HuberizedHinge
        >>> [float(HuberizedHinge().template(np.array([u]))) for u in (0.0, 1.0, 1.5)]
        [1.0, 0.125, 0.0]
    """

    half_width: float = eqx.field(static=True, default=0.5)

    def __check_init__(self):
        check_positive("HuberizedHinge", "half_width", self.half_width)

    def parts(self) -> tuple[Gamma, Phi]:
        return Identity(), SmoothHinge(margin=1 + self.half_width, width=2 * self.half_width)


class ModifiedHuber(GammaPhiLoss):
    """A squared hinge that goes on as a straight line where a sample is lost.

    ψ(u) = Σ_k φ(u_k) with φ(u) = max(0, 1 − u)² for u ≥ −1 and −4u below.  Its smoothness in the
    scores is 2K (Zhang 2004, "Statistical behavior and consistency of classification methods based
    on convex risk minimization").

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import ModifiedHuber
        >>> [float(ModifiedHuber().template(np.array([u]))) for u in (-3.0, 0.0, 1.0)]
        [12.0, 1.0, 0.0]
    """

    def parts(self) -> tuple[Gamma, Phi]:
        return Identity(), SmoothHinge(width=2.0, steepness=4.0)
