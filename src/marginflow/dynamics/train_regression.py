"""Training a regression model step by step, with any optimizer."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from marginflow._precision import in_x64
from marginflow._results import NotConvergedError, Status
from marginflow.dynamics.arguments import check_observables, check_steps, try_observables
from marginflow.dynamics.descent import Descent
from marginflow.dynamics.driver import End, Outcome, drive
from marginflow.dynamics.gradient_descent import FilePath
from marginflow.dynamics.optimizers import as_optimizer
from marginflow.dynamics.progress import Progress
from marginflow.dynamics.recording import Schedule, as_schedule, log_spaced
from marginflow.dynamics.regression_model import RegressionModel
from marginflow.dynamics.resumption import Resumption, run_identity
from marginflow.dynamics.squared_error import SquaredError
from marginflow.dynamics.trajectory import Trajectory

_STANDARD_RECORD = log_spaced(50)


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class RegressionTrajectory(Trajectory):
    """A run on a regression model.

    The observables are `risk`, `weights_norm` (of the effective weights), `gradient_norm`, and the
    model's own.  `weights` are the parameters, a tuple of arrays.

    Attributes:
        effective: what they amount to: weights (d,), or a matrix (p, q).
    """

    effective: np.ndarray


@in_x64
def train_regression(
    model: RegressionModel,
    optimizer: Any,
    *,
    steps: int,
    initial: Any,
    reduction: str = "sum",
    record: Schedule | Iterable[int] = _STANDARD_RECORD,
    observables: Mapping[str, Callable[[Any], Any]] | None = None,
    record_weights: bool = False,
    checkpoint: FilePath | None = None,
    resume: FilePath | None = None,
    progress: Progress | None = None,
    throw: bool = True,
) -> RegressionTrajectory:
    """Minimize the squared error of a model with an optimizer, step by step, in float64.

    The risk is ½ Σ (prediction − target)².  For a linear model and gradient descent
    `least_squares_path` has a closed form.

    Args:
        model: `LinearModel`, `DiagonalNetwork`, `MatrixCompletion` or another `RegressionModel`.
        optimizer: an optimizer of marginflow, or an optax transformation.
        steps: how many steps, from 0 to 2⁶³−1.
        initial: the first parameters, a sequence of arrays, or the array where there is one.
        reduction: "sum", or "mean" to divide the risk by the number of targets.
        record: which steps are recorded: `log_spaced`, `every`, or a sequence of steps.
        observables: functions of the parameters by name, recorded besides the standard ones.
        record_weights: whether the parameters' effective weights are recorded, as
            `observables["effective"]`.
        checkpoint: a file to which the run is written every few seconds and at its end.
        resume: a checkpoint to go on from, as in `train`.
        progress: called as `progress(step, steps, message)` a few times a second.
        throw: whether a run that diverged raises; its result comes with the error.

    Returns:
        A `RegressionTrajectory` with status `done`, `diverged` or `interrupted`.

    Raises:
        ValueError, TypeError: if an argument does not fit.
        NotConvergedError: if the run diverged and `throw` is true.
        CheckpointError: if the checkpoint is missing, damaged, or of another run.

    Example:
        >>> import marginflow as mf
        >>> model = mf.LinearModel(([[1.0, 0.0]], [2.0]))
        >>> run = mf.train_regression(model, mf.HeavyBall(0.5), steps=100, initial=[0.0, 3.0])
        >>> run.effective, run.message
        (array([2., 3.]), 'stationary from step 54 on: a step no longer changes the weights.')
    """
    if not isinstance(model, RegressionModel):
        raise TypeError(
            f"model: expected a RegressionModel, as LinearModel(data), got {type(model).__name__}."
        )
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction: expected 'sum' or 'mean', got {reduction!r}.")
    optimizer, steps = as_optimizer(optimizer), check_steps(steps)
    schedule = as_schedule(record, steps)
    first = _check_initial(model, initial)
    objective = SquaredError(model, reduction == "mean", optimizer.scale_free, record_weights)
    dynamics, params = jax.tree.map(
        lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray | np.generic) else leaf,
        (Descent(objective, optimizer, None, check_observables(observables, False)), first),
    )
    state = dynamics.init(params)
    try_observables(dynamics, state)
    files = Resumption(
        run_identity(dynamics, first, 0) if checkpoint or resume else {},
        Path(checkpoint) if checkpoint else None,
        Path(resume) if resume else None,
    )
    state, step, records = files.restore(state, schedule, steps)
    outcome = drive(
        dynamics,
        state,
        steps=steps,
        schedule=schedule,
        step=step,
        records=records,
        save=files.save if checkpoint else None,
        progress=progress,
    )
    result = _conclude(outcome, model, dynamics.params(outcome.position.state), steps)
    if throw and result.status == Status.DIVERGED:
        raise NotConvergedError(result.message, result)
    return result


def _check_initial(model: RegressionModel, initial: Any) -> tuple[np.ndarray, ...]:
    shapes = model.shapes()
    if len(shapes) == 1 and np.shape(initial) == shapes[0]:
        initial = (initial,)
    arrays = tuple(np.array(each, dtype=np.float64) for each in initial)
    if tuple(array.shape for array in arrays) != shapes:
        raise ValueError(
            f"initial: expected arrays of shapes {list(shapes)}, got "
            f"{[array.shape for array in arrays]}."
        )
    if not all(np.all(np.isfinite(array)) for array in arrays):
        raise ValueError("initial: expected finite numbers, got infinite or NaN entries.")
    return arrays


def _conclude(
    outcome: Outcome, model: RegressionModel, params: Any, steps: int
) -> RegressionTrajectory:
    recorded, observables = outcome.records.columns()
    last, status = outcome.position.step, Status.DONE
    if outcome.end is End.DIVERGED:
        status = Status.DIVERGED
        message = (
            f"diverged after step {last}: the parameters or the risk are no longer finite; "
            ".weights are those of that step.  Lower the learning rate."
        )
    elif outcome.end is End.INTERRUPTED:
        status = Status.INTERRUPTED
        message = f"interrupted at step {last} of {steps}; .weights are those of step {last}."
    elif outcome.end is End.FIXED:
        message = f"stationary from step {last} on: a step no longer changes the weights."
    else:
        message = f"reached step {last}."
    with np.errstate(divide="ignore"):
        log_time = np.log(recorded.astype(np.float64))
    weights = tuple(np.array(each) for each in params)
    return RegressionTrajectory(
        status=status,
        message=message,
        statistics={"steps": last, "records": len(recorded)},
        weights=weights,
        effective=np.asarray(model.effective(weights)),
        log_time=log_time,
        steps=recorded,
        observables=observables,
    )
