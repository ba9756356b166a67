"""The φ of γ(Σ φ(u_k)) on tensors: what one margin costs, and how hard it pulls.

The formulas are those of `losses.phi_functions`, under the same names and parameters.  Every φ
falls, so that its pull −φ′ is not negative.  Pulls are differentiated, for second derivatives, and
so are values and their logarithms, for the logarithm of a loss: none has a branch that is NaN.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


class Phi(ABC):
    """A falling function of one margin, entry by entry."""

    @abstractmethod
    def value(self, margins: Tensor) -> Tensor:
        """φ(u)."""

    @abstractmethod
    def pull(self, margins: Tensor) -> Tensor:
        """−φ′(u)."""

    def log_value(self, margins: Tensor) -> Tensor:
        """The logarithm of φ(u), −inf at zero."""
        return log_of_nonnegative(self.value(margins))

    def log_ratio(self, margins: Tensor) -> Tensor | float:
        """The logarithm of −φ′(u)/φ(u), any number where both are zero."""
        nothing = self.pull(margins) == 0
        log_pull = self.pull(margins).masked_fill(nothing, 1).log()
        return log_pull - self.log_value(margins).masked_fill(nothing, 0)

    @property
    def overflows(self) -> bool:
        """Whether pulls exceed the floats at scores that do not."""
        return False


@dataclass(frozen=True)
class Exponential(Phi):
    """φ(u) = e^(a(m − u))."""

    rate: float
    margin: float

    def value(self, margins: Tensor) -> Tensor:
        return self.log_value(margins).exp()

    def pull(self, margins: Tensor) -> Tensor:
        return self.value(margins) * self.rate

    def log_value(self, margins: Tensor) -> Tensor:
        logs = self.margin - margins if self.margin else -margins
        return logs if self.rate == 1 else logs * self.rate

    def log_ratio(self, margins: Tensor) -> float:
        return math.log(self.rate)

    @property
    def overflows(self) -> bool:
        return True


class Logistic(Phi):
    """φ(u) = log(1 + e^(−u))."""

    def value(self, margins: Tensor) -> Tensor:
        return -logsigmoid(margins)

    def pull(self, margins: Tensor) -> Tensor:
        return torch.sigmoid(-margins)

    def log_value(self, margins: Tensor) -> Tensor:
        return log_softplus(-margins)

    def log_ratio(self, margins: Tensor) -> Tensor:
        return logsigmoid(-margins) - log_softplus(-margins)


class Sigmoid(Phi):
    """φ(u) = 1 / (1 + e^u)."""

    def value(self, margins: Tensor) -> Tensor:
        return torch.sigmoid(-margins)

    def pull(self, margins: Tensor) -> Tensor:
        return torch.sigmoid(margins) * torch.sigmoid(-margins)

    def log_value(self, margins: Tensor) -> Tensor:
        return logsigmoid(-margins)

    def log_ratio(self, margins: Tensor) -> Tensor:
        return logsigmoid(margins)


class Hinge(Phi):
    """φ(u) = max(0, 1 − u)."""

    def value(self, margins: Tensor) -> Tensor:
        return (1 - margins).clamp(min=0)

    def pull(self, margins: Tensor) -> Tensor:
        return (margins < 1).to(margins.dtype)


class SquaredHinge(Phi):
    """φ(u) = max(0, 1 − u)²."""

    def value(self, margins: Tensor) -> Tensor:
        return (1 - margins).clamp(min=0).square()

    def pull(self, margins: Tensor) -> Tensor:
        return (1 - margins).clamp(min=0) * 2


@dataclass(frozen=True)
class SmoothHinge(Phi):
    """φ(u) = c (m − u)²/(2w) for m − w ≤ u ≤ m, zero above and c (m − u − w/2) below."""

    margin: float
    width: float
    steepness: float

    def value(self, margins: Tensor) -> Tensor:
        missing = (self.margin - margins).clamp(min=0)
        bent, straight = missing.square() / (2 * self.width), missing - self.width / 2
        return self.steepness * torch.where(missing < self.width, bent, straight)

    def pull(self, margins: Tensor) -> Tensor:
        return self.steepness * ((self.margin - margins) / self.width).clamp(0, 1)


@dataclass(frozen=True)
class Polynomial(Phi):
    """φ(u) = (1 + u)^(−p) for u ≥ 0, continued below by its second-order Taylor polynomial."""

    degree: float

    def value(self, margins: Tensor) -> Tensor:
        p, positive = self.degree, margins.clamp(min=0)
        negative = torch.where(margins < 0, margins, 0)
        return (1 + positive).pow(-p) + negative * (negative * (p * (p + 1) / 2) - p)

    def pull(self, margins: Tensor) -> Tensor:
        p, positive, negative = self.degree, margins.clamp(min=0), margins.clamp(max=0)
        return p * ((1 + positive).pow(-p - 1) - (p + 1) * negative)


@dataclass(frozen=True)
class Stretched(Phi):
    """φ(u) = e^(−u^ν) for u ≥ 1, continued below by its second-order Taylor polynomial."""

    power: float

    def value(self, margins: Tensor) -> Tensor:
        nu, above = self.power, margins.clamp(min=1)
        below = torch.where(margins < 1, margins - 1, 0)
        return (-above.pow(nu)).exp() + (nu / math.e) * (below * (below / 2 - 1))

    def pull(self, margins: Tensor) -> Tensor:
        nu, above, below = self.power, margins.clamp(min=1), (margins - 1).clamp(max=0)
        return nu * (above.pow(nu - 1) * (-above.pow(nu)).exp() - below / math.e)

    def log_value(self, margins: Tensor) -> Tensor:
        tail = -margins.clamp(min=1).pow(self.power)
        return torch.where(margins > 1, tail, super().log_value(margins.clamp(max=1)))

    def log_ratio(self, margins: Tensor) -> Tensor:
        tail = math.log(self.power) + (self.power - 1) * margins.clamp(min=1).log()
        return torch.where(margins > 1, tail, super().log_ratio(margins.clamp(max=1)))


def softplus(x: Tensor) -> Tensor:
    """log(1 + e^x), to rounding; torch's own leaves the 1 out above 20."""
    return -logsigmoid(-x)


def log_softplus(x: Tensor) -> Tensor:
    """The logarithm of log(1 + e^x), which tends to x as x → −∞."""
    small = x < -37
    return torch.where(small, x, softplus(x.masked_fill(small, 0)).log())


def log_fraction(log_x: Tensor) -> Tensor:
    """The logarithm of 1 − e^(−x), for log x, which it tends to as x → 0."""
    small = log_x < -37
    return torch.where(small, log_x, (-(-log_x.masked_fill(small, 0).exp()).expm1()).log())


def log_of_nonnegative(values: Tensor) -> Tensor:
    """The logarithm, −inf at zero with derivatives of zero there instead of NaN."""
    zero = values == 0
    return values.masked_fill(zero, 1).log().masked_fill(zero, -math.inf)
