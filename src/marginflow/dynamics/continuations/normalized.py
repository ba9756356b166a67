"""Normalized gradient descent: steps of known length along the path of gradient flow."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from marginflow._results import Status
from marginflow.dynamics.compiled_module import CompiledModule
from marginflow.dynamics.continuations.continuation import (
    Continuation,
    Course,
    Problem,
    RunningSum,
)
from marginflow.dynamics.continuations.normalized_field import ROUNDING, NormalizedField
from marginflow.dynamics.continuations.stepping import integrate
from marginflow.dynamics.descent import DescentState
from marginflow.dynamics.gradient_flow import typical_weight
from marginflow.dynamics.log_time_path import TAIL_ONLY, LogTimePath

# Across the path, which is what counts, it is some tenths of this at most.
SMALL_CURVATURE = 0.5
# Across the path, at a later time.
LARGE_CURVATURE = 1.0
EPS = float(np.finfo(float).eps)
# What is left of the way is nothing beside the weights.
ARRIVED = 1e-13


class NormalizedContinuation(Continuation):
    """The modified equation beside the limit's direction, then that direction.

    Args:
        problem: separable data, and a loss with an exponential tail.
        scale: c of the steps' lengths c/(k+1)^p.
        exponent: p in [0, 1).

    Raises:
        ValueError: if the data or the loss have no such limit.
    """

    far = None
    # where iterates sway, rounding decides how
    amplifies = True

    def __init__(self, problem: Problem, scale: float, exponent: float):
        far = problem.far_field(0.0)
        if far is None or problem.limit is None:
            raise ValueError(
                "fast_forward: normalized descent needs data that some weights separate and a loss "
                "with an exponential tail; without them its steps, which do not shrink with the "
                "gradient, end in no direction that is known.  Run train."
            )
        self.problem, self.scale, self.exponent = problem, scale, exponent
        self.limit, self.rate = problem.limit, far.rate
        self.shape = problem.margin_map.weights_shape
        norm = float(np.linalg.norm(far.drift))
        settings = (far.slack, 1 / (far.rate * norm), far.rate, scale, exponent)
        self.field = CompiledModule(
            NormalizedField(
                jax.tree.map(jnp.asarray, problem.margin_map),
                problem.loss,
                jnp.asarray((far.drift / norm).reshape(self.shape)),
                *map(jnp.asarray, settings),
            )
        )

    def obstacle(self, step: int, state: DescentState) -> str | None:
        rest = self._rest(step, state)
        far = self._is_far(math.log(step), rest)
        size = self._step_curvature(math.log(step), rest, far)
        if size <= SMALL_CURVATURE or self._is_settled(math.log(step), rest, far):
            return None
        return _swaying(size, SMALL_CURVATURE)

    def run(
        self, step: int, state: DescentState, times: np.ndarray, rtol: float, judged: bool
    ) -> Course:
        log_time, rest = math.log(step), self._rest(step, state)
        weights = np.array(state.params)
        atol = rtol * typical_weight(self.problem.margin_map, weights)
        path, total, self.swaying = LogTimePath(rtol=rtol), 0.0, 0.0
        path.statistics = {"near_steps": 0, "far_steps": 0, "loosened": False}
        settled = self._is_settled(log_time, rest, self._is_far(log_time, rest))
        for far in () if settled else (False, True):
            left = times[len(path.weights) :]
            if not len(left) or (not far and self._is_far(log_time, rest)):
                continue
            neglected = functools.partial(self._neglected, far=far)
            omitted = RunningSum(neglected, log_time, rest) if judged else None
            found = integrate(
                functools.partial(self._velocity, far=far),
                functools.partial(self._jacobian, far=far),
                log_time,
                rest,
                left,
                rtol=rtol,
                atol=np.full(rest.size, atol),
                enough=functools.partial(self._ends, far=far),
                watch=omitted,
                progress=self.problem.progress,
            )
            for at, point in zip(found.log_times, found.points, strict=True):
                self._append(path, at, point)
            path.statistics["far_steps" if far else "near_steps"] = found.steps
            total += 0.0 if omitted is None else omitted.total
            path.rtol = max(path.rtol, found.rtol)
            log_time, rest = found.log_time, found.point
            if found.status == Status.DONE and self.swaying > LARGE_CURVATURE:
                found.status = Status.MAX_STEPS
                found.message = (
                    f"at log time {log_time:.6g} {_swaying(self.swaying, LARGE_CURVATURE)}; kept "
                    "up to there."
                )
            if found.status != Status.DONE:
                path.status, path.message = found.status, found.message
                if path.log_times[-1:] != [log_time]:
                    self._append(path, log_time, rest)
                return Course(path, total)
        for at in times[len(path.weights) :]:
            self._append(path, at, rest)
        return Course(path, total)

    def _append(self, path: LogTimePath, log_time: float, rest: np.ndarray) -> None:
        weights = self._weights(log_time, rest)
        path.append(log_time, weights, np.full_like(weights, np.nan))

    def _rest(self, step: int, state: DescentState) -> np.ndarray:
        return np.array(state.params).ravel() - self._weights(math.log(step), 0.0)

    def _weights(self, log_time: float, rest: Any) -> np.ndarray:
        rest = np.broadcast_to(rest, int(np.prod(self.shape))).reshape(self.shape)
        return self.field("weights", np.exp(np.float64(log_time)), rest).ravel()

    def _velocity(self, log_time: float, rest: np.ndarray, far: bool) -> np.ndarray:
        value = self.field(
            "log_time_velocity", np.float64(log_time), rest.reshape(self.shape), np.bool_(far)
        )
        return value.ravel()

    def _neglected(self, log_time: float, rest: np.ndarray, far: bool) -> float:
        shaped = rest.reshape(self.shape)
        return float(self.field("neglected", np.float64(log_time), shaped, np.bool_(far)))

    def _jacobian(self, log_time: float, rest: np.ndarray, far: bool) -> np.ndarray:
        """That of the equation to zeroth order."""
        hessian, unit, length = self._curvature(log_time, rest, far)
        across = hessian - np.outer(unit, unit @ hessian)
        self.swaying = length * _largest(across - np.outer(across @ unit, unit))
        return -math.exp(log_time) * length * across

    def _curvature(
        self, log_time: float, rest: np.ndarray, far: bool
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """The Hessian over the gradient's norm, the unit gradient, and the step's length."""
        shaped = rest.reshape(self.shape)
        blocks, unit, length = self.field("curvature", np.float64(log_time), shaped, np.bool_(far))
        hessian = np.asarray(self.problem.margin_map.weighted_gram(blocks))
        return hessian, unit.ravel(), float(length)

    def _step_curvature(self, log_time: float, rest: np.ndarray, far: bool) -> float:
        """η ‖∇²L‖/‖∇L‖: not only across n, which is that of a single pair while iterates sway."""
        hessian, _, length = self._curvature(log_time, rest, far)
        return length * _largest(hessian)

    def _ends(self, log_time: float, rest: np.ndarray, far: bool) -> bool:
        if self.swaying > LARGE_CURVATURE:
            return True
        return self._has_arrived(log_time, rest) if far else self._is_far(log_time, rest)

    def _is_far(self, log_time: float, rest: np.ndarray) -> bool:
        """Whether slopes are their tail to the last bit."""
        maps = self.problem.margin_map
        weights = self._weights(log_time, rest).reshape(self.shape)
        least = float(np.min(maps.margins(weights)))
        return least * self.rate > TAIL_ONLY + math.log(maps.n_columns)

    def _is_settled(self, log_time: float, rest: np.ndarray, far: bool) -> bool:
        """Whether a step is along the limit but for rounding: then it stays so."""
        moving = float(np.linalg.norm(self._velocity(log_time, rest, far)))
        return moving <= ROUNDING * self.scale * math.exp((1 - self.exponent) * log_time)

    def _has_arrived(self, log_time: float, rest: np.ndarray) -> bool:
        moving = float(np.linalg.norm(self._velocity(log_time, rest, True)))
        norm = float(np.linalg.norm(self._weights(log_time, rest)))
        return moving <= max(ARRIVED / 1e3, 8 * EPS) * norm


def _largest(matrix: np.ndarray) -> float:
    """The largest eigenvalue of a symmetric matrix, nearly."""
    vector, norm = np.random.default_rng(0).standard_normal(len(matrix)), 0.0
    for _ in range(30):
        vector = matrix @ vector
        norm = float(np.linalg.norm(vector))
        if norm == 0.0:
            return 0.0
        vector /= norm
    return norm


def _swaying(size: float, most: float) -> str:
    return (
        f"the learning rate times the curvature, over the gradient, is {size:.3g}; above {most:g} "
        "iterates may sway across the path, where no equation follows them: lower the learning "
        "rate, or let it fall by inverse_sqrt"
    )
