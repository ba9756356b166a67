"""A loss of one's own in torch: a function of one sample's margins."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import grad, vmap

from marginflow.training.torch.loss_module import TorchLoss
from marginflow.training.torch.row_rule import RowRule, State, balanced


@dataclass(frozen=True)
class TemplateRule(RowRule):
    """A function of margins (K−1,), mapped over the rows and differentiated by torch."""

    function: Callable[[Tensor], Tensor]

    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        return vmap(self.function)(_margins(scores, labels)), ()

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        pulls = -vmap(grad(self.function))(_margins(scores, labels))
        nothing = torch.zeros_like(pulls[:, :1])
        kept, shifted = torch.cat([pulls, nothing], dim=1), torch.cat([nothing, pulls], dim=1)
        classes = torch.arange(scores.shape[1], device=scores.device)
        return balanced(torch.where(classes < labels, kept, shifted), labels)

    @property
    def overflows(self) -> bool:
        return True


class TemplateLoss(TorchLoss):
    """A loss made of a function of one sample's margins, as `marginflow.TemplateLoss` is in JAX.

    The function is mapped over the samples by `torch.func.vmap` and differentiated by
    `torch.func.grad`, so that it must not depend on the values of its margins by `if`.

    Args:
        function: maps margins (K−1,), the true class's score less each other in their order, to a
            scalar, in torch.
        weight: as `TorchLoss`.
        ignore_index: as `TorchLoss`.
        reduction: as `TorchLoss`.

    Raises:
        TypeError: if `function` cannot be called.
        ValueError: as `TorchLoss`.

    Example:
        >>> import torch
        >>> from marginflow.training import torch as mft
        >>> loss = mft.TemplateLoss(lambda u: torch.log1p(torch.exp(-u).sum()))
        >>> loss(torch.zeros(1, 3), torch.tensor([2]))
        tensor(1.0986)
    """

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ):
        if not callable(function):
            raise TypeError(
                "TemplateLoss expects a function of one sample's margins (K-1,), "
                f"got {type(function).__name__}."
            )
        super().__init__(
            TemplateRule(function), weight=weight, ignore_index=ignore_index, reduction=reduction
        )


def _margins(scores: Tensor, labels: Tensor) -> Tensor:
    """Relative margins (n, K−1): own score minus each other, ascending."""
    before = torch.arange(scores.shape[1] - 1, device=scores.device) < labels
    return scores.gather(1, labels) - torch.where(before, scores[:, :-1], scores[:, 1:])
