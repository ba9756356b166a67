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
    "flow follows"
)


def refusal(optimizer: Optimizer, *, minibatches: bool = False) -> str | None:
    """Why an optimizer has no continuation, in a sentence without its full stop; None if it has.

    Args:
        optimizer: with all its settings.
        minibatches: whether it steps on minibatches.

    Example:
        >>> import marginflow as mf
        >>> from marginflow.dynamics.continuations.choice import refusal
        >>> refusal(mf.HeavyBall(0.1)) is None
        True
    """
    name = type(optimizer).__name__
    if minibatches and (not isinstance(optimizer, HeavyBall) or optimizer.momentum is not None):
        return (
            "minibatches have a mean path for gradient descent without momentum, not for "
            f"{name} as given"
        )
    if isinstance(optimizer, HeavyBall | Nesterov):
        return _of_schedule(optimizer)
    if isinstance(optimizer, Adam | RMSProp) and not isinstance(optimizer, AdamW):
        if not float(optimizer.eps) > 0:
            return f"{name} with eps = 0 {_LATTICE}; it goes on with eps > 0"
        return _of_schedule(optimizer)
    if isinstance(optimizer, SteepestDescent) and _is_normalized(optimizer):
        return _of_lengths(optimizer.learning_rate)
    if isinstance(optimizer, SignDescent | Signum | Lion):
        return f"{name} {_LATTICE}"
    return (
        f"no equation is known here that {name} follows from some step on; there is one for "
        "HeavyBall, Nesterov, NormalizedGD, and Adam and RMSProp with eps > 0"
    )


def continuation_of(
    optimizer: Optimizer, problem: Problem, reduction: str, batches: Batches | None = None
) -> Continuation:
    """The continuation of an optimizer on a problem, on all samples or on minibatches.

    Raises:
        ValueError: if none is valid; the message says why, and what works instead.
    """
    obstacle = refusal(optimizer, minibatches=batches is not None)
    if obstacle is not None:
        raise ValueError(
            f"fast_forward: {obstacle}.  `train` makes the steps of any optimizer, one by one."
        )
    factor = log_reduction(problem.margin_map, reduction)
    held: Any = optimizer
    if batches is not None:
        share = math.log(batches.batch_size / batches.n_samples) if reduction == "sum" else factor
        return MinibatchContinuation(problem, math.log(held.learning_rate) + share, batches)
    if isinstance(optimizer, HeavyBall | Nesterov):
        log_step = math.log(held.learning_rate) + factor
        return LinearContinuation(problem, log_step, _linear(optimizer))
    if isinstance(optimizer, SteepestDescent):
        return NormalizedContinuation(problem, *_lengths(optimizer.learning_rate))
    return AdaptiveContinuation(problem, factor, held)


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
    """The c and p of steps of length c/(k+1)^p."""
    if not callable(rate):
        return float(rate), 0.0
    assert isinstance(rate, PowerSchedule)
    return float(rate.scale), float(rate.exponent)


def _of_lengths(rate: Any) -> str | None:
    """What is wrong with lengths of another schedule, or with a finite sum."""
    if not callable(rate) or (isinstance(rate, PowerSchedule) and 0 <= float(rate.exponent) < 1):
        return None
    return (
        "normalized descent goes on with a constant learning rate, or with PowerSchedule(c, "
        "exponent) for an exponent from 0 to below 1, as inverse_sqrt(c), and this is another "
        "schedule"
    )


def _of_schedule(optimizer: Any) -> str | None:
    """What is wrong with a learning rate that is not one number."""
    if not callable(optimizer.learning_rate):
        return None
    return (
        f"{type(optimizer).__name__} with a schedule has no equation here; it has one with a "
        "constant learning rate"
    )
