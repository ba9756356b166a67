"""Heavy ball and Nesterov, gradient descent among them: a modified equation in the weights."""

import math
from collections.abc import Callable

import numpy as np

from marginflow.dynamics.continuations.continuation import (
    SMALL_CURVATURE,
    Continuation,
    Course,
    Problem,
    RunningSum,
)
from marginflow.dynamics.descent import DescentState
from marginflow.dynamics.gradient_flow import typical_weight
from marginflow.dynamics.linear_method import LinearMethod
from marginflow.dynamics.log_time_field import CompiledField
from marginflow.dynamics.log_time_path import Integration

Watch = Callable[[float, np.ndarray], object]


class LinearContinuation(Continuation):
    """The slow manifold of a linear method, to third order in its step.

    The fast modes die like the powers of the momentum, long before the prefix ends.

    Args:
        problem: the data and the loss.
        log_step: the logarithm of the learning rate, with the reduction's factor.
        method: the linear method.
    """

    def __init__(self, problem: Problem, log_step: float, method: LinearMethod):
        self.problem, self.method = problem, method
        self.log_step = log_step + math.log(method.gain)
        self.far = problem.far_field(self.log_step)

    def obstacle(self, step: int, state: DescentState) -> str | None:
        size = self.field().step_curvature(np.ravel(state.params))
        if size <= SMALL_CURVATURE:
            return None
        return (
            "the learning rate times the curvature is still above "
            f"{SMALL_CURVATURE:g}, where the modified equation does not hold"
        )

    def run(
        self, step: int, state: DescentState, times: np.ndarray, rtol: float, judged: bool
    ) -> Course:
        return self.follow(math.log(step), np.array(state.params).ravel(), times, rtol, judged)

    def follow(
        self, log_time: float, weights: np.ndarray, times: np.ndarray, rtol: float, judged: bool
    ) -> Course:
        """Follow the equation from weights on the slow manifold."""
        field = self.field()
        omitted = RunningSum(field.neglected, log_time, weights) if judged else None
        path = self._integration(field, weights, rtol, omitted).run(log_time, weights, times)
        # at the minimizer the loop and the equation stand still together
        judged_total = 0.0 if omitted is None or path.at_rest else omitted.total
        return Course(path, judged_total)

    def field(self) -> CompiledField:
        """The equation's field in the weights."""
        return CompiledField(self.problem.margin_map, self.problem.loss, self.log_step, self.method)

    def _integration(
        self, field: CompiledField, weights: np.ndarray, rtol: float, watch: Watch | None
    ) -> Integration:
        problem = self.problem
        return Integration(
            field,
            self.far,
            problem.tail,
            rtol=rtol,
            scale=typical_weight(problem.margin_map, weights),
            progress=problem.progress,
            watch=watch,
        )
