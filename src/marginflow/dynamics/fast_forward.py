"""The weights of a method of training after any number of steps.

The first steps are made, exactly.  From there on the weights follow the method's continuation, an
equation in log time whose value at time k is the iterate at step k up to what the equation omits:
for gradient descent its modified equation, which omits the fourth order in the step times the
curvature.  That product fades as 1/k on separable data, so that the error of starting after N₀
steps fades as N₀⁻³.  Before it is small the equation means nothing, and more steps are made; then
the prefix is lengthened until the estimate of the error is small enough.
"""

import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow._precision import in_x64
from marginflow._results import Status
from marginflow.dynamics.arguments import check_batches, check_initial
from marginflow.dynamics.continuations import Problem, continuation_of
from marginflow.dynamics.exact_prefix import ExactPrefix
from marginflow.dynamics.forwarding import Forwarded, Forwarding
from marginflow.dynamics.gradient_flow import Flow, as_flow, check, check_rtol, known_limit
from marginflow.dynamics.optimizers import HeavyBall, Optimizer, as_optimizer
from marginflow.dynamics.progress import Progress
from marginflow.dynamics.reduction import log_reduction
from marginflow.limits import MaxMargin
from marginflow.losses import TailKind, as_loss
from marginflow.margins import as_linear_map

FIRST_PREFIX = 256
# The error estimate that is asked for, and on minibatches, whose later draws are not known.
RTOL = 1e-9
MEAN_RTOL = 1e-3
# Of more steps than 2²⁴ a fraction of one means nothing.
LAST_WHOLE = 24 * math.log(2)


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class FastForward(Flow):
    """The iterate at a step count, and how well it is known.

    Attributes:
        log_steps: the logarithm of the step count.
        prefix: how many steps were made exactly.
        error_estimate: an estimate from above of the relative error ‖W − W_exact‖/‖W_exact‖, with
            W_exact the iterate in exact arithmetic.  It covers the prefix with its rounding, what
            the modified equation omits, and the integrator.
    """

    log_steps: float
    prefix: int
    error_estimate: float


@in_x64
def fast_forward(
    data: Any,
    loss: Any,
    optimizer: Any = None,
    *,
    learning_rate: float | None = None,
    steps: int | None = None,
    log_steps: float | None = None,
    initial: Any = None,
    momentum: float = 0.0,
    batch_size: int | None = None,
    replacement: bool = False,
    seed: int = 0,
    reduction: str = "sum",
    record: Any = None,
    rtol: float | None = None,
    max_prefix: int = 2**20,
    limit: MaxMargin | None = None,
    progress: Progress | None = None,
    throw: bool = True,
) -> FastForward:
    """The weights of a method of training after any number of steps.

    An exact prefix, then the method's modified equation in log time, with the error estimated from
    two prefixes and from the terms that are left out.

    Args:
        data: a `Dataset`, a pair (features, labels), or a linear margin map.
        loss: a twice differentiable `Loss`, its registered name, or a template function.
        optimizer: `HeavyBall`, `Nesterov`, `NormalizedGD`, or `Adam` or `RMSProp` with ε > 0.
        learning_rate: instead of an optimizer, η > 0 of gradient descent.  Up to the theorem's
            bound 2/(β σ_max²) the estimate converges; beyond it, it may not, and the call says so.
        steps: the step count, an int of any size, as 10**100.
        log_steps: instead of `steps`, its logarithm: e^1000000 steps are `log_steps=1e6`.  Up to
            2²⁴ steps it means the nearest whole number of them, and so do the records.
        initial: the weights at step 0, zeros by default.
        momentum: with `learning_rate`, β in [0, 1) of heavy ball, W₊ = W − η∇L + β(W − W₋).
        batch_size: as in `train`: b, to step on minibatches.  Their later draws are not known: the
            weights are those of the mean path, and the estimate covers three standard deviations.
        replacement: as in `train`: whether minibatches are drawn with replacement.
        seed: of the minibatches of the exact prefix.
        reduction: "sum" or "mean" of the samples' losses.
        record: logarithms of step counts to record besides the last.
        rtol: the error estimate that is asked for; 1e-9 by default, 1e-3 on minibatches.  What
            Adam and RMSProp make of rounding while they are far above ε comes on top of it.
        max_prefix: the most steps to make exactly.
        limit: the data's `max_margin`, where it is at hand; computed otherwise.
        progress: called as progress(percentage, 100, remark).
        throw: raise if the estimate was not reached, or return what was.

    Returns:
        A `FastForward`.

    Raises:
        NotConvergedError: if the estimate exceeds `rtol` at the longest prefix, or the slopes left
            float64; its `result` is what was computed.
        ValueError, TypeError: if an argument does not fit, or the optimizer has no continuation.

    Example:
        >>> import marginflow as mf
        >>> far = mf.fast_forward(
        ...     mf.soudry_toy(), mf.CrossEntropy(), learning_rate=0.1, steps=10**100
        ... )
        >>> bool(far.error_estimate < 1e-9)
        True
    """
    margin_map = as_linear_map(data, "fast_forward")
    loss = as_loss(loss, margin_map.n_classes)
    optimizer = _optimizer(optimizer, learning_rate, momentum)
    tail = loss.tail(margin_map.n_classes)
    if tail is not None and tail.kind == TailKind.FINITE:
        raise ValueError(
            f"fast_forward needs a loss with a continuous slope, got {loss.name}; run "
            "gradient_descent, which stops by itself where its slopes are zero."
        )
    if tail is not None and tail.kind == TailKind.RISING:
        raise ValueError(
            f"fast_forward needs margins that grow with log t, and some slopes of {loss.name} turn "
            "positive however large the margins are, which holds them back; run gradient_descent."
        )
    last = _log_steps(steps, log_steps)
    times = _record_times(record, last)
    first = check_initial(margin_map, initial)
    log_reduction(margin_map, reduction)  # checks it
    batches = check_batches(margin_map, first, batch_size, seed, replacement)
    if rtol is None:
        rtol = RTOL if batches is None else MEAN_RTOL
    check_rtol(rtol)
    problem = Problem(margin_map, loss, tail, known_limit(margin_map, limit), progress)
    continuation = continuation_of(optimizer, problem, reduction, batches)
    early = times[times <= math.log(max(max_prefix, 2 * FIRST_PREFIX))]
    loop = ExactPrefix(
        margin_map,
        loss,
        optimizer,
        first,
        reduction=reduction,
        record=np.unique(np.rint(np.exp(early))).astype(int),
        batches=batches,
    )
    found = _found(Forwarding(problem, loop, continuation, times, rtol), max_prefix)
    path = found.path
    result = as_flow(
        FastForward,
        margin_map,
        loss,
        path,
        path.log_times,
        problem.limit,
        continuation.far,
        reduction,
        log_steps=last,
        prefix=found.prefix,
        error_estimate=found.estimate,
    )
    return check(result, throw)


def _found(run: Forwarding, max_prefix: int) -> Forwarded:
    """The prefix is lengthened until the estimate is small enough, or the loop is at the end."""
    if run.last <= math.log(2 * FIRST_PREFIX):
        return run.exact()
    order, stride = run.continuation.order, run.continuation.stride
    best, prefix, obstacle = None, stride * -(-FIRST_PREFIX // stride), None
    while 2 * prefix <= max_prefix and math.log(2 * prefix) < run.last:
        obstacle, growth = run.obstacle(prefix), 4.0
        if obstacle is None:
            found = run.forward(prefix)
            if found.path.status != Status.DONE or found.added <= run.rtol:
                return found
            if best is None or found.added < best.added:
                best = found
            if found.loosened:  # a longer prefix would not help
                best.path.status = Status.MAX_STEPS
                return best
            growth = min(max(1.3 * (found.added / run.rtol) ** (1 / order), 2.0), 16.0)
        prefix = stride * int(prefix * growth / stride)
    if run.last <= math.log(max_prefix):
        return run.exact()
    if best is None:
        return run.settled(max_prefix, obstacle or "")
    best.path.status = Status.MAX_STEPS
    best.path.message = (
        f"the error estimate is {best.estimate:.2g} after {best.prefix} exact steps, and rtol = "
        f"{run.rtol:g} was asked for; lower the learning rate, raise max_prefix = {max_prefix} or "
        "accept a larger rtol."
    )
    return best


def _optimizer(optimizer: Any, learning_rate: float | None, momentum: float) -> Optimizer:
    if (optimizer is None) == (learning_rate is None):
        raise TypeError("fast_forward: expected either an optimizer or a learning_rate.")
    if optimizer is None:
        assert learning_rate is not None
        return HeavyBall(learning_rate, momentum)
    if momentum:
        raise TypeError(
            "fast_forward: expected momentum with a learning_rate; an optimizer has its own."
        )
    return as_optimizer(optimizer)


def _log_steps(steps: int | None, log_steps: float | None) -> float:
    if (steps is None) == (log_steps is None):
        raise TypeError("fast_forward: expected either steps or log_steps.")
    if steps is not None:
        try:
            count = operator.index(steps)
        except TypeError:
            raise TypeError(
                f"steps: expected an int, as 10**100, got {type(steps).__name__} {steps!r}; for a "
                "count that is only known by its logarithm pass log_steps."
            ) from None
        if count < 1:
            raise ValueError("steps: expected at least 1.")
        return math.log(count)
    assert log_steps is not None
    if not 0 <= log_steps < math.inf:
        raise ValueError(f"log_steps: expected a number from 0 on, got {log_steps}.")
    return float(_whole(np.float64(log_steps)))


def _whole(log_steps: Any) -> Any:
    """The logarithm of the nearest whole number of steps, where they are not too many."""
    with np.errstate(over="ignore", divide="ignore"):
        return np.where(log_steps < LAST_WHOLE, np.log(np.rint(np.exp(log_steps))), log_steps)


def _record_times(record: Any, last: float) -> np.ndarray:
    times = np.unique(_whole(np.asarray([] if record is None else record, dtype=float).ravel()))
    if np.any(np.isnan(times)) or (times.size and (times[0] < 0 or times[-1] > last)):
        raise ValueError(
            f"record: expected logarithms of step counts from 0 to {last:.6g}, got {record!r}."
        )
    return np.union1d(times, [last])
