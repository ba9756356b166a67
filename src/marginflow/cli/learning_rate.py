"""The learning rate of a run: as asked, or one that the theory or measurements recommend.

A method whose step is as long as the gradient takes half of the bound below which gradient descent
decreases the risk.  A method whose step has a length of its own takes the step that changes no
margin by more than 1 (`recommended_rate`), in the norm in which its step is measured.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marginflow.cli.errors import UsageError, as_usage_error
from marginflow.cli.optimizer_argument import OptimizerArgument, Schedule

if TYPE_CHECKING:
    from marginflow.dynamics import Optimizer, StepBound

FRACTION = 0.5  # of the bound: the usual 1/β of gradient descent, where the bound is 2/β
# Of the recommended step: what got furthest in 10⁴ steps, as the page on optimizers has it.
DECAYING_FACTOR = 10.0
RESCALING_FACTOR = 100.0


@dataclass(frozen=True)
class LearningRate:
    """A learning rate and where it comes from.

    Attributes:
        value: η, or the factor of its schedule.
        bound: the step-size bound of the data and the loss; None where none is known or where it
            does not speak of the optimizer.
        origin: where the value comes from, in a few words.
    """

    value: float
    bound: "StepBound | None"
    origin: str


def choose_learning_rate(
    asked: float | None,
    optimizer: OptimizerArgument,
    data: Any,
    loss: Any,
    *,
    initial: Any,
    reduction: str,
) -> LearningRate:
    """The learning rate asked for, or the one that is recommended.

    Raises:
        UsageError: if it is not a positive number, or none was given and none is recommended.
    """
    if asked is not None and not 0 < asked < math.inf:
        raise UsageError(f"--learning-rate must be a positive number, got {asked}.")
    probe = optimizer.make(1.0)
    if _follows_the_gradient(probe):
        return _by_bound(asked, data, loss, initial=initial, reduction=reduction)
    norm = _step_norm(probe)
    if norm is None:
        if asked is None:
            raise UsageError(
                f"no learning rate is known to serve {optimizer.name} as given; give "
                "--learning-rate."
            )
        return LearningRate(asked, None, "as asked")
    return _by_step(asked, optimizer, norm, probe, data)


def _by_bound(
    asked: float | None, data: Any, loss: Any, *, initial: Any, reduction: str
) -> LearningRate:
    """Half of the step-size bound."""
    import numpy as np

    from marginflow.dynamics import step_bound
    from marginflow.margins import as_linear_map

    margin_map = as_linear_map(data, "run")
    start = np.zeros(margin_map.weights_shape) if initial is None else initial
    bound = step_bound(margin_map, loss, start, reduction)
    if asked is None:
        if bound is None:
            raise UsageError(
                f"no step-size bound is known for {loss.name}, from which a learning rate could "
                "be taken; give --learning-rate."
            )
        if not 0 < bound.value < math.inf:
            raise UsageError(
                f"half of the bound {bound.formula} leaves float64 with features of this size; "
                "multiply the features by a power of two, or give --learning-rate."
            )
        origin = f"{FRACTION:g} of the bound {bound.formula} = {bound.value:.6g}"
        return LearningRate(FRACTION * bound.value, bound, origin)
    if bound is None:
        return LearningRate(asked, None, "as asked")
    share = f"{_times(asked, bound.value)} times the bound {bound.formula} = {bound.value:.6g}"
    return LearningRate(asked, bound, f"as asked, {share}")


def _by_step(
    asked: float | None, optimizer: OptimizerArgument, norm: Any, probe: "Optimizer", data: Any
) -> LearningRate:
    """The step that changes no margin by more than 1, with the factor that serves the method."""
    from marginflow.dynamics import recommended_rate

    with as_usage_error():
        step = recommended_rate(data, norm)
    squared, factor = _factor(probe, optimizer.schedule)
    unit = step * step if squared else step
    value = factor * unit
    name = f"r{'²' if squared else ''}, r = {step:.6g} the step that changes no margin by over 1 "
    name += f"in the norm {norm.name}"
    if asked is not None:
        return LearningRate(asked, None, f"as asked, {_times(asked, unit)} {name}")
    if not 0 < value < math.inf:
        raise UsageError(
            "the recommended learning rate leaves float64 with features of this size; multiply "
            "the features by a power of two, or give --learning-rate."
        )
    return LearningRate(value, None, f"recommended: {'' if factor == 1 else f'{factor:g} '}{name}")


def _times(asked: float, unit: float) -> str:
    import numpy as np

    with np.errstate(divide="ignore", over="ignore"):
        return f"{float(np.float64(asked) / unit):.3g}"


def _follows_the_gradient(optimizer: "Optimizer") -> bool:
    """Whether its step is as long as the gradient, in the sense of the step-size bound."""
    from marginflow.dynamics import HeavyBall, MirrorDescent, Nesterov

    return isinstance(optimizer, HeavyBall | Nesterov | MirrorDescent)


def _step_norm(optimizer: "Optimizer") -> Any:
    """The norm in which its step has the length of the learning rate; None where none is known."""
    from marginflow.dynamics import (
        PRGD,
        AdaGrad,
        Adam,
        DualMomentum,
        Lion,
        Muon,
        RMSProp,
        SteepestDescent,
    )
    from marginflow.norms import as_norm

    if isinstance(optimizer, SteepestDescent):
        return optimizer.norm if optimizer.normalized else None
    if isinstance(optimizer, Adam | RMSProp | AdaGrad | Lion):
        return as_norm("max")
    if isinstance(optimizer, Muon):
        return as_norm("spectral")
    return as_norm("frobenius") if isinstance(optimizer, DualMomentum | PRGD) else None


def _factor(optimizer: "Optimizer", schedule: Schedule) -> tuple[bool, float]:
    """Whether the step is squared, as where a method divides by the sum of pulls, and the rest."""
    from marginflow.dynamics import PRGD, DualMomentum

    if isinstance(optimizer, PRGD):
        return True, RESCALING_FACTOR
    if isinstance(optimizer, DualMomentum):
        return True, 1.0
    return False, DECAYING_FACTOR if schedule == Schedule.INVERSE_SQRT else 1.0
