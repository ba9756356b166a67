"""Which continuation an optimizer has."""

import math

from marginflow.dynamics.continuations.continuation import Continuation, Problem
from marginflow.dynamics.continuations.linear import LinearContinuation
from marginflow.dynamics.linear_method import linear_method
from marginflow.dynamics.optimizers import HeavyBall, Optimizer
from marginflow.dynamics.reduction import log_reduction


def continuation_of(optimizer: Optimizer, problem: Problem, reduction: str) -> Continuation:
    """The continuation of an optimizer on a problem.

    Raises:
        ValueError: if none is valid; the message says why, and what works instead.
    """
    factor = log_reduction(problem.margin_map, reduction)
    if isinstance(optimizer, HeavyBall):
        log_step = math.log(float(optimizer.learning_rate)) + factor
        if optimizer.momentum is None:
            return LinearContinuation(problem, log_step, linear_method([1.0], [1.0]))
        rest = [-float(optimizer.momentum), 1.0]
        return LinearContinuation(problem, log_step, linear_method(rest, [0.0, 1.0]))
    raise ValueError("no")
