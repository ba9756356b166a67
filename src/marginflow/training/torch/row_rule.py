"""What a loss is on rows of scores: its values and its gradient, and nothing of training.

A rule works on scores (n, K) of at least 32 bits and the true classes (n, 1).  It never forms the
margins u_k = θ_y − θ_k as K−1 columns: the true class keeps its place, and its entry is left out of
sums.  So nothing is moved, and the gradient is written where it belongs, the true class's entry as
minus the sum of the others.

A rule is plain tensor code.  What it keeps from the value to the gradient, as the threshold of each
row's sparsemax, is its state.  Second derivatives come from differentiating `gradients`, and the
state that `refined` gives it.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

State = tuple[Tensor, ...]


class RowRule(ABC):
    """A loss on rows.  Frozen; its parameters are numbers, so that a compiler can read them."""

    @property
    def n_kept(self) -> int:
        """How many tensors the state has."""
        return 0

    @abstractmethod
    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        """The losses (n,) and the state, tensors (n, ...).  Not differentiated."""

    @abstractmethod
    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        """The gradients (n, K), for the caller to read."""

    def refined(self, scores: Tensor, labels: Tensor, state: State) -> State:
        """A state for `gradients` as a differentiable function of the scores."""
        return state

    def log_values(self, scores: Tensor, labels: Tensor) -> Tensor | None:
        """The logarithms of the losses (n,), differentiable, right where losses underflow.

        None where no formula has them: a loss that falls no faster than a power of the margin, is
        zero from some margin on, or is a function of the user's.
        """
        return None

    @property
    def keeps_gradient(self) -> bool:
        """Whether the state is as large as the scores, so that blocks save no memory."""
        return False

    @property
    def label_rate(self) -> float | None:
        """The r of ℓ(θ, j) − ℓ(θ, k) = r (θ_k − θ_j) for all classes, None where there is none."""
        return None

    @property
    def overflows(self) -> bool:
        """Whether gradients exceed the floats at scores that do not."""
        return False


def margins_of(scores: Tensor, labels: Tensor) -> Tensor:
    """θ_y − θ_k for every class, 0 for the true one; (n, K) of its own memory."""
    return scores.gather(1, labels) - scores


def at_true_class(values: Tensor, labels: Tensor, entry: float | Tensor) -> Tensor:
    """Values (n, K) with another entry for the true class, in place unless they are differentiated.

    Args:
        values: of the caller's own memory.
        labels: (n, 1).
        entry: a number, or (n, 1).
    """
    if torch.compiler.is_compiling():
        # which a compiler fuses with what is around it
        return torch.where(
            torch.arange(values.shape[1], device=values.device) == labels, entry, values
        )
    if torch.is_grad_enabled():
        return values.scatter(1, labels, entry)
    return values.scatter_(1, labels, entry)


def balanced(values: Tensor, labels: Tensor) -> Tensor:
    """Values (n, K) with minus the sum of the others for the true class."""
    others = at_true_class(values, labels, 0.0)
    return at_true_class(others, labels, -others.sum(1, keepdim=True))
