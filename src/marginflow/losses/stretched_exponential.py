"""A stretched tail: ψ(u) = Σ φ(u_k), φ(u) = e^(−u^ν) for u ≥ 1."""

import equinox as eqx

from marginflow.losses.gamma_functions import Gamma, Identity
from marginflow.losses.gamma_phi import GammaPhiLoss
from marginflow.losses.phi_functions import Phi, Stretched


class StretchedExponential(GammaPhiLoss):
    """A sum of losses with a stretched tail, between the exponential and the polynomial ones.

    ψ(u) = Σ_k φ(u_k) with φ(u) = e^(−u^ν) for u ≥ 1, continued below by its second-order Taylor
    polynomial, so that ψ is convex, decreasing and twice continuously differentiable.  Its slope
    −ν u^(ν−1) e^(−u^ν) fades more slowly than every e^(−au) and faster than every power.  Its
    smoothness in the scores is K ν/e, the curvature below 1 times a star graph's largest
    eigenvalue (Nacson et al. 2019, arXiv 1803.01905, study gradient descent with such tails).

    Args:
        power: ν, 0 < ν < 1.

    Raises:
        ValueError: if the power is not between 0 and 1.

    Example:
        >>> import marginflow as mf
        >>> mf.get_loss("stretched-exponential").tail(3).power
        0.5
    """

    power: float = eqx.field(static=True, default=0.5)

    def __check_init__(self):
        Stretched(self.power)

    def parts(self) -> tuple[Gamma, Phi]:
        return Identity(), Stretched(self.power)
