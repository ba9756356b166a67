"""The γ of γ(Σ φ(u_k)) on tensors: how the margins' costs make one loss.

The formulas are those of `losses.gamma_functions`, under the same names and parameters.  Each takes
the logarithm L of the sum, and states its value, the logarithm of it, and that of its slope dγ/dL,
which is positive.  They work on one number a sample, so that none of them costs anything.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from marginflow.training.torch.phi_functions import log_fraction, log_softplus, softplus


class Gamma(ABC):
    """An increasing function of a sum that is given by its logarithm."""

    @abstractmethod
    def value(self, log_total: Tensor) -> Tensor:
        """γ(e^L)."""

    @abstractmethod
    def log_value(self, log_total: Tensor) -> Tensor:
        """The logarithm of γ(e^L)."""

    @abstractmethod
    def log_slope(self, log_total: Tensor) -> Tensor:
        """The logarithm of dγ/dL."""

    @property
    def overflows(self) -> bool:
        """Whether slopes exceed the floats at sums that come from scores."""
        return False


@dataclass(frozen=True)
class LogOnePlus(Gamma):
    """γ(S) = T log(1 + S)."""

    temperature: float

    def value(self, log_total: Tensor) -> Tensor:
        return self.temperature * softplus(log_total)

    def log_value(self, log_total: Tensor) -> Tensor:
        return math.log(self.temperature) + log_softplus(log_total)

    def log_slope(self, log_total: Tensor) -> Tensor:
        return math.log(self.temperature) - softplus(-log_total)


@dataclass(frozen=True)
class ProbabilityPower(Gamma):
    """γ(S) = (1 − p^q) / q with p = 1/(1 + S)."""

    power: float

    def value(self, log_total: Tensor) -> Tensor:
        return -(-self.power * softplus(log_total)).expm1() / self.power

    def log_value(self, log_total: Tensor) -> Tensor:
        log_size = math.log(abs(self.power))
        log_value = log_fraction(log_size + log_softplus(log_total)) - log_size
        return log_value + max(-self.power, 0.0) * softplus(log_total)

    def log_slope(self, log_total: Tensor) -> Tensor:
        return -self.power * softplus(log_total) - softplus(-log_total)

    @property
    def overflows(self) -> bool:
        return self.power < 0


@dataclass(frozen=True)
class ErrorPower(Gamma):
    """γ(S) = (1 − p)^r with p = 1/(1 + S)."""

    power: float

    def value(self, log_total: Tensor) -> Tensor:
        return self.log_value(log_total).exp()

    def log_value(self, log_total: Tensor) -> Tensor:
        return -self.power * softplus(-log_total)

    def log_slope(self, log_total: Tensor) -> Tensor:
        log_abs = -self.power * softplus(-log_total) - softplus(log_total)
        return math.log(self.power) + log_abs


@dataclass(frozen=True)
class Focused(Gamma):
    """γ(S) = (1 − p)^g (−log p) with p = 1/(1 + S)."""

    focus: float

    def value(self, log_total: Tensor) -> Tensor:
        return (-self.focus * softplus(-log_total)).exp() * softplus(log_total)

    def log_value(self, log_total: Tensor) -> Tensor:
        return log_softplus(log_total) - self.focus * softplus(-log_total)

    def log_slope(self, log_total: Tensor) -> Tensor:
        # log(1 + S) / S, which is 1 up to rounding where S is tiny
        ratio = (log_softplus(log_total) - log_total).exp()
        return -(self.focus + 1) * softplus(-log_total) + (self.focus * ratio).log1p()


@dataclass(frozen=True)
class LogSeries(Gamma):
    """γ(S) = Σ_{i ≤ t} (1 − p)^i / i with p = 1/(1 + S)."""

    order: int

    def value(self, log_total: Tensor) -> Tensor:
        error = (-softplus(-log_total)).exp()
        return error * self._series(error)

    def log_value(self, log_total: Tensor) -> Tensor:
        log_error = -softplus(-log_total)
        return log_error + self._series(log_error.exp()).log()

    def log_slope(self, log_total: Tensor) -> Tensor:
        # 1 − (1−p)^t = 1 − e^(−x) with x = −t log(1−p), in logarithms as x may underflow
        left = log_fraction(math.log(self.order) + log_softplus(-log_total))
        return left - softplus(-log_total)

    def _series(self, error: Tensor) -> Tensor:
        """Σ_{i ≤ t} (1 − p)^(i−1) / i."""
        series = torch.zeros_like(error)
        for i in range(self.order, 0, -1):
            series = series * error + 1 / i
        return series
