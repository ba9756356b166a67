"""What is known of an activation by its name: its range, and its derivative from its output."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Activation:
    """An activation of torch.nn.

    Attributes:
        low: the lower end of its range; None where it has none.
        high: the upper end; None where it has none.
        derivative: from outputs, NumPy's or JAX's, to derivatives, 1 where it is steepest; None
            where outputs do not tell.
        rectifies: whether it gives exact zeros.
    """

    low: float | None = None
    high: float | None = None
    derivative: Callable[[Any], Any] | None = None
    rectifies: bool = False

    @property
    def bounded(self) -> bool:
        """Whether the range has two ends."""
        return self.low is not None and self.high is not None


def _step(a: Any) -> Any:
    return (a > 0) * 1.0


ACTIVATIONS: dict[str, Activation] = {
    "Tanh": Activation(-1.0, 1.0, lambda a: 1 - a**2),
    "Sigmoid": Activation(0.0, 1.0, lambda a: 4 * a * (1 - a)),
    "Softsign": Activation(-1.0, 1.0, lambda a: (1 - abs(a)) ** 2),
    "Hardtanh": Activation(-1.0, 1.0, lambda a: (abs(a) < 1) * 1.0),
    "Hardsigmoid": Activation(0.0, 1.0, lambda a: ((a > 0) & (a < 1)) * 1.0),
    "ReLU": Activation(low=0.0, derivative=_step, rectifies=True),
    "ReLU6": Activation(low=0.0, derivative=_step, rectifies=True),
    "LeakyReLU": Activation(),
    "ELU": Activation(),
    "GELU": Activation(),
    "SiLU": Activation(),
    "Softplus": Activation(),
}
HOMOGENEOUS = ("ReLU", "LeakyReLU")


def activation_kind(name: str) -> str:
    """The key of an activation in `ACTIVATIONS`; "tanh", "soft_sign" and the like are understood.

    Args:
        name: as torch or JAX writes it.

    Raises:
        ValueError: if there is none of that name.
    """
    plain = name.replace("_", "").lower()
    for kind in ACTIVATIONS:
        if kind.lower() == plain:
            return kind
    raise ValueError(f"activation: expected one of {', '.join(ACTIVATIONS)}, got {name!r}.")
