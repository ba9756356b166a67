"""Losses made of losses, on rows: what follows from the parts, without a copy of the scores."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from marginflow.training.torch.log_losses import log_losses, log_sum
from marginflow.training.torch.row_rule import RowRule, State, at_true_class


@dataclass(frozen=True)
class SumRule(RowRule):
    """Σ_i w_i ψ_i(u)."""

    parts: tuple[RowRule, ...]
    weights: tuple[float, ...]

    @property
    def n_kept(self) -> int:
        return sum(part.n_kept for part in self.parts)

    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        total, state = scores.new_zeros(scores.shape[0]), ()
        for weight, part in zip(self.weights, self.parts, strict=True):
            values, own = part.values(scores, labels)
            total, state = total + weight * values, state + own
        return total, state

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        total = torch.zeros_like(scores)
        for weight, part, own in self._terms(state):
            total = total + weight * part.gradients(scores, labels, own)
        return total

    def refined(self, scores: Tensor, labels: Tensor, state: State) -> State:
        refined = ()
        for _, part, own in self._terms(state):
            refined += part.refined(scores, labels, own)
        return refined

    def log_values(self, scores: Tensor, labels: Tensor) -> Tensor:
        terms = [
            log_losses(scores, labels, part) + math.log(weight)
            for weight, part in zip(self.weights, self.parts, strict=True)
        ]
        return log_sum(torch.stack(terms))

    @property
    def label_rate(self) -> float | None:
        rates = [part.label_rate for part in self.parts]
        known = [rate for rate in rates if rate is not None]
        if len(known) < len(rates):
            return None
        return sum(weight * rate for weight, rate in zip(self.weights, known, strict=True))

    @property
    def overflows(self) -> bool:
        return any(part.overflows for part in self.parts)

    def _terms(self, state: State) -> Iterator[tuple[float, RowRule, State]]:
        """Each weight and part, with its part of the state."""
        start = 0
        for weight, part in zip(self.weights, self.parts, strict=True):
            yield weight, part, state[start : start + part.n_kept]
            start += part.n_kept


@dataclass(frozen=True)
class DerivedRule(RowRule):
    """A rule that is made of one other."""

    part: RowRule

    @property
    def n_kept(self) -> int:
        return self.part.n_kept

    @property
    def overflows(self) -> bool:
        return self.part.overflows


@dataclass(frozen=True)
class ScaledRule(DerivedRule):
    """c ψ₁(u)."""

    factor: float

    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        values, state = self.part.values(scores, labels)
        return self.factor * values, state

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        return self.factor * self.part.gradients(scores, labels, state)

    def refined(self, scores: Tensor, labels: Tensor, state: State) -> State:
        return self.part.refined(scores, labels, state)

    def log_values(self, scores: Tensor, labels: Tensor) -> Tensor:
        return log_losses(scores, labels, self.part) + math.log(self.factor)

    @property
    def label_rate(self) -> float | None:
        rate = self.part.label_rate
        return None if rate is None else self.factor * rate


@dataclass(frozen=True)
class TemperatureRule(DerivedRule):
    """ψ₁(u/T)."""

    temperature: float

    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        return self.part.values(scores / self.temperature, labels)

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        inner = self.part.gradients(scores / self.temperature, labels, state)
        return inner / self.temperature

    def refined(self, scores: Tensor, labels: Tensor, state: State) -> State:
        return self.part.refined(scores / self.temperature, labels, state)

    def log_values(self, scores: Tensor, labels: Tensor) -> Tensor:
        return log_losses(scores / self.temperature, labels, self.part)

    @property
    def label_rate(self) -> float | None:
        rate = self.part.label_rate
        return None if rate is None else rate / self.temperature


@dataclass(frozen=True)
class MarginRule(DerivedRule):
    """ψ₁(u − m)."""

    margin: float

    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        return self.part.values(self._handicapped(scores, labels), labels)

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        return self.part.gradients(self._handicapped(scores, labels), labels, state)

    def refined(self, scores: Tensor, labels: Tensor, state: State) -> State:
        return self.part.refined(self._handicapped(scores, labels), labels, state)

    def log_values(self, scores: Tensor, labels: Tensor) -> Tensor:
        return log_losses(self._handicapped(scores, labels), labels, self.part)

    def _handicapped(self, scores: Tensor, labels: Tensor) -> Tensor:
        return scores.scatter(1, labels, scores.gather(1, labels) - self.margin)


@dataclass(frozen=True)
class SmoothedRule(DerivedRule):
    """ψ₁(u) + (ε/K) Σ_k u_k, for ψ₁ that is linear in the label with rate 1."""

    smoothing: float

    def values(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, State]:
        values, state = self.part.values(scores, labels)
        drawn = (scores.gather(1, labels) - scores).sum(1)
        return values + drawn * (self.smoothing / scores.shape[1]), state

    def gradients(self, scores: Tensor, labels: Tensor, state: State) -> Tensor:
        gradient = self.part.gradients(scores, labels, state) - self.smoothing / scores.shape[1]
        return at_true_class(gradient, labels, gradient.gather(1, labels) + self.smoothing)

    def refined(self, scores: Tensor, labels: Tensor, state: State) -> State:
        return self.part.refined(scores, labels, state)

    @property
    def label_rate(self) -> float:
        return 1 - self.smoothing
