"""Fenchel–Young losses on rows: values from how far a prediction is from the label.

The gradient of Ω*(θ) + Ω(e_y) − θ_y is the prediction, less one at the true class.  The values are
sums of terms that are not negative, as in `losses.tsallis_negentropy` and `losses.norm_negentropy`.
"""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from marginflow.training.torch.row_rule import RowRule, State, at_true_class, balanced
from marginflow.training.torch.tsallis_predictions import Prediction, prediction_of_order, solved

# Gauss–Legendre on (0, 1), for `_short_of_one`.
_X, _W = np.polynomial.legendre.leggauss(14)
_NODES = tuple(((1 + _X) / 2).tolist())
_WEIGHTS = tuple(((1 + _X) / 2 * _W / 2).tolist())


@dataclass(frozen=True)
class FenchelYoungRule(RowRule):
    """What the losses of predictions share.  They are linear in the label."""

    prediction: Prediction

    @property
    def label_rate(self) -> float:
        return 1.0

    @property
    def n_kept(self) -> int:
        return 1

    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        gaps = self.gaps(scores)
        solution = solved(self.prediction, gaps)
        return self.regret(gaps, labels, solution), (solution,)

    def refined(self, scores: Tensor, labels: Tensor, state: State) -> State:
        return (self.prediction.refine(self.gaps(scores), state[0]),)

    @abstractmethod
    def regret(self, gaps: Tensor, labels: Tensor, solution: Tensor) -> Tensor:
        """The losses (n,) for gaps (n, K), what is solved for being known."""

    def gaps(self, scores: Tensor) -> Tensor:
        """The distances from the largest score."""
        return scores.detach().amax(1, keepdim=True) - scores


@dataclass(frozen=True)
class TsallisRule(FenchelYoungRule):
    """The loss of the Tsallis negentropy of order α ≠ 1: entmax, and sparsemax for α = 2."""

    alpha: float

    @classmethod
    def of_order(cls, alpha: float) -> "TsallisRule":
        """For the order α."""
        return cls(prediction_of_order(alpha), alpha)

    def regret(self, gaps: Tensor, labels: Tensor, solution: Tensor) -> Tensor:
        prediction = self.prediction
        own = gaps.gather(1, labels)
        others, powers = (
            at_true_class(prediction.power(gaps, solution, exponent), labels, 0.0).sum(
                1, keepdim=True
            )
            for exponent in (1.0, self.alpha)
        )
        short = _short_of_one(prediction.log(own, solution), others, self.alpha)
        return (short + powers / self.alpha + _beyond(own, prediction.reach(solution)))[:, 0]

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        return balanced(self.prediction.power(self.gaps(scores), state[0], 1.0), labels)


@dataclass(frozen=True)
class NormEntropyRule(FenchelYoungRule):
    """The loss of ‖p‖_q − 1, whose (p/‖p‖_q)^q are the entmax of order 2 − 1/q of larger scores."""

    q: float

    @classmethod
    def of_norm(cls, q: float) -> "NormEntropyRule":
        """For the norm's order q."""
        return cls(prediction_of_order(2 - 1 / q), q)

    def regret(self, gaps: Tensor, labels: Tensor, solution: Tensor) -> Tensor:
        prediction, q = self.prediction, self.prediction.q
        own = gaps.gather(1, labels)
        others = at_true_class(prediction.power(gaps, solution, 1.0), labels, 0.0).sum(
            1, keepdim=True
        )
        # the own class's r^q falls short of 1 by what the others have
        rest = (-others.clamp(max=0.5)).log1p()
        log_own = torch.where(others <= 0.5, rest, prediction.log(own, solution))
        return (_beyond(own, prediction.reach(solution)) * q - (q * log_own).expm1())[:, 0]

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        roots = self.prediction.power(self.gaps(scores), state[0], 1 / self.q)
        return balanced(roots / roots.sum(1, keepdim=True), labels)

    def gaps(self, scores: Tensor) -> Tensor:
        return super().gaps(scores) * (self.q / (self.q - 1))


class DuchiKhosraviRuanRule(FenchelYoungRule):
    """ψ(u) = 1 + τ with τ the threshold of a sparsemax; the classes above it pull equally."""

    def regret(self, gaps: Tensor, labels: Tensor, solution: Tensor) -> Tensor:
        inside = gaps < solution
        # 1 − T, from one of the largest scores' view
        ties = (gaps == 0).sum(1) - 1
        missing = (1 - gaps).masked_fill(~inside | (gaps == 0), 0).sum(1) + ties
        return missing / inside.sum(1) + gaps.gather(1, labels)[:, 0]

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        inside = (self.gaps(scores) < state[0]).to(scores.dtype)
        return balanced(inside / inside.sum(1, keepdim=True), labels)


def _beyond(gap: Tensor, reach: Tensor) -> Tensor:
    """How far the true class is behind the reach of the prediction."""
    return torch.where(gap > reach, gap - reach, 0)


def _short_of_one(log_p: Tensor, rest: Tensor, alpha: float) -> Tensor:
    """∫_0^{1−p} s (1−s)^(α−2) ds, for p by its logarithm and by 1 − p, both (n, 1)."""
    q = alpha - 1
    small = rest <= 0.5
    near = rest.masked_fill(~small, 0)
    nodes, weights = near.new_tensor(_NODES), near.new_tensor(_WEIGHTS)
    integral = near.square() * (weights * (1 - near * nodes).pow(q - 1)).sum(1, keepdim=True)
    far = log_p.masked_fill(small, 0)
    return torch.where(small, integral, (alpha * far).expm1() / alpha - (q * far).expm1() / q)
