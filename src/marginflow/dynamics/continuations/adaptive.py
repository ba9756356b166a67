"""Adam and RMSProp with ε > 0 past the handover: gradient flow with step η/ε in the end.

While gradients are far above ε the entries of a step are nearly ±η, and the iterates end on a
lattice of that width: no flow follows them.  Once every √v̂ is below ε the steps shrink with the
gradient, and the modified equation in the weights and v holds.  It is followed until √v̂ is nothing
beside ε; from there on the method is heavy ball with learning rate η/ε.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from marginflow._results import Status
from marginflow.dynamics.compiled_module import CompiledModule
from marginflow.dynamics.continuations.adaptive_field import AdaptiveField
from marginflow.dynamics.continuations.continuation import (
    Continuation,
    Course,
    Problem,
    RunningSum,
)
from marginflow.dynamics.continuations.linear import LinearContinuation
from marginflow.dynamics.continuations.stepping import Steps, integrate
from marginflow.dynamics.descent import DescentState
from marginflow.dynamics.gradient_flow import typical_weight
from marginflow.dynamics.linear_method import linear_method
from marginflow.dynamics.log_time_path import LogTimePath
from marginflow.dynamics.optimizers import Adam, RMSProp

# √v̂ below this share of ε is nothing.
NOTHING = 1e-14
# The first averages are forgotten to e to minus this.
FORGOTTEN = 36.0


class AdaptiveContinuation(Continuation):
    """The modified equation in the weights and v, then that of heavy ball.

    Args:
        problem: the data and the loss.
        log_factor: the logarithm of the reduction's factor.
        optimizer: with ε > 0 and a constant learning rate.
    """

    # an entry whose gradient is about zero steps by ±η all the same
    amplifies = True

    def __init__(self, problem: Problem, log_factor: float, optimizer: Adam | RMSProp):
        self.problem, self.is_adam = problem, isinstance(optimizer, Adam)
        self.rate, self.eps = float(optimizer.learning_rate), float(optimizer.eps)
        self.b1 = float(optimizer.b1) if isinstance(optimizer, Adam) else 0.0
        self.b2 = float(optimizer.b2 if isinstance(optimizer, Adam) else optimizer.decay)
        method = linear_method([-self.b1, 1.0], [0.0, 1.0 - self.b1])
        log_step = math.log(self.rate) - math.log(self.eps) + log_factor
        self.later = LinearContinuation(problem, log_step, method)
        self.far = self.later.far
        self.shape = problem.margin_map.weights_shape
        settings = (log_factor, self.rate, self.eps, self.b1, self.b2, float(self.is_adam))
        self.field = CompiledModule(
            AdaptiveField(
                jax.tree.map(jnp.asarray, problem.margin_map),
                problem.loss,
                *map(jnp.asarray, settings),
            )
        )
        self.seen: tuple[int, float] | None = None

    def obstacle(self, step: int, state: DescentState) -> str | None:
        size = self._largest_root(step, state) / self.eps
        before, self.seen = self.seen, (step, size)
        if size > 1.0:
            return (
                f"√v̂ is still up to {size:.3g} times eps = {self.eps:g}, where steps are nearly "
                f"±{self.rate:g} and no flow follows them{_handover(before, self.seen)}; raise "
                "max_prefix, or run train"
            )
        if self.b1 > 0 and -math.log(self.b1) * step < FORGOTTEN:
            return f"the first steps are not forgotten by b1 = {self.b1:g}; raise max_prefix"
        return self.later.obstacle(step, state)

    def run(
        self, step: int, state: DescentState, times: np.ndarray, rtol: float, judged: bool
    ) -> Course:
        weights = np.array(state.params).ravel()
        start = math.log(step)
        scaled = (step * self.rate / self.eps) ** 2 * self._squares(state).ravel()
        point = np.concatenate([weights, scaled])
        scale = typical_weight(self.problem.margin_map, weights)
        omitted = RunningSum(self._neglected, start, point) if judged else None
        found = integrate(
            self._velocity,
            self._jacobian,
            start,
            point,
            times,
            rtol=rtol,
            atol=rtol * np.repeat([scale, scale**2], len(weights)),
            enough=self._is_heavy_ball,
            watch=omitted,
            progress=self.problem.progress,
        )
        path = self._path(found)
        total = 0.0 if omitted is None else omitted.total
        rest = times[len(found.points) :]
        if found.status != Status.DONE or not len(rest):
            return Course(path, total)
        end = found.point[: len(weights)]
        course = self.later.follow(found.log_time, end, rest, rtol, judged)
        course.path.log_times[:0] = path.log_times
        course.path.weights[:0] = path.weights
        course.path.residuals[:0] = path.residuals
        course.path.statistics["near_steps"] += found.steps
        course.path.rtol = max(course.path.rtol, found.rtol)
        return Course(course.path, total + course.omitted)

    def _path(self, found: Steps) -> LogTimePath:
        path = LogTimePath(status=found.status, message=found.message, rtol=found.rtol)
        path.statistics = {"near_steps": found.steps, "loosened": False}
        for log_time, point in zip(found.log_times, found.points, strict=True):
            weights = point[: len(point) // 2]
            residual = np.full_like(weights, np.nan)
            if self.far is not None:
                residual = self.far.residual(log_time, weights)
            path.append(log_time, weights, residual)
        return path

    def _squares(self, state: DescentState) -> np.ndarray:
        """The v that the next step divides by, with the gradient at these weights in it."""
        past, log_scale = state.memory.past
        root = np.asarray(past[1] if self.is_adam else past) * math.exp(float(log_scale))
        gradient = self.field("gradient", state.params)
        return self.b2 * root**2 + (1 - self.b2) * gradient**2

    def _largest_root(self, step: int, state: DescentState) -> float:
        bias = 1 - self.b2 ** (step + 1) if self.is_adam else 1.0
        return math.sqrt(float(self._squares(state).max()) / bias)

    def _halves(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights, scaled = np.split(point, 2)
        return weights.reshape(self.shape), scaled.reshape(self.shape)

    def _velocity(self, log_time: float, point: np.ndarray) -> np.ndarray:
        parts = self.field("log_time_velocity", np.float64(log_time), *self._halves(point))
        return np.concatenate([part.ravel() for part in parts])

    def _neglected(self, log_time: float, point: np.ndarray) -> float:
        return float(self.field("neglected", np.float64(log_time), *self._halves(point)))

    def _jacobian(self, log_time: float, point: np.ndarray) -> np.ndarray:
        """That of the equation to zeroth order, in weights and z."""
        weights, scaled = np.split(point, 2)
        time, rate = math.exp(log_time), -math.log(self.b2)
        unit = time * self.rate / self.eps
        bias = -math.expm1(-rate * (time + 1)) if self.is_adam else 1.0
        # k η/ε times the gradient and its derivative, and √v̂/ε
        pull = unit * self.field("gradient", weights.reshape(self.shape)).ravel()
        curvature = -self.later.field().jacobian(log_time, weights)
        share = np.sqrt(np.maximum(scaled, 1e-300) / bias) / (time * self.rate)
        slowed = pull / (1 + share) ** 2 * share / (2 * np.maximum(scaled, 1e-300))
        return np.block(
            [
                [-curvature / (1 + share)[:, None], np.diag(slowed)],
                [time * rate * 2 * pull[:, None] * curvature, np.diag(2 - rate * time + 0 * pull)],
            ]
        )

    def _is_heavy_ball(self, log_time: float, point: np.ndarray) -> bool:
        largest = float(np.max(np.split(point, 2)[1]))
        return math.sqrt(max(largest, 0.0)) < NOTHING * self.rate * math.exp(log_time)


def _handover(before: tuple[int, float] | None, now: tuple[int, float]) -> str:
    """Where √v̂ would reach ε at the rate at which it fell between two steps."""
    if before is None or not before[1] > now[1] > 1.0:
        return ""
    rate = math.log(before[1] / now[1]) / (now[0] - before[0])
    predicted = now[0] + math.log(now[1]) / rate
    return f" (at the pace since step {before[0]} this ends at about step {predicted:.2g})"
