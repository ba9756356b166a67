"""The numbers of an optimizer: checked, and held as arrays."""

from typing import Any

import numpy as np

from marginflow._types import AnyArray


def positive(name: str, value: Any) -> AnyArray:
    """A finite number above 0."""
    return _number(name, value, lambda x: 0 < x < np.inf, "a finite number above 0")


def nonnegative(name: str, value: Any) -> AnyArray:
    """A finite number from 0 up."""
    return _number(name, value, lambda x: 0 <= x < np.inf, "a finite number, 0 or more")


def fraction(name: str, value: Any) -> AnyArray:
    """A number in [0, 1)."""
    return _number(name, value, lambda x: 0 <= x < 1, "a number in [0, 1)")


def above_one(name: str, value: Any) -> AnyArray:
    """A finite number above 1."""
    return _number(name, value, lambda x: 1 < x < np.inf, "a finite number above 1")


def _number(name: str, value: Any, allowed: Any, expected: str) -> AnyArray:
    if isinstance(value, bool | np.bool_ | str) or np.ndim(value):
        raise TypeError(f"{name}: expected {expected}, got {value!r}.")
    if not allowed(value):
        raise ValueError(f"{name}: expected {expected}, got {value}.")
    return np.array(value, dtype=np.float64)
