"""PairLogLoss: ψ(u) = Σ log(1 + e^(−u_k))."""

from marginflow.losses.gamma_functions import Gamma, Identity
from marginflow.losses.gamma_phi import GammaPhiLoss
from marginflow.losses.phi_functions import Logistic, Phi


class PairLogLoss(GammaPhiLoss):
    """The sum of logistic losses over the pairs (true class, other class).

    ψ(u) = Σ_k log(1 + e^(−u_k)), with slopes −1 / (1 + e^(u_k)).  Its tail is exponential with rate
    1 and constant 1 (Ravi et al. 2024, arXiv 2411.01350).  Its smoothness in the scores
    is K/4: the Hessian is at most a quarter of a star graph's Laplacian.

    Example:
        >>> import marginflow as mf
        >>> mf.PairLogLoss().smoothness(3)
        0.75
    """

    def parts(self) -> tuple[Gamma, Phi]:
        return Identity(), Logistic()
