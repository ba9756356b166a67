"""Multiclass exponential loss: ψ(u) = Σ e^(−u_k)."""

from marginflow.losses.gamma_functions import Gamma, Identity
from marginflow.losses.gamma_phi import GammaPhiLoss
from marginflow.losses.phi_functions import Exponential, Phi


class MulticlassExponential(GammaPhiLoss):
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

    def parts(self) -> tuple[Gamma, Phi]:
        return Identity(), Exponential()
