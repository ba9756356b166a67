"""Integration in log time: the near field while margins are moderate, the far tail from there on.

The near field is integrated in the weights, over all samples.  Once every margin is so large that
only the tail's two constants matter, the residual ρ = W − (Ŵ/a) s is integrated instead, over the
pairs that still pull, until it stands still; from then on any log time is a multiplication.  What
cannot enter the far tail (data that nothing separates, another tail) stays in the near field for as
long as float64 carries it.

scipy's LSODA does the near field, where the first decades of training want a high-order Adams
method and the rest a stiff one; scipy's BDF does the far tail, where the solution comes to rest and
LSODA's long steps fail; and the near field where rounding drowns the tolerance.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.integrate import BDF, LSODA

from marginflow._results import Status
from marginflow.dynamics.crowded_field import CrowdedField
from marginflow.dynamics.far_field import NEGLIGIBLE, FarField, ReducedField
from marginflow.dynamics.interrupts import deferred_interrupt
from marginflow.dynamics.log_time_field import CompiledField
from marginflow.dynamics.progress import Progress
from marginflow.limits.threads import fitting_threads
from marginflow.losses import Tail, TailKind

# From this margin on, times the rate, a slope is its tail to the last bit of float64.
TAIL_ONLY = 40.0
# exp(s) must stay finite in the near field.
LAST_NEAR_LOG_TIME = 650.0
# For so short a time the path is a line.
INSTANT = 1e-80
# Slopes below e^-690 are about to leave float64.
LEAST_LOG_SLOPE = -690.0
# Where nothing separates the data, the flow ends at a minimizer; looked for from here on.
FIRST_LOOK_FOR_MINIMIZER = 4.0
NEXT_LOOK = 1.1
POLISHING_STEPS = 5
# So many steps in a row below this share of log time are too small to be meant.
SMALL_STEP = 1e-4
MOST_SMALL_STEPS = 40
MOST_STALLED_STEPS = 400
# Eigenvalues of a Hessian below this share of the largest are not told from zero.
FLAT = 1e-13
# Rounding in the gradient, as a share of it, from which on there is nothing to follow.
DROWNED = 0.02
# Weights so many tolerances from the minimizer are where the integrator's own error leaves them.
DROWNED_ERROR = 40.0
LOOSEST = 1e-3
FEW_ROUNDINGS = 64 * np.finfo(float).eps
# Dropped pairs may move the residual by this share of the tolerance.
LEAK = 1e-2
# The far tail is cheap, and its residual is what is compared with the law: no looser than this.
FAR_RTOL = 1e-8
# A stage of the far tail ends at this multiple of its log time, to drop the pairs that died.
STAGE_GROWTH = 8.0


@dataclass
class LogTimePath:
    """What an integration recorded.

    Attributes:
        log_times: (m,) the recorded log times, ascending.
        weights: (m, size).
        residuals: (m, size), ρ = W − (Ŵ/a) s; NaN where no limit is known.
        status, message: how it ended.
        remark: a sentence on the tolerance, where it could not be kept.
        rtol: the loosest tolerance of the integrator.
        at_rest: whether it ended at the minimizer of the risk.
        statistics: evaluations, steps, pairs kept, and the bound on what dropped pairs could have
            moved.
    """

    log_times: list[float] = field(default_factory=list)
    weights: list[np.ndarray] = field(default_factory=list)
    residuals: list[np.ndarray] = field(default_factory=list)
    status: Status = Status.DONE
    message: str = ""
    remark: str = ""
    rtol: float = 0.0
    at_rest: bool = False
    statistics: dict[str, Any] = field(default_factory=dict)

    def append(self, log_time: float, weights: np.ndarray, residual: np.ndarray) -> None:
        self.log_times.append(float(log_time))
        self.weights.append(weights)
        self.residuals.append(residual)


class Integration:
    """One integration from `start` over ascending log times to record.

    Args:
        near: the field in the weights.
        far: the far tail, or None where there is none to enter.
        tail: the loss's tail, or None.
        rtol: relative tolerance of the integrator; the absolute one is rtol times `scale`.
        scale: a typical size of a weight.
        progress: called with a percentage of log(1 + log time), 100, and a remark.
        watch: called with the log time and the weights after every step in the near field.
        clock: from the integration's log time to the one that is told.
    """

    def __init__(
        self,
        near: CompiledField,
        far: FarField | None,
        tail: Tail | None,
        *,
        rtol: float,
        scale: float,
        progress: Progress | None = None,
        watch: Callable[[float, np.ndarray], object] | None = None,
        clock: Callable[[float], float] = float,
    ):
        self.near, self.far, self.tail = near, far, tail
        self.rtol, self.atol = rtol, rtol * scale
        self.progress, self.watch, self.clock = progress, watch, clock
        self.path = LogTimePath()
        self.steps = {"near_steps": 0, "far_steps": 0, "far_stages": 0, "pairs_kept": 0}
        self.kinked = tail is not None and tail.kind == TailKind.FINITE
        self.dropped = 0.0

    def run(self, start: float, weights: np.ndarray, record: np.ndarray) -> LogTimePath:
        """Integrate to the last of `record`; on Ctrl-C keep what was recorded."""
        self.record, self.last = np.asarray(record, dtype=float), float(record[-1])
        self.next = int(np.searchsorted(self.record, start))
        if self.next:
            raise ValueError(f"log time {self.record[0]} lies before the start {start}.")
        self.at = (start, weights, self._residual(start, weights))
        try:
            with fitting_threads(self.near.margin_map), deferred_interrupt() as self.interrupted:
                self._run(start, weights)
        except KeyboardInterrupt:
            self.path.status = Status.INTERRUPTED
            self.path.message = (
                f"interrupted at log time {self.clock(self.at[0]):.6g}; kept up to there."
            )
            self._keep_last(*self.at)
        except FloatingPointError as stopped:
            self.path.status = Status.MAX_STEPS
            self.path.message = f"{stopped}; kept up to there."
            self._keep_last(*self.at)
        self.path.rtol = self.rtol
        self.path.statistics = self.steps | {
            "field_evaluations": self.near.evaluations,
            "field_jacobians": self.near.jacobians,
            "dropped_pull_bound": self.dropped,
            "loosened": bool(self.path.remark),
        }
        return self.path

    def _run(self, start: float, weights: np.ndarray) -> None:
        log_time, weights = self._run_near(start, weights)
        if self.path.status == Status.DONE and log_time < self.last and self.far is not None:
            self._run_far(log_time, self.far.residual(log_time, weights))

    # the near field ---------------------------------------------------------------------------

    def _run_near(self, start: float, weights: np.ndarray) -> tuple[float, np.ndarray]:
        end = min(self.last, LAST_NEAR_LOG_TIME)
        self._record_until(start, lambda _: weights)
        if end <= start:
            return start, weights
        if end < INSTANT:  # its square underflows in the integrator
            velocity = self.near.velocity(start, weights)
            self._record_until(end, lambda s: weights + (s - start) * velocity)
            return end, weights + (end - start) * velocity
        solver, small_steps = self._solver(LSODA, start, weights, end), 0
        look_for_minimizer = FIRST_LOOK_FOR_MINIMIZER
        while solver.status == "running":
            self._step(solver)
            self.steps["near_steps"] += 1
            step = float(solver.step_size or np.inf)
            small = self.far is None and step < SMALL_STEP * solver.t
            small_steps = small_steps + 1 if small else 0
            self.at = (solver.t, solver.y.copy(), self._residual(solver.t, solver.y))
            self._record_until(solver.t, solver.dense_output())
            self._tell(solver.t)
            if self.watch is not None:
                self.watch(solver.t, solver.y)
            if small_steps > MOST_SMALL_STEPS and self.rtol < LOOSEST and not self.kinked:
                self._loosen(solver.t)
                solver, small_steps = self._solver(BDF, float(solver.t), solver.y.copy(), end), 0
            if small_steps > MOST_STALLED_STEPS:
                end_of = self._stalled if self.kinked else self._drowned
                return end_of(solver.t, solver.y)
            if self.far is None and solver.t > look_for_minimizer:
                look_for_minimizer = NEXT_LOOK * solver.t
                drowned = self.near.rounding(solver.y) > DROWNED
                within = DROWNED_ERROR * self.rtol if drowned else self.rtol
                minimizer = self._minimizer(solver.t, solver.y, within)
                if minimizer is not None:
                    return self._at_minimizer(solver.t, minimizer)
                if drowned:
                    return self._drowned(solver.t, solver.y)
            if self.steps["near_steps"] % 8 and solver.t < TAIL_ONLY:
                continue
            least, largest = self.near.reach(solver.y)
            if self._is_far(solver.t, least):
                break
            if largest < LEAST_LOG_SLOPE:
                return self._saturated(solver.t, solver.y, least)
        if solver.t >= LAST_NEAR_LOG_TIME and self.last > LAST_NEAR_LOG_TIME:
            return self._out_of_range(solver.t, solver.y)
        return float(solver.t), solver.y.copy()

    def _solver(self, method: type, start: float, weights: np.ndarray, end: float) -> LSODA | BDF:
        tolerance = {"rtol": self.rtol, "atol": self.atol}
        return method(self.near.velocity, start, weights, end, jac=self._jacobian, **tolerance)

    def _jacobian(self, log_time: float, weights: np.ndarray) -> np.ndarray:
        """The Jacobian, with some rounding on its diagonal.

        Directions without curvature would otherwise make an implicit step's matrix singular, once
        log time has made the others so large that one and they do not add.
        """
        jacobian = self.near.jacobian(log_time, weights)
        rounding = FEW_ROUNDINGS * np.abs(np.diag(jacobian)).max()
        jacobian.flat[:: len(jacobian) + 1] -= rounding
        return jacobian

    def _loosen(self, log_time: float) -> None:
        """Ask for less where steps are small without end: they follow the rounding of the gradient.

        On data that are not separable the gradient cancels, and log time multiplies what is left.
        """
        self.rtol, self.atol = 10 * self.rtol, 10 * self.atol
        self.path.remark = (
            f" The tolerance was loosened to rtol = {self.rtol:.2g} at log time "
            f"{self.clock(log_time):.4g}, where rounding in the gradient drowns a tighter one."
        )

    def _is_far(self, log_time: float, least_margin: float) -> bool:
        if self.far is None or log_time < TAIL_ONLY:
            return False
        columns = self.near.margin_map.n_columns
        return bool(least_margin * self.far.rate > TAIL_ONLY + np.log(columns))

    def _minimizer(self, log_time: float, weights: np.ndarray, within: float) -> np.ndarray | None:
        """The minimizer of the risk, if it is so near, relative to the weights; else None.

        The flow of a convex risk never moves away from its minimizer, so that it has arrived.
        Where a part of the data can be separated there is none: along some direction that the
        samples span the risk then falls for good, and its curvature fades to nothing.
        """
        before = np.inf
        if self.near.reach(weights)[1] < LEAST_LOG_SLOPE:
            return None
        for allowed in (within, *[np.inf] * POLISHING_STEPS):
            velocity = self.near.velocity(log_time, weights)
            hessian = -self.near.jacobian(log_time, weights, rough=False)
            length = np.linalg.norm(weights)
            if np.linalg.norm(velocity) > allowed * length * np.trace(hessian):
                return None
            curvatures, directions = np.linalg.eigh(hessian)
            curvatures, directions = curvatures[-self.rank :], directions[:, -self.rank :]
            if curvatures[0] < FLAT * curvatures[-1]:
                return None
            step = directions @ ((directions.T @ velocity) / curvatures)
            size = np.linalg.norm(step) / length
            if size > allowed:
                return None
            if size > before / 2 and before < self.rtol:
                return weights  # the rest is rounding
            weights, before = weights + step, size
            if size <= 1e-12:
                return weights
        return None

    @functools.cached_property
    def rank(self) -> int:
        """The dimensions that training moves in."""
        margin_map = self.near.margin_map
        return int(np.linalg.matrix_rank(margin_map.features)) * margin_map.n_columns

    def _at_minimizer(self, log_time: float, weights: np.ndarray) -> tuple[float, np.ndarray]:
        self.path.message = (
            f"from log time {self.clock(log_time):.6g} on the weights stand still at the "
            "minimizer of the risk."
        )
        self.path.at_rest = True
        self._record_until(self.last, lambda _: weights)
        return self.last, weights

    def _saturated(
        self, log_time: float, weights: np.ndarray, least: float
    ) -> tuple[float, np.ndarray]:
        _, largest = self.near.reach(weights)
        if largest == -np.inf and self.tail is not None and not self.tail.is_exponential:
            self.path.message = (
                f"every slope is exactly zero from log time {self.clock(log_time):.6g} on: the "
                f"weights stand still at least margin {least:.6g}."
            )
            self._record_until(self.last, lambda _: weights)
            return self.last, weights
        message = (
            f"at least margin {least:.6g} (log time {self.clock(log_time):.6g}) the slopes leave "
            "float64, and no tail is known that would continue them; recorded up to there."
        )
        return self._stop(Status.SATURATED, message, log_time, weights)

    def _drowned(self, log_time: float, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """A part of the data is separated and grows, the rest has settled and cancels."""
        message = (
            f"from log time {self.clock(log_time):.6g} on rounding in the gradient drowns the "
            "gradient. No weights are known that separate these data, and no minimizer of the "
            "risk was found: where a part of them can be separated, the weights grow without end "
            "along it. Recorded up to there."
        )
        return self._stop(Status.SATURATED, message, log_time, weights)

    def _stalled(self, log_time: float, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """A flow that slides along a kink of the loss."""
        message = (
            f"at log time {self.clock(log_time):.6g} the steps became too small to go on, as where "
            "the slopes of a loss jump and the flow slides along the jump; gradient_descent runs "
            "such a loss. Recorded up to there."
        )
        return self._stop(Status.MAX_STEPS, message, log_time, weights)

    def _out_of_range(self, log_time: float, weights: np.ndarray) -> tuple[float, np.ndarray]:
        least, _ = self.near.reach(weights)
        message = (
            f"log time {self.clock(log_time):.6g}, least margin {least:.6g}, is the last at which "
            "time is a float64, and no exponential tail on separable data is known here that would "
            "lead further; recorded up to there."
        )
        return self._stop(Status.SATURATED, message, log_time, weights)

    def _stop(
        self, status: Status, message: str, log_time: float, weights: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """End short of the last log time, with what was done."""
        self.path.status, self.path.message = status, message
        self._keep_last(log_time, weights.copy(), self._residual(log_time, weights))
        return log_time, weights

    # the far tail -----------------------------------------------------------------------------

    def _run_far(self, log_time: float, residual: np.ndarray) -> None:
        assert self.far is not None
        reduced = None
        while log_time < self.last:
            end, threshold = min(self.last, STAGE_GROWTH * log_time), NEGLIGIBLE
            first = self.next
            while True:
                reduced = self.far.reduce(log_time, residual, threshold, previous=reduced)
                stop, after = self._run_stage(reduced, log_time, end)
                leak = self._leak(reduced, log_time, residual, after, stop)
                if leak < LEAK * self.rtol or reduced.kept.all():
                    break
                threshold, reduced = 2 * threshold, None
                self._forget(first)
            self.dropped += leak
            log_time, residual = stop, after
            self.at = (log_time, self.far.weights(log_time, residual), residual)
            self._tell(log_time)

    def _run_stage(
        self, reduced: ReducedField | CrowdedField, start: float, end: float
    ) -> tuple[float, np.ndarray]:
        """Integrate the reduced field from start to end, recording.

        Returns the log time that was reached, the end or earlier if few pairs are left by then, and
        the residual there.
        """
        self.steps["far_stages"] += 1
        self.steps["pairs_kept"] = len(reduced.slack)
        rtol = min(self.rtol, FAR_RTOL)
        # of the residual, while the integrator only sees how far it moves in this stage
        atol = rtol * max(self.atol / self.rtol, float(np.abs(reduced.origin).max()))
        solver = BDF(
            reduced.velocity,
            start,
            reduced.start,
            end,
            jac=reduced.jacobian,
            rtol=rtol,
            atol=atol,
        )
        while solver.status == "running":
            # at rest the integrator sees only rounding, and would take it for divergence
            landed = reduced.standstill(solver.t, solver.y, atol)
            if landed is not None:
                self._record_residual(end, lambda _, at=landed: reduced.residual(at))
                return end, reduced.residual(landed)
            self._step(solver)
            self.steps["far_steps"] += 1
            self._record_residual(solver.t, _residual_along(reduced, solver.dense_output()))
            if self.steps["far_steps"] % 8 == 0 and reduced.is_thinned(solver.t, solver.y):
                break
        return float(solver.t), reduced.residual(solver.y)

    def _leak(
        self,
        reduced: ReducedField | CrowdedField,
        start: float,
        before: np.ndarray,
        after: np.ndarray,
        end: float,
    ) -> float:
        """A bound on what the dropped pairs could have moved, from their pull at both ends."""
        assert self.far is not None
        largest = np.maximum(self.far.log_pulls(start, before), self.far.log_pulls(end, after))[
            ~reduced.kept
        ]
        return float(np.sum(np.exp(np.minimum(largest, 0.0))) * (end - start))

    # shared -----------------------------------------------------------------------------------

    def _step(self, solver: LSODA | BDF) -> None:
        if self.interrupted():
            raise KeyboardInterrupt
        message = solver.step()
        if solver.status == "failed" or not np.all(np.isfinite(solver.y)):
            raise FloatingPointError(
                f"the integrator stopped at log time {self.clock(solver.t):.6g}: "
                f"{message or 'not finite'}"
            )

    def _keep_last(self, log_time: float, weights: np.ndarray, residual: np.ndarray) -> None:
        """Record where the path ended, unless it is recorded already."""
        if not self.path.log_times or self.path.log_times[-1] < log_time:
            self.path.append(log_time, weights, residual)

    def _record_until(self, log_time: float, dense: Callable[[float], np.ndarray]) -> None:
        while self.next < len(self.record) and self.record[self.next] <= log_time:
            s = self.record[self.next]
            weights = np.array(dense(s))
            self.path.append(s, weights, self._residual(s, weights))
            self.next += 1

    def _residual(self, log_time: float, weights: np.ndarray) -> np.ndarray:
        if self.far is None:
            return np.full_like(weights, np.nan)
        return self.far.residual(log_time, weights)

    def _record_residual(self, log_time: float, dense: Callable[[float], np.ndarray]) -> None:
        assert self.far is not None
        while self.next < len(self.record) and self.record[self.next] <= log_time:
            s = self.record[self.next]
            residual = dense(s)
            self.path.append(s, self.far.weights(s, residual), residual)
            self.next += 1

    def _forget(self, count: int) -> None:
        surplus = self.next - count
        if surplus:
            del self.path.log_times[-surplus:]
            del self.path.weights[-surplus:]
            del self.path.residuals[-surplus:]
        self.next = count

    def _tell(self, log_time: float) -> None:
        if self.progress is not None:
            done, total = np.log1p([max(float(log_time), 0.0), max(self.last, 0.0)])
            self.progress(int(100 * done / total), 100, f"log time {self.clock(log_time):.4g}")


def _residual_along(
    reduced: ReducedField | CrowdedField, coordinates: Callable[[float], np.ndarray]
) -> Callable[[float], np.ndarray]:
    return lambda log_time: reduced.residual(coordinates(log_time))
