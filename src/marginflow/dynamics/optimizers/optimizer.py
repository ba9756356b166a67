"""The protocol of an optimizer: how a gradient becomes a step."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import equinox as eqx
import numpy as np

from marginflow._types import AnyArray
from marginflow.dynamics.objective import Gradient
from marginflow.dynamics.optimizers.schedules import rate_identity
from marginflow.norms import Norm


class Optimizer(eqx.Module):
    """A first-order method: a pair `init`, `step` over parameters and a memory of its own.

    Its numbers are fields that hold arrays, so that one compilation serves all settings, and
    `equinox.filter_vmap` runs many settings side by side.

    Example:
        >>> import marginflow as mf
        >>> mf.Adam(1e-3).identity()
        {'optimizer': 'Adam', 'learning_rate': 0.001, 'eps': 1e-08, 'b1': 0.9, 'b2': 0.999}
    """

    @property
    def scale_free(self) -> bool:
        """Whether it is given gradients with their scale taken out.

        Such a method reads the gradient's direction and the logarithm of its scale, and goes on
        where the gradient itself underflows.
        """
        return False

    @property
    def steady(self) -> bool:
        """Whether a step that changes nothing will change nothing later either.

        It is not so where the learning rate follows a schedule, which may rise.
        """
        return not callable(getattr(self, "learning_rate", None))

    @abstractmethod
    def init(self, params: Any) -> Any:
        """The memory before the first step."""

    @abstractmethod
    def step(
        self, index: AnyArray, gradient: Gradient, memory: Any, params: Any
    ) -> tuple[Any, Any]:
        """The parameters and the memory after step `index`, counted from 0."""

    def takeover(self, memory: Any) -> tuple[int, str] | None:
        """The step from which on its ε rules, and what its steps are since then; None if not."""
        return None

    def identity(self) -> dict[str, Any]:
        """What tells it from others, for checkpoints: names and numbers, as JSON can hold them."""
        found: dict[str, Any] = {"optimizer": type(self).__name__}
        return found | {item.name: _as_json(getattr(self, item.name)) for item in fields(self)}


def _as_json(value: Any) -> Any:
    if isinstance(value, Norm):
        return value.name
    if isinstance(value, Callable):
        return rate_identity(value)
    return (
        float(value) if isinstance(value, np.ndarray | np.generic) or eqx.is_array(value) else value
    )
