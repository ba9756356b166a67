"""Gradient flow in log time: training as the step size goes to zero, at any log time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from marginflow._precision import in_x64
from marginflow._results import NotConvergedError, Status
from marginflow.dynamics.arguments import check_initial
from marginflow.dynamics.far_field import FarField
from marginflow.dynamics.log_time_field import CompiledField
from marginflow.dynamics.log_time_path import Integration, LogTimePath
from marginflow.dynamics.path_observables import path_observables
from marginflow.dynamics.progress import Progress
from marginflow.dynamics.reduction import log_reduction
from marginflow.dynamics.trajectory import Trajectory
from marginflow.limits import MaxMargin, max_margin
from marginflow.losses import TailKind, as_loss
from marginflow.margins import as_linear_map

# How many records a path has by default.
RECORDS = 120
LEAST_RTOL = 1e-13


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class Flow(Trajectory):
    """A path of gradient flow; `log_time` holds log t of each record, −∞ at t = 0.

    Attributes:
        residual: ρ = W − (Ŵ/a) log(1+t) at the last record, in the weights' shape; None where no
            limit of that form is known.
        limit: the max-margin weights that the path was compared with; None if nothing separates.
        recorded_weights: (m, ...) the weights at every record.
        recorded_residuals: (m, ...) the residual at every record, or None.
    """

    residual: Any
    limit: MaxMargin | None
    recorded_weights: Any
    recorded_residuals: Any


@in_x64
def gradient_flow(
    data: Any,
    loss: Any,
    log_time: float | None = None,
    *,
    initial: Any = None,
    record: Any = None,
    reduction: str = "sum",
    rtol: float = 1e-6,
    limit: MaxMargin | None = None,
    progress: Progress | None = None,
    throw: bool = True,
) -> Flow:
    """Follow gradient flow dW/dt = −∇L(W) from t = 0 to any log t.

    Integrated in log(1+t).  From the margin on at which slopes are their exponential tail to the
    last bit, the residual ρ = W − (Ŵ/a) log t is integrated instead, over the pairs that still pull
    (Soudry et al. 2018, arXiv 1710.10345, Theorem 3; Ravi et al. 2024, arXiv 2411.01350, main
    theorem), so that t = e^1000000 costs little more than t = e^100.

    Args:
        data: a `Dataset`, a pair (features, labels), or a linear margin map.
        loss: a `Loss`, the name of a registered one, or a template function of one sample's
            margins.
        log_time: log t at the end; by default the last of `record`.
        initial: the weights at t = 0, zeros by default; (d, K), or (d,) in the binary map.
        record: log times to record, ascending or not; by default 120 from t = 0 to the end, denser
            at the start.  The end is always recorded.
        reduction: "sum" or "mean" of the samples' losses.
        rtol: relative tolerance of the integrator for each step; the path gathers some tens of it
            where nothing pulls it back, outside the span of the support.
        limit: the data's `max_margin`, where it is at hand; computed otherwise.
        progress: called as progress(percentage, 100, remark).
        throw: raise if the end was not reached, or return what was.

    Returns:
        A `Flow`.

    Raises:
        NotConvergedError: if the slopes left float64 on the way (`saturated`); its `result` is the
            path up to there.
        ValueError, TypeError: if an argument does not fit.

    Example:
        >>> import marginflow as mf
        >>> flow = mf.gradient_flow(mf.soudry_toy(), mf.CrossEntropy(), log_time=1e6)
        >>> bool(flow.observables["one_minus_cos"][-1] < 1e-12)
        True
    """
    margin_map = as_linear_map(data, "gradient_flow")
    loss = as_loss(loss, margin_map.n_classes)
    check_rtol(rtol)
    times = _log_times(log_time, record)
    start = check_initial(margin_map, initial)
    limit = known_limit(margin_map, limit)
    tail = loss.tail(margin_map.n_classes)
    if tail is not None and tail.kind == TailKind.RISING:
        raise ValueError(
            f"gradient_flow needs margins that grow with log t; some slopes of {loss.name} turn "
            "positive however large the margins are, which holds them back; run gradient_descent."
        )
    far = None
    log_step = log_reduction(margin_map, reduction)
    if limit is not None and tail is not None and tail.is_exponential:
        far = FarField(margin_map, limit, tail, log_step)
    near = CompiledField(margin_map, loss, log_step)
    integration = Integration(
        near,
        far,
        tail,
        rtol=rtol,
        scale=typical_weight(margin_map, start),
        progress=progress,
        clock=_log_of_expm1,
    )
    path = integration.run(0.0, start.ravel(), np.logaddexp(0.0, times))
    kept = times[: len(path.log_times)].copy()
    if path.status != Status.DONE:
        kept[-1] = _log_of_expm1(path.log_times[-1])
    flow = as_flow(Flow, margin_map, loss, path, kept, limit, far, reduction)
    return check(flow, throw)


def as_flow(
    kind: type, margin_map, loss, path: LogTimePath, log_times, limit, far, reduction, **more
) -> Any:
    """A path of the integrator as a result, with its observables."""
    shape = (-1, *margin_map.weights_shape)
    weights = np.array(path.weights).reshape(shape)
    residuals = None if far is None else np.array(path.residuals).reshape(shape)
    end = log_times[-1] if len(log_times) else -np.inf
    return kind(
        status=path.status,
        message=(path.message or f"reached log time {end:.6g}.") + path.remark,
        statistics=path.statistics,
        weights=weights[-1],
        log_time=np.asarray(log_times, dtype=float),
        observables=path_observables(margin_map, loss, path.weights, limit, reduction),
        residual=None if residuals is None else residuals[-1],
        limit=limit,
        recorded_weights=weights,
        recorded_residuals=residuals,
        **more,
    )


def known_limit(margin_map, limit: MaxMargin | None) -> MaxMargin | None:
    """The certified max-margin weights, or None where none was found."""
    if limit is None:
        limit = max_margin(margin_map, throw=False)
    return limit if limit.status == Status.DONE else None


def check(result: Trajectory, throw: bool) -> Any:
    """The result, or with `throw` an error that carries it, unless it is done or interrupted."""
    if throw and result.status not in (Status.DONE, Status.INTERRUPTED):
        raise NotConvergedError(result.message, result)
    return result


def typical_weight(margin_map, weights: np.ndarray) -> float:
    """The size of the largest weight, or of one that makes a margin of the order of one."""
    largest = float(np.abs(margin_map.features).max())
    return max(float(np.abs(weights).max()), 1.0 / largest if largest else 1.0)


def check_rtol(rtol: float) -> None:
    """Refuse a tolerance that no integrator reaches."""
    if not LEAST_RTOL <= rtol < 1:
        raise ValueError(f"rtol: expected a number from {LEAST_RTOL:g} to 1, got {rtol}.")


def _log_times(log_time: float | None, record: Any) -> Float64[np.ndarray, " m"]:
    if log_time is not None and not -np.inf < log_time < np.inf:
        raise ValueError(f"log_time: expected a finite number, got {log_time}.")
    if record is None:
        if log_time is None:
            raise ValueError("gradient_flow: expected log_time, record or both; got neither.")
        end = np.logaddexp(0.0, float(log_time))
        grid = np.expm1(np.linspace(0.0, np.log1p(end), RECORDS))[1:-1]
        inner = _log_of_expm1(grid)
        return np.concatenate([[-np.inf], inner, [float(log_time)]])
    times = np.unique(np.asarray(record, dtype=float).ravel())
    if not times.size or np.any(np.isnan(times)) or times[-1] == np.inf:
        raise ValueError(f"gradient_flow: expected finite log times to record, got {record!r}.")
    if log_time is not None:
        if times[-1] > log_time:
            raise ValueError(
                f"gradient_flow: expected log times to record up to log_time = {log_time}, got "
                f"{times[-1]}; raise log_time or leave it out."
            )
        times = np.unique(np.append(times, float(log_time)))
    return times


def _log_of_expm1(elapsed: Any) -> Any:
    """The log of t, from log(1+t)."""
    with np.errstate(divide="ignore"):
        return elapsed + np.log(-np.expm1(-elapsed))
