"""What a method of training becomes after its first steps: the role, and what its parts share."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.dynamics.descent import DescentState
from marginflow.dynamics.far_field import FarField
from marginflow.dynamics.log_time_path import LogTimePath
from marginflow.dynamics.progress import Progress
from marginflow.limits import MaxMargin
from marginflow.losses import Loss, Tail
from marginflow.margins import LinearMarginMap

# A modified equation is used once the step times the curvature is below this.
SMALL_CURVATURE = 0.25


@dataclass(frozen=True)
class Problem:
    """Data and loss, with what is known of where training ends.

    Attributes:
        margin_map: in NumPy.
        loss: twice differentiable.
        tail: the loss's tail, or None.
        limit: the certified max-margin weights, or None where nothing separates the data.
        progress: called along the path.
    """

    margin_map: LinearMarginMap
    loss: Loss
    tail: Tail | None
    limit: MaxMargin | None
    progress: Progress | None

    def far_field(self, log_step: float) -> FarField | None:
        """The far tail of an effective step, where there is one to enter."""
        if self.limit is None or self.tail is None or not self.tail.is_exponential:
            return None
        return FarField(self.margin_map, self.limit, self.tail, log_step)


@dataclass(frozen=True)
class Course:
    """A path from the end of a prefix.

    Attributes:
        path: the weights at the log times that were asked for.
        omitted: an estimate from above of what the equation omits, and of what it cannot know, in
            units of the weights.
    """

    path: LogTimePath
    omitted: float


class Continuation(ABC):
    """How a method goes on from a state, in log time.

    Attributes:
        far: the far tail that it ends in, against which residuals are measured; None without one.
        order: the error of starting after N₀ steps fades as N₀ to minus this.
        stride: prefixes are whole multiples of it.
        amplifies: whether the first steps may make more of a rounding than it was.
    """

    far: FarField | None
    order: float = 3.0
    stride: int = 1
    amplifies: bool = False

    @abstractmethod
    def obstacle(self, step: int, state: DescentState) -> str | None:
        """Why the equation does not hold at a state yet; None where it does."""

    @abstractmethod
    def run(
        self, step: int, state: DescentState, times: np.ndarray, rtol: float, judged: bool
    ) -> Course:
        """Follow the equation from a state over the log times to record.

        Args:
            step: of the state.
            state: the exact loop's.
            times: ascending logarithms of step counts, from log `step` on.
            rtol: of the integrator.
            judged: whether `omitted` is wanted.
        """


class RunningSum:
    """The integral of a rate along a path, by the trapezoidal rule.

    Two prefixes show what a modified equation omits between them.  Where the curvature rises later,
    as it does after a start far on the wrong side, only the path itself shows it.  On a convex risk
    errors do not grow, so that the sum bounds them.
    """

    def __init__(self, rate: Callable[[float, Any], float], log_time: float, point: Any):
        self.rate, self.log_time = rate, log_time
        self.last, self.total = rate(log_time, point), 0.0

    def __call__(self, log_time: float, point: Any) -> None:
        value = self.rate(log_time, point)
        self.total += (value + self.last) / 2 * (log_time - self.log_time)
        self.log_time, self.last = log_time, value
