"""What is known of an activation by its name: its range, and its derivative from its output."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Activation:
    """An activation of torch.nn.

    Attributes:
        low: the lower end of its range; None where it has none.
        high: the upper end; None where it has none.
        derivative: from outputs to derivatives, 1 where it is steepest; None where outputs do not
            tell.
        rectifies: whether it gives exact zeros.
    """

    low: float | None = None
    high: float | None = None
    derivative: Callable[[np.ndarray], np.ndarray] | None = None
    rectifies: bool = False

    @property
    def bounded(self) -> bool:
        """Whether the range has two ends."""
        return self.low is not None and self.high is not None


def _step(a: np.ndarray) -> np.ndarray:
    return (a > 0).astype(np.float64)


ACTIVATIONS: dict[str, Activation] = {
    "Tanh": Activation(-1.0, 1.0, lambda a: 1 - a**2),
    "Sigmoid": Activation(0.0, 1.0, lambda a: 4 * a * (1 - a)),
    "Softsign": Activation(-1.0, 1.0, lambda a: (1 - np.abs(a)) ** 2),
    "Hardtanh": Activation(-1.0, 1.0, lambda a: (np.abs(a) < 1).astype(np.float64)),
    "Hardsigmoid": Activation(0.0, 1.0, lambda a: ((a > 0) & (a < 1)).astype(np.float64)),
    "ReLU": Activation(low=0.0, derivative=_step, rectifies=True),
    "ReLU6": Activation(low=0.0, derivative=_step, rectifies=True),
    "LeakyReLU": Activation(),
    "ELU": Activation(),
    "GELU": Activation(),
    "SiLU": Activation(),
    "Softplus": Activation(),
}
HOMOGENEOUS = ("ReLU", "LeakyReLU")
