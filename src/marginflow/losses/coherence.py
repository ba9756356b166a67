"""Coherence loss: ψ(u) = T log(1 + Σ e^((1 − u_k)/T))."""

import equinox as eqx

from marginflow.losses.gamma_functions import Gamma, LogOnePlus
from marginflow.losses.gamma_phi import GammaPhiLoss
from marginflow.losses.phi_functions import Exponential, Phi, check_positive


class CoherenceLoss(GammaPhiLoss):
    """A cross-entropy with a temperature that tends to the Crammer–Singer hinge.

    ψ(u) = T log(1 + Σ_k e^((1 − u_k)/T)), with slopes −e^((1−u_k)/T) / (1 + Σ_j e^((1−u_j)/T)).  As
    T → 0 it tends to max_k max(0, 1 − u_k).  Its tail is exponential with rate 1/T and constant
    e^(1/T); its smoothness in the scores is 1/(2T) (Zhang, Jordan, Li & Yeung 2009, "Coherence
    functions for multicategory margin-based classification methods").

    Args:
        temperature: T > 0.

    Raises:
        ValueError: if the temperature is not positive and finite.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import CoherenceLoss, CrammerSinger
        >>> margins = np.array([0.25, 3.0])
        >>> cold = CoherenceLoss(temperature=0.01)
        >>> float(cold.template(margins)), float(CrammerSinger().template(margins))
        (0.75, 0.75)
    """

    temperature: float = eqx.field(static=True, default=0.5)

    def __check_init__(self):
        check_positive("CoherenceLoss", "temperature", self.temperature)

    def parts(self) -> tuple[Gamma, Phi]:
        return LogOnePlus(self.temperature), Exponential(rate=1 / self.temperature, margin=1.0)
