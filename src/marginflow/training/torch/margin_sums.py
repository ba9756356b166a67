"""Losses made of a sum over the margins: Σ φ(u_k), and γ of it in logarithms."""

from dataclasses import dataclass

import torch
from torch import Tensor

from marginflow.training.torch.gamma_functions import Gamma, LogOnePlus
from marginflow.training.torch.phi_functions import Exponential, Phi
from marginflow.training.torch.row_rule import RowRule, State, at_true_class, balanced, margins_of


@dataclass(frozen=True)
class MarginSum(RowRule):
    """ψ(u) = Σ_k φ(u_k)."""

    phi: Phi

    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        terms = self.phi.value(margins_of(scores, labels))
        return at_true_class(terms, labels, 0.0).sum(1), ()

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        return balanced(self.phi.pull(margins_of(scores, labels)), labels)

    def log_values(self, scores: Tensor, labels: Tensor) -> Tensor:
        return _log_total(self.phi, scores, labels).sum(1)

    @property
    def overflows(self) -> bool:
        return self.phi.overflows


@dataclass(frozen=True)
class LogMarginSum(RowRule):
    """ψ(u) = γ(Σ_k φ(u_k)), by L = log Σ φ(u_k), which neither underflows nor overflows.

    The state is the largest log φ(u_k) and the rest of L, apart, so that shares of the sum are not
    rounded as a large L is.
    """

    gamma: Gamma
    phi: Phi

    @property
    def n_kept(self) -> int:
        return 1

    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        log_total = _log_total(self.phi, scores, labels)
        return self.gamma.value(log_total.sum(1)), (log_total,)

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        largest, rest = state[0].split(1, dim=1)
        margins = margins_of(scores, labels)
        log_shares = self.phi.log_value(margins) - largest
        log_slope = self.gamma.log_slope(largest + rest) - rest
        return balanced((log_shares + (self.phi.log_ratio(margins) + log_slope)).exp(), labels)

    def refined(self, scores: Tensor, labels: Tensor, state: State) -> State:
        return (_log_total(self.phi, scores, labels),)

    def log_values(self, scores: Tensor, labels: Tensor) -> Tensor:
        return self.gamma.log_value(_log_total(self.phi, scores, labels).sum(1))

    @property
    def label_rate(self) -> float | None:
        """T·a for T log(1 + Σ e^(−a u_k)), a log-sum-exp less the true class's share."""
        gamma, phi = self.gamma, self.phi
        if isinstance(gamma, LogOnePlus) and isinstance(phi, Exponential) and phi.margin == 0:
            return gamma.temperature * phi.rate
        return None

    @property
    def overflows(self) -> bool:
        return self.gamma.overflows


def _log_total(phi: Phi, scores: Tensor, labels: Tensor) -> Tensor:
    """The largest log φ(u_k) and what the others add to it, (n, 2)."""
    logs = phi.log_value(margins_of(scores, labels))
    # the least float, as with −inf a row in which no other class counts would have no maximum
    logs = at_true_class(logs, labels, torch.finfo(logs.dtype).min)
    largest = logs.detach().amax(1, keepdim=True)
    rest = (logs - largest).exp().sum(1, keepdim=True).log()
    return torch.cat([largest, rest], dim=1)
