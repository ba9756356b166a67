"""Gradient descent on least squares after any number of steps, at once.

Nothing is stepped and nothing is approximated: in the singular directions of the features every
iterate has a closed form (`spectral_filter`), from any first weights, and 10^100 steps cost what
ten cost.  Stopping early damps the directions of small singular values, which move last.
"""

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from marginflow._results import NotConvergedError, Status
from marginflow.data.regression import as_regression
from marginflow.dynamics.optimizers.settings import fraction, positive
from marginflow.dynamics.recording import Schedule
from marginflow.dynamics.spectral_filter import Filter, spectral_filter
from marginflow.dynamics.trajectory import Trajectory
from marginflow.limits import LeastSquaresLimit
from marginflow.limits.least_squares import nearest_solution
from marginflow.limits.spectrum import spectrum

_MOST_RECORDS = 2**20


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class LeastSquaresPath(Trajectory):
    """Gradient descent on least squares at the recorded steps, and its last weights.

    The observables are `risk`, `excess_risk` (over the least there is), `weights_norm`, `distance`
    (to the limit), and `filter_factors` (m, r), φ = 1 − (1 − η s²)^t without momentum: the share of
    its way to the limit that each singular direction has gone.

    Attributes:
        log_steps: the logarithm of the step count; −∞ for 0.
        singular_values: s (r,), descending, those that are not zero.
        filter_factors: φ (r,), after the last step.
        step_bound: 2 (1 + β)/s₁², n times that for the mean: it converges below.
        limit: where it ends.
    """

    log_steps: float
    singular_values: Float[np.ndarray, " r"]
    filter_factors: Float[np.ndarray, " r"]
    step_bound: float
    limit: LeastSquaresLimit


def least_squares_path(
    data: Any,
    *,
    learning_rate: float | int,
    steps: int,
    initial: Any = None,
    momentum: float | int = 0.0,
    reduction: str = "sum",
    record: Schedule | Iterable[int] = (),
    throw: bool = True,
) -> LeastSquaresPath:
    """Gradient descent on the squared error after any number of steps, in closed form.

    w⁺ = w − η ∇L(w) + β (w − w₋) with L(w) = ½‖X w − y‖².  In the direction of the singular value s
    it goes φ = 1 − (1 − η s²)^t of its way to X⁺y + P_null w₀.  Against the iterates in exact
    arithmetic the weights are off by rounding times the condition number of the features.

    Args:
        data: a pair (features (n, d), targets (n,) or (n, k)).
        learning_rate: η > 0; it converges below 2 (1 + β)/s₁².
        steps: t, an int of any size from 0 on, as 10**100.
        initial: w₀ (d,) or (d, k), zeros by default.
        momentum: β in [0, 1) of heavy ball.
        reduction: "sum", or "mean" to divide L by n.
        record: which steps are recorded besides the last: ints of any size, or a schedule as
            `log_spaced` where there are fewer than 2⁶³ steps.
        throw: whether a learning rate that is too large raises; the result comes with the error.

    Returns:
        A `LeastSquaresPath` with status `done` or `diverged`.

    Raises:
        NotConvergedError: if η is not below the bound and `throw` is true.
        DataError, TypeError, ValueError: if an argument does not fit.

    Example:
        >>> import marginflow as mf
        >>> data = ([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [2.0, 3.0])
        >>> early = mf.least_squares_path(data, learning_rate=0.1, steps=10)
        >>> early.filter_factors
        array([0.994, 0.651])
        >>> early.weights
        array([0.994, 1.954, 0. ])
        >>> late = mf.least_squares_path(data, learning_rate=0.1, steps=10**100, initial=[0, 0, 7])
        >>> late.weights
        array([1., 3., 7.])

    Source: Yao, Rosasco & Caponnetto 2007, On early stopping in gradient descent learning.
    """
    problem = as_regression(data)
    rate, beta = (
        float(positive("learning_rate", learning_rate)),
        float(fraction("momentum", momentum)),
    )
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction: expected 'sum' or 'mean', got {reduction!r}.")
    divisor = len(problem.features) if reduction == "mean" else 1
    counts = _recorded(record, _count("steps", steps))
    first, parts = problem.weights_in(initial), spectrum(problem.features)
    limit = nearest_solution(problem, first, parts)
    found = spectral_filter(parts.values * (rate / divisor * parts.values), counts, beta)
    end = problem.weights_in(limit.weights)
    start, goal = parts.right.T @ first, parts.right.T @ end
    with np.errstate(over="ignore", invalid="ignore"):
        weights = first + parts.right @ (found.gained[-1][:, None] * (goal - start))
        if found.gained[-1].size and np.abs(found.missing[-1]).max() < 0.5:
            # from the nearer end, where what is missing is small
            weights = end + parts.right @ (found.missing[-1][:, None] * (start - goal))
        beside = float(np.linalg.norm(end - parts.right @ goal))
        observables = _observables(found, parts.values, start, goal, beside)
    least = 0.5 * float(np.linalg.norm(problem.features @ end - problem.targets)) ** 2 / divisor
    observables["excess_risk"] = observables["excess_risk"] / divisor
    observables["risk"] = least + observables["excess_risk"]
    bound = divisor * 2.0 * (1.0 + beta) / float(parts.values[0]) ** 2 if parts.rank else math.inf
    status, message = _ending(rate, bound, counts[-1], found.missing[-1])
    log_times = np.array([math.log(count) if count else -math.inf for count in counts])
    result = LeastSquaresPath(
        status=status,
        message=message,
        statistics={"records": len(counts)},
        weights=problem.weights_out(weights),
        log_time=log_times,
        steps=np.array(counts, dtype=np.int64) if counts[-1] < 2**63 else None,
        observables=observables,
        log_steps=float(log_times[-1]),
        singular_values=parts.values,
        filter_factors=found.gained[-1],
        step_bound=bound,
        limit=limit,
    )
    if throw and status == Status.DIVERGED:
        raise NotConvergedError(message, result)
    return result


def _observables(
    found: Filter, values: np.ndarray, start: np.ndarray, goal: np.ndarray, beside: float
) -> dict[str, np.ndarray]:
    """In the singular directions; `beside` is the norm of what never moves."""
    off = found.missing[:, :, None] * (start - goal)
    along = goal + off
    return {
        "excess_risk": 0.5 * np.sum((values[:, None] * off) ** 2, axis=(1, 2)),
        "weights_norm": np.hypot(np.linalg.norm(along, axis=(1, 2)), beside),
        "distance": np.linalg.norm(off, axis=(1, 2)),
        "filter_factors": found.gained,
    }


def _ending(rate: float, bound: float, last: int, missing: np.ndarray) -> tuple[Status, str]:
    reached = f"reached step {last}" if last < 10**12 else f"reached step e^{math.log(last):.6g}"
    if rate < bound:
        farthest = float(np.abs(missing).max(initial=0.0))
        return Status.DONE, f"{reached}; the slowest direction misses {farthest:.2g} of its way."
    grows = "grows with every step" if rate > bound else "swings forever"
    return Status.DIVERGED, (
        f"diverged: learning_rate is {rate:.6g}, {rate / bound:.6g} times the bound {bound:.6g} "
        f"from which on the direction of the largest singular value {grows}; .weights are those of "
        "the last step, as far as float64 holds them."
    )


def _count(name: str, value: Any) -> int:
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name}: expected an int, as 10**100, got {type(value).__name__} {value!r}."
        ) from None
    if count < 0:
        raise ValueError(f"{name}: expected at least 0, got a negative number.")
    return count


def _recorded(record: Any, last: int) -> list[int]:
    """The step counts to look at, ascending, the last among them."""
    if isinstance(record, Schedule):
        if last >= 2**63:
            raise ValueError(
                "record: expected step counts for 2^63 steps and more, got a schedule; pass "
                "[10**k for k in range(100)] or the like."
            )
        return record.following(-1, last, _MOST_RECORDS).tolist()
    if isinstance(record, str) or not isinstance(record, Iterable):
        raise TypeError(f"record: expected a schedule or step counts, got {type(record).__name__}.")
    counts = sorted({_count("record", each) for each in record} | {last})
    if counts[-1] > last:
        raise ValueError("record: expected steps up to the last, got a larger one.")
    return counts
