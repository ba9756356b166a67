"""Schedules of a learning rate: a number, or a function of the step counted from 0.

Any function in `jax.numpy` will do, optax's schedules among them.  Those made here hold their
numbers as arrays, so that runs that differ in them share one compilation.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from marginflow._types import AnyArray
from marginflow.dynamics.identity import nine_digits
from marginflow.dynamics.optimizers.settings import positive

LearningRate: TypeAlias = float | int | AnyArray | Callable[[Any], Any]

_PROBES = (0, 1, 2, 5, 10, 100, 1000, 10**4, 10**5, 10**6, 10**9)


class PowerSchedule(eqx.Module):
    """c/(t + 1)^exponent at step t, counted from 0.

    Args:
        scale: c > 0.
        exponent: 1/2 is the schedule of the theory of normalized steepest descent.

    Example:
        >>> import marginflow as mf
        >>> float(mf.PowerSchedule(0.2, exponent=1.0)(3))
        0.05
    """

    scale: AnyArray
    exponent: AnyArray

    def __init__(self, scale: float | int, exponent: float | int):
        self.scale = positive("scale", scale)
        self.exponent = np.array(exponent, dtype=np.float64)

    def __call__(self, step: AnyArray | int) -> AnyArray | np.floating:
        return self.scale / (step + 1.0) ** self.exponent


def inverse_sqrt(scale: float | int) -> PowerSchedule:
    """The schedule c/√(t + 1), with t the step counted from 0.

    Args:
        scale: c > 0.

    Example:
        >>> import marginflow as mf
        >>> [float(mf.inverse_sqrt(0.1)(step)) for step in (0, 3)]
        [0.1, 0.05]
    """
    return PowerSchedule(scale, 0.5)


def constant(rate: float | int) -> AnyArray:
    """The learning rate that never changes; the number itself says the same.

    Args:
        rate: above 0.
    """
    return positive("learning_rate", rate)


def as_rate(rate: LearningRate) -> Any:
    """A learning rate as an optimizer holds it: an array, or a function of the step.

    Raises:
        ValueError: if it is a number that is not positive and finite.
    """
    return rate if callable(rate) else positive("learning_rate", rate)


def rate_at(rate: Any, index: AnyArray) -> AnyArray:
    """The learning rate of step `index`, counted from 0."""
    return jnp.asarray(rate(index)) if callable(rate) else rate


def rate_identity(rate: Callable[[Any], Any]) -> str:
    """What tells a schedule from others: its values at a few steps, to nine digits."""
    return f"schedule: {nine_digits([float(rate(jnp.asarray(step))) for step in _PROBES])}"
