"""Losses of the softmax's probability p of the true class, other than its logarithm.

All of them are γ(Σ e^(−u_k)), as p = 1/(1 + Σ e^(−u_k)).  Where p is small they pull less than the
cross-entropy does, so that wrong labels do less harm; they are bounded or lighter than it, and not
convex.  Their tails are where they differ for the theory: some fade as e^(−u_k), some as a power of
the sum, in which no entry has a tail of its own if K > 2.
"""

import math

import equinox as eqx

from marginflow.losses.gamma_functions import (
    ErrorPower,
    Focused,
    Gamma,
    LogOnePlus,
    LogSeries,
    ProbabilityPower,
)
from marginflow.losses.gamma_phi import GammaPhiLoss
from marginflow.losses.phi_functions import Exponential, Phi


class MeanAbsoluteError(GammaPhiLoss):
    """The probability of error of a prediction drawn from the softmax.

    ψ(u) = 1 − p with p = 1/(1 + Σ_k e^(−u_k)): half of the L1 distance between softmax and label.
    Its slopes are −p p_k, p_k the softmax of the others; its tail is exponential with rate 1 and
    constant 1, its smoothness in the scores √3/9 (Ghosh, Kumar & Sastry 2017, arXiv 1712.09482).

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import MeanAbsoluteError
        >>> float(MeanAbsoluteError().template(np.zeros(3)))
        0.75
    """

    def parts(self) -> tuple[Gamma, Phi]:
        return ProbabilityPower(1.0), Exponential()


class GeneralizedCrossEntropy(GammaPhiLoss):
    """A family from the cross-entropy (q → 0) to the mean absolute error (q = 1).

    ψ(u) = (1 − p^q)/q with p = 1/(1 + Σ_k e^(−u_k)).  Its slopes are −p^q p_k, p_k the softmax of
    the others; its tail is exponential with rate 1 and constant 1.  Its smoothness in the scores is
    reached where two classes hold all of the probability (Zhang & Sabuncu 2018, arXiv 1805.07836).

    Args:
        q: 0 < q ≤ 1.

    Raises:
        ValueError: if q is not in that range.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import GeneralizedCrossEntropy
        >>> float(GeneralizedCrossEntropy(q=0.5).template(np.zeros(3)))
        1.0
    """

    q: float = eqx.field(static=True, default=0.7)

    def __check_init__(self):
        if not 0 < self.q <= 1:
            raise ValueError(f"GeneralizedCrossEntropy: expected 0 < q <= 1, got {self.q}.")

    def parts(self) -> tuple[Gamma, Phi]:
        return ProbabilityPower(self.q), Exponential()


class AlphaLoss(GammaPhiLoss):
    """A family through the exponential loss (α = 1/2), the cross-entropy (1) and 1 − p (∞).

    ψ(u) = (1 − p^q)/q with q = 1 − 1/α and p = 1/(1 + Σ_k e^(−u_k)), and −log p for α = 1.  Its
    tail is exponential with rate 1 and constant 1; it is smooth in the scores for α ≥ 1 (Sypherd et
    al. 2022, arXiv 1906.02314).

    Args:
        alpha: α > 0; `math.inf` is allowed.

    Raises:
        ValueError: if α is not positive.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import AlphaLoss
        >>> [round(float(AlphaLoss(a).template(np.zeros(3))), 6) for a in (0.5, 1.0, np.inf)]
        [3.0, 1.386294, 0.75]
    """

    alpha: float = eqx.field(static=True, default=2.0)

    def __check_init__(self):
        if not self.alpha > 0:
            raise ValueError(f"AlphaLoss: expected alpha > 0, got {self.alpha}.")

    def parts(self) -> tuple[Gamma, Phi]:
        gamma = LogOnePlus() if self.alpha == 1 else ProbabilityPower(1 - 1 / self.alpha)
        return gamma, Exponential()


class Savage(GammaPhiLoss):
    """The squared probability of error.

    ψ(u) = (1 − p)² with p = 1/(1 + Σ_k e^(−u_k)).  Its slopes are −2 (1 − p) p p_k, p_k the softmax
    of the others.  For two classes its tail is exponential with rate 2; for more, each slope fades
    as 2 e^(−u_k) Σ_j e^(−u_j), and no entry has a tail of its own.  Its smoothness in the scores is
    reached where two classes hold all of the probability (Masnadi-Shirazi & Vasconcelos 2008, for
    two classes and up to the scale of the margin).

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import Savage
        >>> float(Savage().template(np.zeros(1)))
        0.25
        >>> Savage().tail(n_classes=2).rate
        2.0
    """

    def parts(self) -> tuple[Gamma, Phi]:
        return ErrorPower(2.0), Exponential()


class FocalLoss(GammaPhiLoss):
    """The cross-entropy, weighted by a power of the probability of error.

    ψ(u) = (1 − p)^g (−log p) with p = 1/(1 + Σ_k e^(−u_k)).  For two classes its tail is
    exponential with rate g + 1; for more, no entry has a tail of its own.  It is not convex for
    g > 0.  Its smoothness in the scores is reached where two classes hold all of the probability
    (Lin, Goyal, Girshick, He & Dollár 2017, arXiv 1708.02002).

    Args:
        focus: g > 0, the focusing parameter.

    Raises:
        ValueError: if g is not positive and finite.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import FocalLoss
        >>> float(FocalLoss().template(np.zeros(1)) / np.log(2))
        0.25
    """

    focus: float = eqx.field(static=True, default=2.0)

    def __check_init__(self):
        if not 0 < self.focus < math.inf:
            raise ValueError(f"FocalLoss: expected a finite focus > 0, got {self.focus}.")

    def parts(self) -> tuple[Gamma, Phi]:
        return Focused(self.focus), Exponential()


class TaylorCrossEntropy(GammaPhiLoss):
    """The first terms of the cross-entropy's series in the probability of error.

    ψ(u) = Σ_{i ≤ t} (1 − p)^i / i with p = 1/(1 + Σ_k e^(−u_k)): the mean absolute error for t = 1,
    the cross-entropy as t → ∞.  Its slopes are −(1 − (1−p)^t) p_k, p_k the softmax of the others;
    its tail is exponential with rate 1 and constant 1.  Its smoothness in the scores is reached
    where two classes hold all of the probability (Feng et al. 2020, "Can cross entropy loss be
    robust to label noise?").

    Args:
        order: t, a whole number of at least 1.

    Raises:
        ValueError: if t is anything else.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import TaylorCrossEntropy
        >>> float(TaylorCrossEntropy().template(np.zeros(1)))
        0.625
    """

    order: int = eqx.field(static=True, default=2)

    def __check_init__(self):
        LogSeries(self.order)

    def parts(self) -> tuple[Gamma, Phi]:
        return LogSeries(self.order), Exponential()
