"""A run that has been decided on: what goes in, and the call that carries it out."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marginflow.cli.errors import UsageError
from marginflow.cli.learning_rate import LearningRate
from marginflow.cli.optimizer_argument import OptimizerArgument
from marginflow.cli.record_argument import (
    exact_schedule,
    log_steps_schedule,
    log_time_schedule,
)
from marginflow.cli.run_limits import EUCLIDEAN, Comparison
from marginflow.cli.run_method import Choice, Method

if TYPE_CHECKING:
    from marginflow.data import Dataset
    from marginflow.dynamics import Optimizer, Trajectory
    from marginflow.dynamics.progress import Progress
    from marginflow.losses import Loss
    from marginflow.theory import LimitPrediction


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that decides the result of a run, and where it is kept.

    Attributes:
        data: the data.
        loss: the loss.
        choice: the method and how far it goes.
        optimizer: that makes the steps.
        named: the same as it was asked for.
        learning_rate: of steps; None for the flow.
        prediction: where the optimizer takes the loss; None for the flow.
        norms: in which margins are compared and recorded, the first that of the limit.
        batch_size: of minibatches; None for all samples.
        seed: of minibatches.
        reduction: "sum" or "mean".
        initial: the first weights; None for zeros.
        record: --record as typed.
        rtol: the tolerance asked of the flow or of fast-forward; None for the verb's own.
        checkpoint: the file of an exact run; None for none.
        resume: whether the run goes on from that file if it is there.
    """

    data: "Dataset"
    loss: "Loss"
    choice: Choice
    optimizer: "Optimizer | None"
    named: OptimizerArgument
    learning_rate: LearningRate | None
    prediction: "LimitPrediction | None"
    norms: tuple[str, ...]
    batch_size: int | None
    seed: int
    reduction: str
    initial: Any
    record: str
    rtol: float | None
    checkpoint: Path | None
    resume: bool


def carry_out(plan: Plan, comparison: Comparison, progress: "Progress | None") -> "Trajectory":
    """Run the plan; a run that did not end well is returned with its status."""
    if plan.choice.method == Method.EXACT:
        return _exact(plan, progress)
    shared: dict[str, Any] = {
        "initial": plan.initial,
        "reduction": plan.reduction,
        "limit": comparison.euclidean,
        "progress": progress,
        "throw": False,
    }
    if plan.rtol is not None:
        shared["rtol"] = plan.rtol
    if plan.choice.method == Method.FLOW:
        return _flow(plan, shared)
    return _fast_forward(plan, shared)


def load_initial(path: Path | None, shape: tuple[int, ...]) -> Any:
    """The array "weights" of an NPZ file, as --output writes it; None without a file.

    Raises:
        UsageError: if there is no such array, or it does not fit the data.
    """
    import numpy as np

    if path is None:
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            weights = np.asarray(file["weights"], dtype=np.float64)
    except (OSError, ValueError, KeyError, EOFError, TypeError) as error:
        raise UsageError(
            f"--initial {path}: expected an .npz file with an array 'weights', as --output writes "
            f"it; {error}"
        ) from error
    if weights.shape != shape or not np.all(np.isfinite(weights)):
        raise UsageError(
            f"--initial {path}: expected finite weights of shape {shape} for these data, got shape "
            f"{weights.shape}."
        )
    return weights


def _exact(plan: Plan, progress: "Progress | None") -> "Trajectory":
    from marginflow.dynamics import train

    assert plan.choice.steps is not None
    assert plan.choice.steps.count is not None
    return train(
        plan.data,
        plan.loss,
        plan.optimizer,
        steps=plan.choice.steps.count,
        initial=plan.initial,
        batch_size=plan.batch_size,
        seed=plan.seed,
        reduction=plan.reduction,
        record=exact_schedule(plan.record, plan.choice.steps.count),
        norms=[name for name in plan.norms if name != EUCLIDEAN],  # which every run records
        checkpoint=plan.checkpoint,
        resume=plan.checkpoint if plan.resume else None,
        progress=progress,
        throw=False,
    )


def _fast_forward(plan: Plan, shared: dict[str, Any]) -> "Trajectory":
    from marginflow.dynamics import fast_forward

    assert plan.choice.steps is not None
    return fast_forward(
        plan.data,
        plan.loss,
        plan.optimizer,
        log_steps=plan.choice.steps.log_steps,
        record=log_steps_schedule(plan.record, plan.choice.steps.log_steps),
        **shared,
    )


def _flow(plan: Plan, shared: dict[str, Any]) -> "Trajectory":
    from marginflow.dynamics import gradient_flow

    assert plan.choice.log_time is not None
    return gradient_flow(
        plan.data,
        plan.loss,
        plan.choice.log_time,
        record=log_time_schedule(plan.record, plan.choice.log_time),
        **shared,
    )
