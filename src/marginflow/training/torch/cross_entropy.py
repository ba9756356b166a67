"""The cross-entropy on rows, by torch's own softmax where that is one pass.

As a sum over the margins (`margin_sums`) it costs some passes over the scores, of which a compiler
makes one, and which a second derivative needs.  Otherwise the softmax does nearly all: the loss is
the logarithm of what it leaves to the others, summed without the true class, so that nothing is
lost where the true class has nearly all.  The gradient is then at hand, and kept.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from marginflow.training.torch.gamma_functions import LogOnePlus
from marginflow.training.torch.margin_sums import LogMarginSum
from marginflow.training.torch.phi_functions import Exponential
from marginflow.training.torch.row_rule import State, at_true_class, margins_of


@dataclass(frozen=True)
class CrossEntropyRule(LogMarginSum):
    """ψ(u) = log(1 + Σ_k e^(−u_k)).

    The state is the gradient (n, K), or that of the sum over the margins.
    """

    gamma: LogOnePlus = field(default=LogOnePlus(1.0), init=False)
    phi: Exponential = field(default=Exponential(1.0, 0.0), init=False)

    @property
    def keeps_gradient(self) -> bool:
        return True

    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        if _is_plain():
            return super().values(scores, labels)
        p = torch.softmax(scores, dim=1)
        own = p.gather(1, labels)
        others = at_true_class(p, labels, 0.0).sum(1, keepdim=True)
        values = torch.where(others <= 0.5, -(-others).log1p(), -own.log())
        lost = own < torch.finfo(own.dtype).smallest_normal
        if scores.device.type != "cpu" or lost.any():
            # by the largest score, whose probability is not lost
            gap = scores.amax(1, keepdim=True) - scores.gather(1, labels)
            values = torch.where(lost, gap - p.amax(1, keepdim=True).log(), values)
        return values[:, 0], (at_true_class(p, labels, -others),)

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        if not _is_plain():
            return state[0]
        largest, rest = state[0].split(1, dim=1)
        log_shares = self.phi.log_value(margins_of(scores, labels)) - largest
        # the shares sum to one, so that the others sum to e^log_slope
        log_slope = self.gamma.log_slope(largest + rest)
        others = (log_shares + (log_slope - rest)).exp()
        return at_true_class(others, labels, -log_slope.exp())


def _is_plain() -> bool:
    """Whether what is computed is differentiated again, or compiled."""
    return torch.is_grad_enabled() or torch.compiler.is_compiling()
