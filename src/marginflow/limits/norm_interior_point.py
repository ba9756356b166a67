"""The largest margin of a few rows over the unit ball of a norm, by following the central path.

    maximize γ   subject to   A W ≥ γ,  ‖W‖ ≤ 1        for p ≥ 2
    maximize Σα  subject to   ‖Aᵀα‖_* ≤ 1,  α ≥ 0      for p < 2, whose dual norm has its p above 2

One is the other's dual.  Whichever has the smooth ball is solved: minimize
−τ cᵀx − Σ log(linear slacks) + Φ(ball), with τ growing.  Both have an inner point to start from,
whether or not anything separates.  The tangent of the path, linear in 1/τ, predicts; Newton steps
correct.  Newton's method does not see the units of the features, so badly scaled ones cost nothing.

The Newton matrix is formed in the smaller of the two spaces, that of the weights or that of the
rows, so neither many features nor many rows are dear.
"""

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from marginflow.limits.norm_ball import NormBall
from marginflow.limits.norm_newton import Normal, by_rows, by_weights
from marginflow.norms import Norm

_CENTERED = 0.3  # Newton decrement at which the path is followed further
_NEXT = 0.01  # the least factor from one 1/τ to the next
_TO_BOUNDARY = 0.7
_FIRST_LEFT = 0.5
_BOLDER = 3.0
_FEW, _MANY = 2, 5  # corrections
_FAR = 3.0  # how far below the best margin the path begins, in the length of the longest row
_FIRST = 0.1  # τ·α there
_BISECTIONS = 40
_IDLE = 3  # predictions without a smaller gap after which rounding has the say


class NormPoint(NamedTuple):
    """An approximate solution, of any scale.

    Attributes:
        weights: W, flat.
        dual: α (m,), positive.
        lower: min(A W)/‖W‖.
        upper: ‖Aᵀα‖_*/Σα, at least the best margin of these rows.
        steps: Newton steps taken.
    """

    weights: Float[np.ndarray, " p"]
    dual: Float[np.ndarray, " m"]
    lower: float
    upper: float
    steps: int

    @property
    def gap(self) -> float:
        """The gap relative to the margin; infinite where no margin is positive."""
        return 1.0 - self.lower / self.upper if self.lower > 0 else math.inf


def largest_margin(
    norm: Norm,
    shape: tuple[int, ...],
    rows: Float[np.ndarray, "m p"],
    *,
    rtol: float,
    max_steps: int = 400,
) -> NormPoint:
    """The weights of norm 1 whose least product with the rows is largest, and their dual.

    Args:
        norm: of the weights.
        shape: of the weights, of size p.
        rows: A, whose best margin should be of the order of 1 or less.
        rtol: stop when the gap relative to the margin is below this.
        max_steps: stop after so many Newton steps in any case.
    """
    with np.errstate(all="ignore"):  # what overflows is not finite, and ends the path
        return _follow(norm, shape, rows, rtol, max_steps)


def _follow(
    norm: Norm, shape: tuple[int, ...], rows: np.ndarray, rtol: float, max_steps: int
) -> NormPoint:
    path = (_PrimalPath if norm.p >= 2 else _DualPath)(norm, shape, rows)
    best: NormPoint | None = None
    idle = 0
    while path.steps < max_steps:
        path.newton()
        if not path.decrement <= _CENTERED:
            if not path.correct():
                break
            continue
        found = path.point()
        improved = best is None or found.gap < best.gap
        best = found if improved else best
        idle = 0 if improved or found.gap == math.inf else idle + 1
        if found.gap <= rtol or idle > _IDLE:
            break
        if not path.predict() and not path.correct():
            break
    return (best or path.point())._replace(steps=path.steps)


class _Path(ABC):
    """The central path of either problem: x minimizes −τ cᵀx − Σ log ℓ(x) + Φ(z(x)).

    Attributes:
        tau: τ.
        step: Newton's step at x.
        tangent: of the path, dx/dτ.
        decrement: Newton's decrement, sqrt(step·Hessian·step).
        steps: Newton steps computed.
        predicted: how many there were at the last prediction.
        left: the factor from one 1/τ to the next that is tried; smaller while few steps correct.
    """

    x: np.ndarray
    tau: float
    ball: NormBall
    step: np.ndarray
    tangent: np.ndarray
    decrement = math.inf
    steps = 0
    predicted = 0
    left = 1.0

    def __init__(self, norm: Norm, shape: tuple[int, ...], rows: Float[np.ndarray, "m p"]):
        self.norm, self.shape, self.rows = norm, shape, rows

    @abstractmethod
    def slacks(self, x: np.ndarray) -> np.ndarray:
        """ℓ(x), linear in x."""

    @abstractmethod
    def placed(self, x: np.ndarray) -> np.ndarray:
        """z(x), linear in x: what lies in the ball."""

    @abstractmethod
    def newton(self) -> None:
        """Step, tangent and decrement at x."""

    @abstractmethod
    def point(self) -> NormPoint:
        """Weights and dual to first order in the step, which is short."""

    @property
    @abstractmethod
    def goal(self) -> np.ndarray:
        """The coefficients c."""

    def bounded(self, weights: np.ndarray, dual: np.ndarray) -> NormPoint:
        """The point with the bounds that follow from it."""
        size = float(self.norm(weights.reshape(self.shape)))
        least = float((self.rows @ weights).min())
        pull = float(self.norm.dual((dual @ self.rows).reshape(self.shape)))
        return NormPoint(weights, dual, least / size, pull / float(dual.sum()), self.steps)

    def correct(self) -> bool:
        """Move by the step, as far as the objective falls; whether it did."""
        if not math.isfinite(self.decrement):
            return False
        slacks, change = self.slacks(self.x), self.slacks(self.step) - self.slacks(0 * self.step)
        value, slope = self.ball.value(self.placed(self.x)), self.decrement**2
        length = min(1.0, _TO_BOUNDARY / max(float((-change / slacks).max()), 1e-300))
        length = length if length > 0 else 1.0
        while length > 1e-12:
            moved = self.ball.value(self.placed(self.x + length * self.step))
            fall = self.tau * length * float(self.goal @ self.step) - (moved - value)
            fall += float(np.log1p(length * change / slacks).sum())
            if fall >= 0.1 * length * slope and self.inside(self.x + length * self.step):
                self.x = self.x + length * self.step
                return True
            length *= 0.5
        return False

    def inside(self, x: np.ndarray) -> bool:
        """Whether all slacks are positive and the ball holds its part."""
        return bool(self.slacks(x).min() > 0) and math.isfinite(self.ball.value(self.placed(x)))

    def predict(self) -> bool:
        """Take the step, then follow the tangent, linear in 1/τ, as far as it stays inside."""
        start = self.x + self.step
        if not self.inside(start):
            return False
        spent, self.predicted = self.steps - self.predicted, self.steps
        self.left *= 1.0 / _BOLDER if spent <= _FEW else _BOLDER if spent > _MANY else 1.0
        self.left = min(max(self.left, _NEXT), _FIRST_LEFT)
        share = 1.0 - self.left
        while share > 1e-4:
            if self.inside(start + share * (1.5 - 0.5 * share) * self.tau * self.tangent):
                self.x = start + share * self.tau * self.tangent
                self.tau /= 1.0 - share
                return True
            share *= 0.9
        return False


class _PrimalPath(_Path):
    """x = (W, γ): maximize γ with slacks A W − γ and W in the ball."""

    def __init__(self, norm: Norm, shape: tuple[int, ...], rows: Float[np.ndarray, "m p"]):
        super().__init__(norm, shape, rows)
        self.ball = NormBall(norm, shape)
        # far below the best margin W = 0 is nearly on the path
        pull = max(float(norm.dual(row.reshape(shape))) for row in rows)
        self.x = np.append(np.zeros(rows.shape[1]), -_FAR * pull)
        self.tau = len(rows) / (_FAR * pull)

    @property
    def goal(self) -> np.ndarray:
        return np.append(np.zeros(len(self.x) - 1), 1.0)

    def slacks(self, x: np.ndarray) -> np.ndarray:
        return self.rows @ x[:-1] - x[-1]

    def placed(self, x: np.ndarray) -> np.ndarray:
        return x[:-1]

    def newton(self) -> None:
        self.steps += 1
        inverse = 1.0 / self.slacks(self.x)
        ball = self.ball.barrier(self.x[:-1])
        scaled = ball.turn(self.rows) * inverse[:, None]
        gradient = ball.slopes - scaled.sum(axis=0)
        level = float(inverse.sum()) - self.tau
        few = len(scaled) < scaled.shape[1]
        found = (by_rows if few else by_weights)(ball, scaled, inverse, gradient, level)
        self.decrement = math.nan
        if found is not None:
            step, tangent = found
            self.decrement = math.sqrt(max(-float(gradient @ step[:-1]) - level * step[-1], 0.0))
            self.step = np.append(ball.turn_back(step[:-1]), step[-1])
            self.tangent = np.append(ball.turn_back(tangent[:-1]), tangent[-1])
            self.inverse = inverse

    def point(self) -> NormPoint:
        inverse = self.inverse
        moved = inverse * (1.0 - inverse * self.slacks(self.step))
        dual = moved if moved.min() >= 0 else inverse
        return self.bounded(self.x[:-1] + self.step[:-1], dual / self.tau)


class _DualPath(_Path):
    """x = α: maximize Σα with slacks α and Aᵀα in the ball."""

    def __init__(self, norm: Norm, shape: tuple[int, ...], rows: Float[np.ndarray, "m p"]):
        super().__init__(norm, shape, rows)
        self.ball = NormBall(norm.dual, shape)
        # the center among equal α
        pull = rows.sum(axis=0)
        low, high = 0.0, 1.0 / max(float(norm.dual(pull.reshape(shape))), 1e-300)
        for _ in range(_BISECTIONS):
            third = (high - low) / 3.0
            left, right = (
                self.ball.value(c * pull) - len(rows) * math.log(c)
                for c in (low + third, high - third)
            )
            low, high = (low, high - third) if left < right else (low + third, high)
        self.x = np.full(len(rows), 0.5 * (low + high))
        self.tau = _FIRST / self.x[0]

    @property
    def goal(self) -> np.ndarray:
        return np.ones(len(self.x))

    def slacks(self, x: np.ndarray) -> np.ndarray:
        return x

    def placed(self, x: np.ndarray) -> np.ndarray:
        return x @ self.rows

    def newton(self) -> None:
        self.steps += 1
        ball = self.ball.barrier(self.placed(self.x))
        scaled = ball.turn(self.rows) * self.x[:, None]
        # in units of α, where the Hessian of −Σ log α is the identity
        columns = np.sqrt(ball.curvature)[:, None] * scaled.T
        if ball.rank_one is not None:
            columns = np.concatenate([columns, [scaled @ ball.rank_one]])
        gradient = scaled @ ball.slopes - 1.0 - self.tau * self.x
        right = np.column_stack([-gradient, self.x])
        normal = Normal.of(columns, np.ones(len(self.x)))
        self.decrement = math.nan
        if normal is not None:
            solved = normal.solve(right)
            self.step, self.tangent = self.x * solved[:, 0], self.x * solved[:, 1]
            self.decrement = math.sqrt(max(-float(gradient @ solved[:, 0]), 0.0))
            self._ball, self._moved = ball, solved[:, 0] @ scaled

    def point(self) -> NormPoint:
        weights = self._ball.turn_back(self._ball.slopes + self._ball.hessian(self._moved))
        return self.bounded(weights / self.tau, self.x + self.step)
