"""The cross-entropy on rows, by torch's own softmax where that is one pass.

The loss is the logarithm of what the softmax leaves to the other classes, summed without the true
class, so that nothing is lost where the true class has nearly all.  The softmax makes the gradient
too, which is then kept.  A compiler is given the passes apart, largest score, sum and gradient,
since it fuses what is around each of them, and so is a second derivative.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from marginflow.training.torch.gamma_functions import LogOnePlus
from marginflow.training.torch.margin_sums import LogMarginSum
from marginflow.training.torch.phi_functions import Exponential
from marginflow.training.torch.row_rule import RowRule, State, at_true_class

_IN_LOGARITHMS = LogMarginSum(LogOnePlus(1.0), Exponential(1.0, 0.0))


@dataclass(frozen=True)
class CrossEntropyRule(RowRule):
    """ψ(u) = log(1 + Σ_k e^(−u_k)).

    The state is the gradient (n, K) and the loss; or the largest score and the logarithm of
    Σ e^(θ_k − it) over all classes.
    """

    @property
    def n_kept(self) -> int:
        return 2

    @property
    def keeps_gradient(self) -> bool:
        return True

    @property
    def label_rate(self) -> float:
        return 1.0

    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            largest, log_total = self._normalizer(scores, labels)
            values = largest - scores.gather(1, labels) + log_total
            return values[:, 0], (largest, log_total)
        p = torch.softmax(scores, dim=1)
        own = p.gather(1, labels)
        others = at_true_class(p, labels, 0.0).sum(1, keepdim=True)
        values = torch.where(others <= 0.5, -(-others).log1p(), -own.log())
        lost = own < torch.finfo(own.dtype).smallest_normal
        if scores.device.type != "cpu" or lost.any():
            # by the largest score, whose probability is not lost
            gap = scores.amax(1, keepdim=True) - scores.gather(1, labels)
            values = torch.where(lost, gap - p.amax(1, keepdim=True).log(), values)
        return values[:, 0], (at_true_class(p, labels, -others), values)

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        if state[0].shape[1] > 1:
            return state[0]
        largest, log_total = state
        log_own = scores.gather(1, labels) - largest - log_total
        return at_true_class((scores - largest - log_total).exp(), labels, log_own.expm1())

    def refined(self, scores: Tensor, labels: Tensor, state: State) -> State:
        return self._normalizer(scores, labels)

    def log_values(self, scores: Tensor, labels: Tensor) -> Tensor:
        return _IN_LOGARITHMS.log_values(scores, labels)

    def _normalizer(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        largest = scores.detach().amax(1, keepdim=True)
        others = at_true_class((scores - largest).exp(), labels, 0.0).sum(1, keepdim=True)
        # the true class apart: where it leads, others may be far below the rounding of one
        return largest, (others + (scores.gather(1, labels) - largest).expm1()).log1p()
