"""The learning rate of a run: as asked, or half of the largest that the theory allows."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marginflow.cli.errors import UsageError

if TYPE_CHECKING:
    from marginflow.dynamics import StepBound

FRACTION = 0.5  # of the bound: the usual 1/β of gradient descent, where the bound is 2/β


@dataclass(frozen=True)
class LearningRate:
    """A learning rate and where it comes from.

    Attributes:
        value: η.
        bound: the step-size bound of the data and the loss; None where none is known.
        origin: where the value comes from, in a few words.
    """

    value: float
    bound: "StepBound | None"
    origin: str


def choose_learning_rate(
    asked: float | None, data: Any, loss: Any, *, initial: Any, reduction: str
) -> LearningRate:
    """The learning rate asked for, or half of the bound.

    Raises:
        UsageError: if it is not a positive number, or none was given and no bound is known.
    """
    import numpy as np

    from marginflow.dynamics import step_bound
    from marginflow.margins import as_linear_map

    if asked is not None and not 0 < asked < math.inf:
        raise UsageError(f"--learning-rate must be a positive number, got {asked}.")
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
    with np.errstate(divide="ignore", over="ignore"):
        times = float(np.float64(asked) / bound.value)
    share = f"{times:.3g} times the bound {bound.formula} = {bound.value:.6g}"
    return LearningRate(asked, bound, f"as asked, {share}")
