"""What every loss is for torch: a module that takes scores and targets."""

from torch import Tensor, nn

from marginflow.losses import Loss
from marginflow.training.torch.reduced_loss import REDUCTIONS, reduced_loss
from marginflow.training.torch.row_rule import RowRule
from marginflow.training.torch.rules import rule_of


class TorchLoss(nn.Module):
    """A loss of scores and targets, as a module.

    Scores are (..., K), classes last, or (...) for a binary problem with one score for the class 1.
    Targets are integers (...), or shares of the classes (..., K) where the loss is linear in the
    label: the loss is then Σ_k q_k ℓ(θ, k), a weight multiplies its class's share, and the mean is
    that over all samples.

    Arithmetic is in float32, or in float64 for scores of that type.  The result has the type of the
    scores, under autocast that of the arithmetic.  The true class's entry of the gradient is minus
    the sum of the others, so that it is not lost where a probability rounds to one.

    Args:
        rule: what the loss is on rows of scores.
        weight: one number for each class, or None: a sample counts as its class does.
        ignore_index: a target with which a sample does not count.
        reduction: "mean", which divides by the sum of the weights of the samples that count, "sum",
            "none", or "logmean", the logarithm of the mean, whose gradient ∇L/L is left where the
            loss underflows.

    Raises:
        ValueError: if the reduction is none of the four; when called, if shapes or targets do not
            fit, or soft targets are not defined.
    """

    weight: Tensor | None

    def __init__(
        self,
        rule: RowRule,
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ):
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction: expected one of {REDUCTIONS}, got {reduction!r}.")
        self.rule = rule
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.reduction = reduction

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        return reduced_loss(
            self.rule, scores, targets, self.weight, self.ignore_index, self.reduction
        )

    def extra_repr(self) -> str:
        return f"{self.rule}, reduction={self.reduction!r}"


class DefinedLoss(TorchLoss):
    """The twin of a loss of `marginflow`.

    Args:
        definition: the loss, as `marginflow.FocalLoss(focus=3.0)`.
        weight: as `TorchLoss`.
        ignore_index: as `TorchLoss`.
        reduction: as `TorchLoss`.

    Raises:
        TypeError: if there is no twin of such a loss; the message says what to do.
        ValueError: as `TorchLoss`.
    """

    def __init__(
        self,
        definition: Loss,
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ):
        super().__init__(
            rule_of(definition), weight=weight, ignore_index=ignore_index, reduction=reduction
        )
        self.definition = definition

    def extra_repr(self) -> str:
        return f"{self.definition}, reduction={self.reduction!r}"
