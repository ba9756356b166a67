"""The predictions of Tsallis negentropies on rows: the entmax family, without a sort up to order 2.

With g the distances from the largest score and q = α − 1 the probabilities are

    p_k = (T − q g_k)₊^(1/q),

with one unknown T a row.  It is solved for as `losses.tsallis_probabilities` says: by Newton's
method from one side, in log(max p) where |q| is small, and from the smallest positive probability
where q > 1.  What is solved for is the state of the row.

The loop is not differentiated.  Its solution gets one more step of Newton's method that is, with
the solution and the slope held fixed: the derivative of that step is what the implicit function
theorem says.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from marginflow.training.torch.row_blocks import rows_of_a_block

_NEARLY_SOFTMAX = 1 / 8
_MAX_STEPS = 200


@dataclass(frozen=True)
class Prediction(ABC):
    """p for gaps (n, K), the distances from the largest score, for one q = α − 1."""

    q: float

    @property
    def columns(self) -> int:
        """How many numbers a row's state has."""
        return 1

    @abstractmethod
    def solve(self, gaps: Tensor) -> Tensor:
        """The state (n, columns)."""

    @abstractmethod
    def refine(self, gaps: Tensor, state: Tensor) -> Tensor:
        """The state after one more step, with the solution's first derivatives."""

    @abstractmethod
    def log(self, gaps: Tensor, state: Tensor) -> Tensor:
        """Log p, −inf outside of the support."""

    @abstractmethod
    def reach(self, state: Tensor) -> Tensor:
        """The gap (n, 1) from which on probabilities are zero."""

    def power(self, gaps: Tensor, state: Tensor, exponent: float) -> Tensor:
        """p^exponent, zero outside of the support."""
        return (exponent * self.log(gaps, state)).exp()


def prediction_of_order(alpha: float) -> Prediction:
    """The prediction of the Tsallis negentropy of order α, other than 1."""
    q = alpha - 1
    if q > 1:
        return FromSmallest(q)
    return NearlySoftmax(q) if abs(q) < _NEARLY_SOFTMAX else FromLargest(q)


def solved(prediction: Prediction, gaps: Tensor) -> Tensor:
    """The state for gaps (n, K), without derivatives."""
    return (
        _solve_as_it_is(gaps, prediction.q)
        if torch.compiler.is_compiling()
        else prediction.solve(gaps)
    )


# A loop that ends where its data say so has no fixed program: a compiler is given it as one call.
# It makes many passes, by blocks of rows that a cache holds.
@torch.library.custom_op("marginflow::solve_prediction", mutates_args=())
def _solve_as_it_is(gaps: Tensor, q: float) -> Tensor:
    prediction = prediction_of_order(1 + q)
    return torch.cat([prediction.solve(block) for block in gaps.split(rows_of_a_block(gaps))])


@_solve_as_it_is.register_fake
def _(gaps: Tensor, q: float) -> Tensor:
    return gaps.new_empty((gaps.shape[0], prediction_of_order(1 + q).columns))


class FromLargest(Prediction):
    """For −1 < q ≤ 1 but near 0: the state is T = (max p)^q."""

    def solve(self, gaps: Tensor) -> Tensor:
        noise, inward = 4 * torch.finfo(gaps.dtype).eps, math.copysign(1.0, self.q)
        power = gaps.new_ones((gaps.shape[0], 1))
        moving = torch.ones_like(power, dtype=torch.bool)
        for _ in range(_MAX_STEPS):
            excess, slope = self._excess(gaps, power)
            change = excess / slope
            # each row ends by itself, so that no row depends on the others
            power = torch.where(moving, power - change, power)
            moving = moving & (inward * change > noise * power)
            if not moving.any():
                break
        return power

    def refine(self, gaps: Tensor, state: Tensor) -> Tensor:
        excess, slope = self._excess(gaps, state)
        return state - excess / slope.detach()

    def log(self, gaps: Tensor, state: Tensor) -> Tensor:
        rest = torch.sub(state, gaps, alpha=self.q)
        outside = rest <= 0
        return (rest.masked_fill(outside, 1).log() / self.q).masked_fill(outside, -math.inf)

    def power(self, gaps: Tensor, state: Tensor, exponent: float) -> Tensor:
        return positive_power(torch.sub(state, gaps, alpha=self.q), exponent / self.q)

    def reach(self, state: Tensor) -> Tensor:
        return state / self.q if self.q > 0 else torch.full_like(state, math.inf)

    def _excess(self, gaps: Tensor, power: Tensor) -> tuple[Tensor, Tensor]:
        """What the sum of the p_k has too much, in a form convex in T, and its slope."""
        q, rest = self.q, torch.sub(power, gaps, alpha=self.q)
        total = positive_power(rest, 1 / q).sum(1, keepdim=True)
        slope = positive_power(rest, 1 / q - 1).sum(1, keepdim=True)
        return total - 1 if q == 1 else -total * (-q * total.log()).expm1(), slope


class NearlySoftmax(Prediction):
    """For small |q|, where T is near 1 and has lost digits: the state is log(max p)."""

    def solve(self, gaps: Tensor) -> Tensor:
        top = FromLargest(self.q).solve(gaps).log() / self.q
        return self.refine(gaps, self.refine(gaps, top))

    def refine(self, gaps: Tensor, state: Tensor) -> Tensor:
        q, logs = self.q, self.log(gaps, state)
        total = logs.exp().sum(1, keepdim=True)
        weights = ((1 - q) * logs.detach() + q * state).exp().sum(1, keepdim=True)
        return state + (total / weights * (-q * total.log()).expm1()).log1p() / q

    def log(self, gaps: Tensor, state: Tensor) -> Tensor:
        change = -self.q * gaps * (-self.q * state).exp()
        outside = change <= -1
        return (state + change.masked_fill(outside, 0).log1p() / self.q).masked_fill(
            outside, -math.inf
        )

    def reach(self, state: Tensor) -> Tensor:
        q = self.q
        return (q * state).exp() / q if q > 0 else torch.full_like(state, math.inf)


class FromSmallest(Prediction):
    """For q > 1: the state is the smallest positive probability b, and the gap it has."""

    @property
    def columns(self) -> int:
        return 2

    def solve(self, gaps: Tensor) -> Tensor:
        edge = self._largest_gap_of_support(gaps)
        # all of the support at least as likely as b leaves b at most one in so many
        smallest = 1 / (gaps <= edge).sum(1, keepdim=True).to(gaps.dtype)
        moving = torch.ones_like(smallest, dtype=torch.bool)
        noise = 4 * torch.finfo(gaps.dtype).eps
        for _ in range(_MAX_STEPS):
            change = self._change(gaps, smallest, edge)
            # rounding must not carry it below zero
            following = torch.maximum(smallest - change, smallest / 1024)
            smallest = torch.where(moving, following, smallest)
            moving = moving & (change > noise * smallest)
            if not moving.any():
                break
        return torch.cat([smallest, edge], dim=1)

    def refine(self, gaps: Tensor, state: Tensor) -> Tensor:
        smallest, edge = state[:, :1], state[:, 1:]
        edge = gaps.masked_fill(gaps > edge, -math.inf).amax(1, keepdim=True)
        return torch.cat([smallest - self._change(gaps, smallest, edge), edge], dim=1)

    def log(self, gaps: Tensor, state: Tensor) -> Tensor:
        smallest, edge = state[:, :1], state[:, 1:]
        outside = gaps > edge
        lifts = self.q * (edge - gaps).masked_fill(outside, 0)
        power = (self.q * smallest.log()).exp() + lifts
        # b^q may underflow
        raised = power.masked_fill(lifts == 0, 1).log() / self.q
        return torch.where(lifts == 0, smallest.log(), raised).masked_fill(outside, -math.inf)

    def reach(self, state: Tensor) -> Tensor:
        smallest, edge = state[:, :1], state[:, 1:]
        return edge + (self.q * smallest.log()).exp() / self.q

    def _change(self, gaps: Tensor, smallest: Tensor, edge: Tensor) -> Tensor:
        logs = self.log(gaps, torch.cat([smallest, edge], dim=1))
        excess = logs.exp().sum(1, keepdim=True) - 1
        falls = (self.q - 1) * (smallest.log() - logs).detach()
        ratio = falls.masked_fill(gaps > edge, -math.inf).exp()
        return excess / ratio.sum(1, keepdim=True)

    def _largest_gap_of_support(self, gaps: Tensor) -> Tensor:
        """That of the last entry, in order, whose predecessors alone sum to less than 1 there."""
        ordered = gaps.sort(1).values
        low = torch.zeros_like(gaps[:, :1], dtype=torch.long)
        high = low + gaps.shape[1]
        for _ in range(gaps.shape[1].bit_length() + 1):
            middle = (low + high) // 2
            edge = ordered.gather(1, middle)
            lifts = self.q * (edge - ordered).masked_fill(ordered >= edge, 0)
            inside = positive_power(lifts, 1 / self.q).sum(1, keepdim=True) < 1
            low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
        return ordered.gather(1, low)


def positive_power(values: Tensor, exponent: float) -> Tensor:
    """x₊^exponent, 0 for x ≤ 0 with derivatives of zero; small whole exponents are exact."""
    if exponent < 0:
        return values.pow(exponent)
    if exponent == 0:
        return (values > 0).to(values.dtype)
    if exponent < 1:
        outside = values <= 0
        return values.masked_fill(outside, 1).pow(exponent).masked_fill(outside, 0)
    positive = values.clamp(min=0)
    whole = int(exponent)
    if whole != exponent or whole > 8:
        return positive.pow(exponent)
    result = positive
    for _ in range(whole - 1):
        result = result * positive
    return result
