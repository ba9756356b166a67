"""Which continuation an optimizer has."""

import math
from typing import Any

from marginflow.dynamics.continuations.adaptive import AdaptiveContinuation
from marginflow.dynamics.continuations.continuation import Continuation, Problem
from marginflow.dynamics.continuations.linear import LinearContinuation
from marginflow.dynamics.continuations.minibatch import MinibatchContinuation
from marginflow.dynamics.continuations.normalized import NormalizedContinuation
from marginflow.dynamics.linear_method import LinearMethod, linear_method
from marginflow.dynamics.minibatches import Batches
from marginflow.dynamics.optimizers import (
    Adam,
    AdamW,
    HeavyBall,
    Lion,
    Nesterov,
    Optimizer,
    PowerSchedule,
    RMSProp,
    SignDescent,
    Signum,
    SteepestDescent,
)
from marginflow.dynamics.reduction import log_reduction
from marginflow.norms import EntrywiseNorm

_LATTICE = (
    "moves every entry by about ±learning_rate at every step, on a lattice of that width that no "
    "flow follows; run train, which goes on at any margin"
)


def continuation_of(
    optimizer: Optimizer, problem: Problem, reduction: str, batches: Batches | None = None
) -> Continuation:
    """The continuation of an optimizer on a problem, on all samples or on minibatches.

    Raises:
        ValueError: if none is valid; the message says why, and what works instead.
    """
    factor = log_reduction(problem.margin_map, reduction)
    name = type(optimizer).__name__
    if batches is not None:
        if not isinstance(optimizer, HeavyBall) or optimizer.momentum is not None:
            raise ValueError(
                "fast_forward: minibatches have a mean path for gradient descent without momentum, "
                f"not for {name} as given; run train."
            )
        share = math.log(batches.batch_size / batches.n_samples) if reduction == "sum" else factor
        return MinibatchContinuation(problem, math.log(_constant(optimizer)) + share, batches)
    if isinstance(optimizer, HeavyBall | Nesterov):
        log_step = math.log(_constant(optimizer)) + factor
        return LinearContinuation(problem, log_step, _linear(optimizer))
    if isinstance(optimizer, Adam | RMSProp) and not isinstance(optimizer, AdamW):
        _constant(optimizer)
        if not float(optimizer.eps) > 0:
            raise ValueError(f"fast_forward: {name} with eps = 0 {_LATTICE}, or set eps > 0.")
        return AdaptiveContinuation(problem, factor, optimizer)
    if isinstance(optimizer, SteepestDescent) and _is_normalized(optimizer):
        return NormalizedContinuation(problem, *_lengths(optimizer.learning_rate))
    if isinstance(optimizer, SignDescent | Signum | Lion):
        raise ValueError(f"fast_forward: {name} {_LATTICE}.")
    raise ValueError(
        f"fast_forward: no equation is known here that {name} follows from some step on.  It goes "
        "on with HeavyBall, Nesterov, NormalizedGD, and Adam and RMSProp with eps > 0; train runs "
        "any optimizer."
    )


def _linear(optimizer: Any) -> LinearMethod:
    momentum = 0.0 if optimizer.momentum is None else float(optimizer.momentum)
    if momentum == 0.0:
        return linear_method([1.0], [1.0])
    if isinstance(optimizer, Nesterov):
        return linear_method([-momentum, 1.0], [-momentum, 1.0 + momentum])
    return linear_method([-momentum, 1.0], [0.0, 1.0])


def _is_normalized(optimizer: SteepestDescent) -> bool:
    return (
        optimizer.normalized
        and optimizer.momentum is None
        and isinstance(optimizer.norm, EntrywiseNorm)
        and optimizer.norm.p == 2
    )


def _lengths(rate: Any) -> tuple[float, float]:
    """The c and p of steps of length c/(k+1)^p.

    Raises:
        ValueError: if the schedule is another one, or the lengths have a finite sum.
    """
    if not callable(rate):
        return float(rate), 0.0
    if isinstance(rate, PowerSchedule) and 0 <= float(rate.exponent) < 1:
        return float(rate.scale), float(rate.exponent)
    raise ValueError(
        "fast_forward: normalized descent goes on with a constant learning rate, or with "
        "PowerSchedule(c, exponent) for an exponent from 0 to below 1, as inverse_sqrt(c); run "
        "train for other schedules."
    )


def _constant(optimizer: Any) -> float:
    """The learning rate, if it is one number.

    Raises:
        ValueError: if it is a schedule.
    """
    if callable(optimizer.learning_rate):
        raise ValueError(
            f"fast_forward: {type(optimizer).__name__} with a schedule has no equation here; pass "
            "a constant learning rate, or run train."
        )
    return float(optimizer.learning_rate)
