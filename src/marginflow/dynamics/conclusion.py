"""How a run ended, in a word and a sentence."""

from typing import Any

import jax
import numpy as np

from marginflow._results import Status
from marginflow.dynamics.driver import End, Outcome
from marginflow.dynamics.optimizers import HeavyBall, Optimizer
from marginflow.dynamics.step_bound import step_bound
from marginflow.dynamics.trajectory import Trajectory
from marginflow.losses import Loss, TailKind
from marginflow.margins import LinearMarginMap, MarginMap


def conclude(
    outcome: Outcome,
    weights: Any,
    *,
    steps: int,
    margin_map: MarginMap,
    loss: Loss,
    optimizer: Optimizer,
    initial: Any,
    reduction: str,
    sample_weight: Any = None,
) -> Trajectory:
    """The trajectory of a run, with its status.

    Args:
        outcome: what the driver gave.
        weights: the last ones.
        steps: how many were asked for.
        margin_map: of the run.
        loss: of the run.
        optimizer: of the run.
        initial: the first weights.
        reduction: "sum" or "mean".
        sample_weight: of the run.
    """
    recorded, observables = outcome.records.columns()
    last = outcome.position.step
    if outcome.end is End.DIVERGED:
        status, message = Status.DIVERGED, _diverged(outcome)
    elif outcome.end is End.INTERRUPTED:
        status = Status.INTERRUPTED
        message = f"interrupted at step {last} of {steps}; .weights are those of step {last}."
    else:
        status, message = _at_rest(outcome, _comes_to_rest(loss, margin_map))
    statistics = {"steps": last, "records": len(recorded)}
    takeover = optimizer.takeover(outcome.position.state.memory)
    if takeover is not None:
        since, remark = takeover
        statistics["eps_dominated_since"] = since
        if status in (Status.DONE, Status.SATURATED):
            status, message = Status.EPS_DOMINATED, _eps_dominated(outcome, since, remark)
    if status in (Status.DIVERGED, Status.SATURATED):
        arguments = (initial, reduction, sample_weight)
        message += _step_size_remark(margin_map, loss, optimizer, arguments)
    with np.errstate(divide="ignore"):
        log_time = np.log(recorded.astype(np.float64))
    return Trajectory(
        status=status,
        message=message,
        statistics=statistics,
        weights=jax.tree.map(np.array, weights),
        log_time=log_time,
        steps=recorded,
        observables=observables,
    )


def _at_rest(outcome: Outcome, comes_to_rest: bool) -> tuple[Status, str]:
    """Of a run that reached its last step, or came to rest before it."""
    position, last = outcome.position, outcome.position.step
    margin = float(position.observables["margin"][0])
    if position.health.vanished:
        if comes_to_rest:
            return Status.DONE, (
                f"stationary from step {last} on: every slope is zero, the least margin is "
                f"{margin:.6g}."
                if outcome.end is End.FIXED
                else f"reached step {last}; every slope is zero, the least margin is {margin:.6g}."
            )
        since = _vanished_since(outcome)
        return Status.SATURATED, (
            f"saturated at step {since}: every slope is zero in float64, the least margin is "
            f"{margin:.6g}; the weights no longer follow the loss.  gradient_flow and fast_forward "
            "go further."
        )
    if outcome.end is End.REACHED:
        return Status.DONE, f"reached step {last}."
    if margin > 0 and not comes_to_rest:
        return Status.SATURATED, (
            f"saturated at step {last}: a step is below the rounding of the weights, the least "
            f"margin is {margin:.6g}; float64 weights cannot follow the loss further by steps of "
            "this size."
        )
    norm = float(position.observables["gradient_norm"][0])
    return Status.DONE, (
        f"stationary from step {last} on: a step no longer changes the weights, the gradient's "
        f"norm is {norm:.3g}."
    )


def _eps_dominated(outcome: Outcome, since: int, remark: str) -> str:
    last = outcome.position.step
    reached = (
        f"reached step {last}" if outcome.end is End.REACHED else f"came to rest at step {last}"
    )
    return f"{reached}; eps took over at step {since}: from there on {remark}."


def _vanished_since(outcome: Outcome) -> int:
    """The step at which a run came to rest, or the first record from which no gradient is left."""
    if outcome.end is End.FIXED:
        return outcome.position.step
    steps, observables = outcome.records.columns()
    pulled = np.flatnonzero(observables["gradient_norm"])
    first = pulled[-1] + 1 if len(pulled) else 0
    return int(steps[min(first, len(steps) - 1)])


def _diverged(outcome: Outcome) -> str:
    last = outcome.position.step
    if not outcome.position.health.finite:
        return f"diverged at step {last}: the risk of the initial weights is not finite."
    return (
        f"diverged at step {last + 1}: the weights or the risk are no longer finite; .weights are "
        f"those of step {last}."
    )


def _step_size_remark(
    margin_map: MarginMap, loss: Loss, optimizer: Optimizer, arguments: tuple[Any, ...]
) -> str:
    """What can be said of a learning rate that may have been too large; empty if it was not.

    Args:
        margin_map: of the run.
        loss: of the run.
        optimizer: of the run.
        arguments: further ones of `step_bound`.
    """
    if not isinstance(optimizer, HeavyBall) or callable(optimizer.learning_rate):
        return ""
    rate = float(optimizer.learning_rate)
    bound = step_bound(margin_map, loss, *arguments)
    if bound is None or not bound.value > 0:
        return f"  learning_rate is {rate:.6g}; no bound on it is known."
    if rate < bound.value:
        return ""
    return (
        f"  learning_rate is {rate:.6g}, {rate / bound.value:.3g} times the bound "
        f"{bound.formula} = {bound.value:.6g} below which gradient descent decreases the risk."
    )


def _comes_to_rest(loss: Loss, margin_map: MarginMap) -> bool:
    """Whether training ends in finite weights, where slopes that are zero are no underflow."""
    if not isinstance(margin_map, LinearMarginMap):
        return False
    tail = loss.tail(margin_map.n_classes)
    return tail is not None and tail.kind in (TailKind.FINITE, TailKind.RISING)
