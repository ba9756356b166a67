"""Sigmoid loss: ψ(u) = Σ 1 / (1 + e^(u_k))."""

from marginflow.losses.gamma_functions import Gamma, Identity
from marginflow.losses.gamma_phi import GammaPhiLoss
from marginflow.losses.phi_functions import Phi, Sigmoid


class SigmoidLoss(GammaPhiLoss):
    """A smooth count of the classes that beat the true one; bounded, and so not convex.

    ψ(u) = Σ_k 1 / (1 + e^(u_k)), with slopes −σ(u_k) σ(−u_k), σ the logistic function.  Its tail is
    exponential with rate 1 and constant 1.  Its smoothness in the scores is K √3/18, the largest
    curvature of σ times a star graph's largest eigenvalue (Mason, Baxter, Bartlett & Frean 1999,
    "Boosting algorithms as gradient descent", as 1 − tanh).

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> float(mf.get_loss("sigmoid").template(np.zeros(3)))
        1.5
    """

    def parts(self) -> tuple[Gamma, Phi]:
        return Identity(), Sigmoid()
