"""The iterate of discrete gradient descent after any number of steps.

The first steps are made, exactly.  From there on the iterates follow the modified equation of the
method, a flow whose value at time k is the iterate at step k up to a term of fourth order in the
step times the curvature; that product fades as 1/k on separable data, so the error of starting
after N₀ steps fades as N₀⁻³.  Before that product is small the equation means nothing, and more
steps are made.  The equation is integrated in log time from two prefixes, N₀ and 2N₀, the shorter
with a looser tolerance: their difference shows what the prefix and the integrator cost.  What the
equation omits later is summed along the path.  The prefix is lengthened until both are small.
"""

import math
import operator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from marginflow._precision import in_x64
from marginflow._results import NotConvergedError, Status
from marginflow.dynamics.arguments import check_initial
from marginflow.dynamics.far_field import FarField
from marginflow.dynamics.gradient_descent import gradient_descent
from marginflow.dynamics.gradient_flow import (
    Flow,
    as_flow,
    check,
    check_rtol,
    known_limit,
    typical_weight,
)
from marginflow.dynamics.log_time_field import CompiledField
from marginflow.dynamics.log_time_path import Integration, LogTimePath
from marginflow.dynamics.optimizers.settings import fraction, positive
from marginflow.dynamics.progress import Progress
from marginflow.dynamics.reduction import log_reduction
from marginflow.limits import MaxMargin
from marginflow.losses import TailKind, as_loss
from marginflow.margins import LinearMarginMap, as_linear_map

FIRST_PREFIX = 256
# The integrator's tolerance is this fraction of what is asked for, and ten times it for the
# comparison; below the least tolerance it cannot go.
SOLVER_SHARE = 1e-3
LEAST_TOLERANCE = 1e-12
# What an integration gathers, in units of its tolerance: up to 18 was seen on 1,000 problems.  The
# two integrations can agree by luck, so this much is always counted.
SOLVER_ERROR = 40.0
SAFETY = 2.0
# The modified equation is used once γ h ‖∇²L‖ is below this.
SMALL_CURVATURE = 0.25
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
    *,
    learning_rate: float,
    steps: int | None = None,
    log_steps: float | None = None,
    initial: Any = None,
    momentum: float = 0.0,
    reduction: str = "sum",
    record: Any = None,
    rtol: float = 1e-9,
    max_prefix: int = 2**20,
    limit: MaxMargin | None = None,
    progress: Progress | None = None,
    throw: bool = True,
) -> FastForward:
    """The weights of gradient descent, or heavy ball, after any number of steps.

    An exact prefix, then the modified equation to third order (see `dynamics.log_time_field`), with
    the error estimated from two prefixes and from the terms that are left out.

    Args:
        data: a `Dataset`, a pair (features, labels), or a linear margin map.
        loss: a twice differentiable `Loss`, its registered name, or a template function.
        learning_rate: η > 0.  Up to the theorem's bound 2/(β σ_max²) the estimate converges; beyond
            it, it may not, and the call says so.
        steps: the step count, an int of any size, as 10**100.
        log_steps: instead of `steps`, its logarithm: e^1000000 steps are `log_steps=1e6`.  Up to
            2²⁴ steps it means the nearest whole number of them, and so do the records.
        initial: the weights at step 0, zeros by default.
        momentum: β in [0, 1) of heavy ball, W₊ = W − η∇L + β(W − W₋).
        reduction: "sum" or "mean" of the samples' losses.
        record: logarithms of step counts to record besides the last.
        rtol: the error estimate that is asked for.
        max_prefix: the most steps to make exactly.
        limit: the data's `max_margin`, where it is at hand; computed otherwise.
        progress: called as progress(percentage, 100, remark).
        throw: raise if the estimate was not reached, or return what was.

    Returns:
        A `FastForward`.

    Raises:
        NotConvergedError: if the estimate exceeds `rtol` at the longest prefix, or the slopes left
            float64; its `result` is what was computed.
        ValueError, TypeError: if an argument does not fit.

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
    positive("learning_rate", learning_rate)
    fraction("momentum", momentum)
    check_rtol(rtol)
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
    problem = _Problem(
        margin_map, loss, tail, learning_rate, momentum, reduction, initial, limit, rtol, progress
    )
    times = _record_times(record, last)
    if last <= math.log(2 * FIRST_PREFIX):
        return problem.exact(times, last)
    best, prefix = None, FIRST_PREFIX
    while 2 * prefix <= max_prefix and math.log(2 * prefix) < last:
        result, growth = problem.forward(prefix, times, last), 4.0
        if result is not None:
            if result.status != Status.DONE or result.error_estimate <= rtol:
                return check(result, throw)
            if best is None or result.error_estimate < best.error_estimate:
                best = result
            if result.statistics["loosened"]:  # a longer prefix would not help
                return check(replace(best, status=Status.MAX_STEPS), throw)
            growth = min(max(1.3 * (result.error_estimate / rtol) ** (1 / 3), 2.0), 16.0)
        prefix = int(prefix * growth)
    if last <= math.log(max_prefix):
        return problem.exact(times, last)
    if best is None:
        return check(problem.settled(max_prefix, last), throw)
    message = (
        f"the error estimate is {best.error_estimate:.2g} after {best.prefix} exact steps, and "
        f"rtol = {rtol:g} was asked for; lower the learning rate, raise max_prefix = {max_prefix} "
        "or accept a larger rtol."
    )
    return check(replace(best, status=Status.MAX_STEPS, message=message), throw)


class _Problem:
    """A problem with its method, which can be run exactly or forward from a prefix."""

    def __init__(
        self,
        margin_map: LinearMarginMap,
        loss: Any,
        tail: Any,
        learning_rate: float,
        momentum: float,
        reduction: str,
        initial: Any,
        limit: MaxMargin | None,
        rtol: float,
        progress: Progress | None,
    ):
        self.margin_map, self.loss, self.tail = margin_map, loss, tail
        self.initial = check_initial(margin_map, initial)
        self.descent: dict[str, Any] = {
            "learning_rate": learning_rate,
            "momentum": momentum,
            "reduction": reduction,
            "initial": self.initial,
        }
        self.reduction, self.rtol, self.progress = reduction, rtol, progress
        self.log_step = math.log(learning_rate / (1 - momentum))
        self.log_step += log_reduction(margin_map, reduction)
        self.spread = (1 + momentum) / (1 - momentum)
        self.limit = known_limit(margin_map, limit)
        self.far = None
        if self.limit is not None and tail is not None and tail.is_exponential:
            self.far = FarField(margin_map, self.limit, tail, self.log_step)

    def exact(self, times: np.ndarray, last: float) -> FastForward:
        """So few steps that they are made."""
        steps = np.unique(np.rint(np.exp(times))).astype(int)
        weights = self.iterates(steps)
        path = LogTimePath()
        for step, value in zip(steps, weights, strict=True):
            path.append(math.log(step), value.ravel(), self._residual(math.log(step), value))
        path.message = f"made all {steps[-1]} steps exactly."
        made = int(steps[-1])
        return self._result(path, last, made, self._rounding(made, path.weights[-1]))

    def settled(self, prefix: int, last: float) -> FastForward:
        """Where the step times the curvature never gets small: the loop, if it comes to rest."""
        before, after = self.iterates(np.array([prefix // 2, prefix]))
        path = LogTimePath()
        path.append(last, after.ravel(), self._residual(last, after))
        moved = float(np.linalg.norm(after - before) / np.linalg.norm(after))
        if self.limit is None and SAFETY * moved <= self.rtol:
            path.message = (
                f"the weights came to rest within {prefix} steps at the risk's minimizer."
            )
        else:
            path.status = Status.MAX_STEPS
            path.message = (
                f"after {prefix} exact steps the learning rate times the curvature is still above "
                f"{SMALL_CURVATURE:g}, where the modified equation does not hold, and the weights "
                "still move; lower the learning rate or raise max_prefix."
            )
        estimate = SAFETY * moved + self._rounding(prefix, after)
        return self._result(path, last, prefix, estimate)

    def forward(self, prefix: int, times: np.ndarray, last: float) -> FastForward | None:
        """From prefixes N₀ and 2N₀ by the modified equation, compared with each other.

        None where the equation does not hold yet.
        """
        early = np.unique(np.rint(np.exp(times[times <= math.log(2 * prefix)]))).astype(int)
        made = np.union1d(early, [prefix, 2 * prefix])
        iterates = dict(zip(made.tolist(), self.iterates(made), strict=True))
        if self._field().step_curvature(iterates[prefix].ravel()) > SMALL_CURVATURE:
            return None
        late = times[times > math.log(2 * prefix)]
        tolerance = max(SOLVER_SHARE * self.rtol, LEAST_TOLERANCE)
        omitted = _Omitted(self._field(), math.log(2 * prefix), iterates[2 * prefix].ravel())
        path = self._integrate(2 * prefix, iterates[2 * prefix], late, tolerance, omitted)
        other = self._integrate(prefix, iterates[prefix], late[-1:], 10 * tolerance)
        if path.status != Status.DONE or other.status != Status.DONE:
            worst = path if path.status != Status.DONE else other
            return self._result(worst, last, 2 * prefix, math.inf)
        last_weights = path.weights[-1]
        norm = float(np.linalg.norm(last_weights))
        difference = float(np.linalg.norm(last_weights - other.weights[-1]))
        # at the minimizer the loop and the equation stand still together
        later = 0.0 if path.at_rest else omitted.total
        estimate = SAFETY * max(difference, later) / norm
        tolerance = max(path.rtol, other.rtol / 10)  # where rounding drowned it, a looser one
        estimate += SOLVER_ERROR * tolerance + self._rounding(2 * prefix, last_weights)
        for step in reversed(early.tolist()):
            value = iterates[step]
            path.log_times.insert(0, math.log(step))
            path.weights.insert(0, value.ravel())
            path.residuals.insert(0, self._residual(math.log(step), value))
        path.message = (
            f"log steps {last:.6g} from an exact prefix of {2 * prefix} steps; estimated relative "
            f"error {estimate:.2g}. {path.message}"
        ).rstrip()
        return self._result(path, last, 2 * prefix, estimate)

    def iterates(self, steps: np.ndarray) -> list[np.ndarray]:
        """The exact iterates at these steps.

        A loop whose steps no longer change its weights ends early, and stays where it is.
        """
        run = gradient_descent(
            self.margin_map,
            self.loss,
            steps=int(steps[-1]),
            record=steps.tolist(),
            record_weights=True,
            throw=False,
            **self.descent,
        )
        if run.status == Status.DIVERGED:
            raise NotConvergedError(run.message, run)
        if run.status == Status.INTERRUPTED:
            raise KeyboardInterrupt
        assert run.steps is not None
        rows = np.searchsorted(run.steps, steps).clip(max=len(run.steps) - 1)
        return list(run.observables["weights"][rows])

    def _integrate(
        self,
        prefix: int,
        weights: np.ndarray,
        times: np.ndarray,
        rtol: float,
        watch: "_Omitted | None" = None,
    ) -> LogTimePath:
        integration = Integration(
            self._field(),
            self.far,
            self.tail,
            rtol=rtol,
            scale=typical_weight(self.margin_map, weights),
            progress=self.progress,
            watch=watch,
        )
        return integration.run(math.log(prefix), weights.ravel(), times)

    def _rounding(self, steps: int, last: np.ndarray) -> float:
        """What so many steps gather at most, relative to the last weights.

        Not as a random walk: where slopes are constant, every step rounds the same way.
        """
        largest = max(float(np.linalg.norm(self.initial)), norm := float(np.linalg.norm(last)))
        return float(np.finfo(float).eps) * (16.0 + 0.5 * steps * largest / norm)

    def _field(self) -> CompiledField:
        return CompiledField(self.margin_map, self.loss, self.log_step, self.spread)

    def _residual(self, log_time: float, weights: np.ndarray) -> np.ndarray:
        if self.far is None:
            return np.full(weights.size, np.nan)
        return self.far.residual(log_time, weights.ravel())

    def _result(self, path: LogTimePath, last: float, prefix: int, estimate: float) -> FastForward:
        return as_flow(
            FastForward,
            self.margin_map,
            self.loss,
            path,
            path.log_times,
            self.limit,
            self.far,
            self.reduction,
            log_steps=last,
            prefix=prefix,
            error_estimate=estimate,
        )


class _Omitted:
    """The sum over a path of what the modified equation omits, by the trapezoidal rule.

    Two prefixes show what is omitted between them.  Where the curvature rises later, as it does
    after a start far on the wrong side, only the path itself shows it.  On a convex risk errors do
    not grow, so that the sum bounds them.
    """

    def __init__(self, field: CompiledField, log_time: float, weights: np.ndarray):
        self.field, self.log_time = field, log_time
        self.last = field.neglected(log_time, weights)
        self.total = 0.0

    def __call__(self, log_time: float, weights: np.ndarray) -> None:
        value = self.field.neglected(log_time, weights)
        self.total += (value + self.last) / 2 * (log_time - self.log_time)
        self.log_time, self.last = log_time, value


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
