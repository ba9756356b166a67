"""Losses of the least margin alone: the Crammer–Singer hinge and its square."""

from dataclasses import dataclass

import torch
from torch import Tensor

from marginflow.training.torch.phi_functions import Phi
from marginflow.training.torch.row_rule import RowRule, State, at_true_class, balanced, margins_of


@dataclass(frozen=True)
class LeastMargin(RowRule):
    """ψ(u) = φ(min u); margins that tie for the least share the pull equally."""

    phi: Phi

    @property
    def n_kept(self) -> int:
        return 1

    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        least = self._margins(scores, labels).amin(1, keepdim=True)
        return self.phi.value(least[:, 0]), (least,)

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        tied = self._margins(scores, labels) == state[0]
        return balanced(self.phi.pull(state[0]) / tied.sum(1, keepdim=True) * tied, labels)

    def refined(self, scores: Tensor, labels: Tensor, state: State) -> State:
        return (self._margins(scores, labels).amin(1, keepdim=True),)

    def _margins(self, scores: Tensor, labels: Tensor) -> Tensor:
        margins = margins_of(scores, labels)
        return at_true_class(margins, labels, torch.finfo(margins.dtype).max)
