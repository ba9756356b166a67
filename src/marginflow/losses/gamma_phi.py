"""Gamma–Phi losses: ψ(u) = γ(Σ_k φ(u_k)).

Most losses of the literature are of this form: φ says what one margin costs, γ how the costs make
one loss.  They meet in the logarithm of the sum: γ receives L = log Σ φ(u_k), and a slope is

    ∂_k ψ = (dγ/dL) · φ′(u_k)/φ(u_k) · φ(u_k)/Σ_j φ(u_j),

in logarithms, so that it keeps its digits where the sum underflows.  Where γ is the identity, the
slope is φ′(u_k) as it stands.  A named loss is a subclass that says which γ
and which φ it has; `GammaPhi` takes both as arguments.
"""

import math
from abc import abstractmethod

import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.gamma_functions import Gamma, Identity
from marginflow.losses.log_sum import log_shares, log_sum
from marginflow.losses.loss import Loss
from marginflow.losses.phi_functions import Exponential, Phi
from marginflow.losses.tail import Tail, TailKind, exponential_tail


class GammaPhiLoss(Loss):
    """A loss that is told by its γ and its φ; the base of the named ones."""

    @abstractmethod
    def parts(self) -> tuple[Gamma, Phi]:
        """γ and φ."""

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        gamma, phi = self.parts()
        if isinstance(gamma, Identity):
            return jnp.sum(phi.value(margins), axis=-1)
        return gamma.value(log_sum(phi.log_value(margins)))

    @keeps_array_type
    def log_template(self, margins: AnyArray) -> AnyArray:
        gamma, phi = self.parts()
        return gamma.log_value(log_sum(phi.log_value(margins)))

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        gamma, phi = self.parts()
        if isinstance(gamma, Identity):
            return phi.slope(margins)
        logs = phi.log_value(margins)
        outer_sign, outer = gamma.slope(log_sum(logs))
        sign, relative = phi.relative_slope(margins)
        return outer_sign[..., None] * sign, outer[..., None] + (relative + log_shares(logs))

    @keeps_array_type
    def slope_value(self, margins: AnyArray) -> AnyArray:
        gamma, phi = self.parts()
        if isinstance(gamma, Identity):
            return phi.slope_value(margins)
        sign, log_abs = self.slope(margins)
        return sign * jnp.exp(log_abs)

    def smoothness(self, n_classes: int) -> float | None:
        """β in the scores: K·max φ″ for a sum, that of a function of the softmax for φ = e^(−u).

        None also where none is known, with other γ and φ.
        """
        gamma, phi = self.parts()
        if isinstance(gamma, Identity):
            curvature = phi.curvature()
            return None if curvature is None else n_classes * curvature
        if not isinstance(phi, Exponential):
            return None
        beta = gamma.softmax_smoothness()
        return None if beta is None else phi.rate**2 * beta

    def tail(self, n_classes: int) -> Tail | None:
        """That of φ where γ starts as a line; else one margin's tail depends on the others."""
        gamma, phi = self.parts()
        tail, (m, log_scale) = phi.tail(), gamma.onset()
        if tail is None or tail.kind in (TailKind.FINITE, TailKind.RISING):
            return tail
        if tail.rate is not None and tail.log_constant is not None:
            if m != 1 and n_classes > 2:
                return None
            log_value = tail.log_constant - math.log(tail.rate)
            log_constant = log_scale + math.log(m) + (m - 1) * log_value + tail.log_constant
            return exponential_tail(m * tail.rate, log_constant)
        return tail if m == 1 else None


class GammaPhi(GammaPhiLoss):
    """A loss of one's own making: ψ(u) = γ(Σ_k φ(u_k)).

    Slopes are γ′(S) φ′(u_k), formed from the logarithm of S = Σ φ(u_j).  Its tail is that of φ
    where γ starts as a line; its smoothness is known for a sum and for functions of the softmax.

    Args:
        gamma: a `Gamma`, as `LogOnePlus()`, `ErrorPower(2.0)`, or `Identity()` for a sum.
        phi: a `Phi`, as `Exponential()`, `Logistic()`, `Polynomial(1.0)`.

    Example:
        >>> import marginflow as mf
        >>> from marginflow.losses import Exponential, GammaPhi, LogOnePlus
        >>> loss = GammaPhi(LogOnePlus(temperature=2.0), Exponential(rate=3.0))
        >>> loss.slope([1e6, 2e6])[1] - loss.tail(n_classes=3).log_constant
        array([-3000000., -6000000.])

    Reference:
        Beijbom et al. 2014, "Guess-averse loss functions for cost-sensitive multiclass boosting";
        Wang & Scott 2023, arXiv 2302.07321, on when such losses are calibrated.
    """

    gamma: Gamma
    phi: Phi

    def __check_init__(self):
        if not isinstance(self.gamma, Gamma):
            raise TypeError(f"GammaPhi: expected a Gamma, got {type(self.gamma).__name__}.")
        if not isinstance(self.phi, Phi):
            raise TypeError(f"GammaPhi: expected a Phi, got {type(self.phi).__name__}.")

    def parts(self) -> tuple[Gamma, Phi]:
        return self.gamma, self.phi
