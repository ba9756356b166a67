"""Integration of a field in log time, with records, for equations in more than the weights."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.integrate import BDF, LSODA

from marginflow._results import Status
from marginflow.dynamics.interrupts import deferred_interrupt
from marginflow.dynamics.progress import Progress

# After a quarter of them LSODA gives way to BDF, with a looser tolerance.
MOST_STEPS = 4_000

Field = Callable[[float, np.ndarray], np.ndarray]


@dataclass
class Steps:
    """What an integration recorded, and where it ended.

    Attributes:
        log_times: the recorded log times, ascending.
        points: the state at each of them.
        log_time: where it ended: at the last log time, or where `enough` held.
        point: the state there.
        status, message: how it ended.
        steps: how many steps it took.
        rtol: the loosest tolerance of a step.
    """

    log_time: float
    point: np.ndarray
    log_times: list[float] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)
    status: Status = Status.DONE
    message: str = ""
    steps: int = 0
    rtol: float = 0.0


def integrate(
    velocity: Field,
    jacobian: Field,
    log_time: float,
    point: np.ndarray,
    times: np.ndarray,
    *,
    rtol: float,
    atol: Any,
    enough: Callable[[float, np.ndarray], bool],
    watch: Callable[[float, np.ndarray], object] | None = None,
    progress: Progress | None = None,
) -> Steps:
    """Integrate over the times to record, until they are done or `enough` holds.

    Args:
        velocity: d(state)/ds.
        jacobian: its derivative; it only steers Newton's method.
        log_time: of the start.
        point: the state there.
        times: ascending, none before the start.
        rtol: relative tolerance of a step.
        atol: absolute tolerance for each entry.
        enough: whether the rest of the way is known without integrating.
        watch: called with log time and state after every step.
        progress: called with a percentage of log(1 + log time).
    """
    found, last = Steps(log_time, point, rtol=rtol), float(times[-1])
    try:
        with deferred_interrupt() as interrupted:
            solver: LSODA | BDF = LSODA(
                velocity, log_time, point, last, jac=jacobian, rtol=rtol, atol=atol
            )
            while solver.status == "running" and not enough(found.log_time, found.point):
                if interrupted():
                    raise KeyboardInterrupt
                message = solver.step()
                if solver.status == "failed" or not np.all(np.isfinite(solver.y)):
                    found.status = Status.MAX_STEPS
                    found.message = (
                        f"the integrator stopped at log time {solver.t:.6g}: "
                        f"{message or 'not finite'}; kept up to there."
                    )
                    break
                dense = solver.dense_output()
                for time in times[len(found.points) :]:
                    if time > solver.t:
                        break
                    found.log_times.append(float(time))
                    found.points.append(np.array(dense(time)))
                found.log_time, found.point = float(solver.t), solver.y.copy()
                found.steps += 1
                if found.steps == MOST_STEPS // 4:
                    found.rtol = 10 * rtol
                    tolerance = {"rtol": 10 * rtol, "atol": 10 * atol}
                    solver = BDF(
                        velocity, solver.t, solver.y.copy(), last, jac=jacobian, **tolerance
                    )
                if found.steps > MOST_STEPS:
                    found.status = Status.MAX_STEPS
                    found.message = (
                        f"the integrator's steps became too small at log time {solver.t:.6g}; kept "
                        "up to there."
                    )
                    break
                if watch is not None:
                    watch(found.log_time, found.point)
                if progress is not None:
                    done, total = np.log1p([max(found.log_time, 0.0), max(last, 0.0)])
                    progress(int(100 * done / total), 100, f"log time {found.log_time:.4g}")
    except KeyboardInterrupt:
        found.status = Status.INTERRUPTED
        found.message = f"interrupted at log time {found.log_time:.6g}; kept up to there."
    if found.status != Status.DONE and found.log_times[-1:] != [found.log_time]:
        found.log_times.append(found.log_time)
        found.points.append(found.point)
    return found
