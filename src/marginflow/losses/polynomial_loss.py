"""A polynomial tail: ψ(u) = Σ φ(u_k), φ(u) = (1 + u)^(−p) for u ≥ 0."""

import equinox as eqx

from marginflow.losses.gamma_functions import Gamma, Identity
from marginflow.losses.gamma_phi import GammaPhiLoss
from marginflow.losses.phi_functions import Phi, Polynomial, check_positive


class PolynomialLoss(GammaPhiLoss):
    """A sum of losses with a polynomial tail: the counterexample to the max-margin theorem.

    ψ(u) = Σ_k φ(u_k) with φ(u) = (1+u)^(−p) for u ≥ 0, continued below zero by its second-order
    Taylor polynomial, so that ψ is convex, decreasing and twice continuously differentiable.  Its
    smoothness in the scores is K p (p + 1), the curvature below zero times a star graph's largest
    eigenvalue.  Gradient descent still separates the data, but ends in another direction (Lai &
    Muthukumar 2023, arXiv 2303.07475).

    Args:
        degree: p > 0.

    Raises:
        ValueError: if the degree is not positive and finite.

    Example:
        >>> import marginflow as mf
        >>> mf.PolynomialLoss(degree=2.0).tail(3).kind
        <TailKind.POLYNOMIAL: 'polynomial'>
    """

    degree: float = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        check_positive("PolynomialLoss", "degree", self.degree)

    def parts(self) -> tuple[Gamma, Phi]:
        return Identity(), Polynomial(self.degree)
