"""The Lee–Lin–Wahba loss on rows."""

from torch import Tensor

from marginflow.training.torch.row_rule import RowRule, State, at_true_class, balanced, margins_of


class LeeLinWahbaRule(RowRule):
    """ψ(u) = Σ_k max(0, 1/(K−1) + ū − u_k), with ū = Σ_j u_j / K."""

    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        hinges = _above(scores, labels).clamp(min=0)
        return at_true_class(hinges, labels, 0.0).sum(1), ()

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        active = at_true_class((_above(scores, labels) > 0).to(scores.dtype), labels, 0.0)
        return balanced(active - active.mean(1, keepdim=True), labels)


def _above(scores: Tensor, labels: Tensor) -> Tensor:
    """1/(K−1) plus each other class's score, where scores are shifted to sum to zero."""
    margins = margins_of(scores, labels)
    return 1 / (scores.shape[1] - 1) + (margins.mean(1, keepdim=True) - margins)
