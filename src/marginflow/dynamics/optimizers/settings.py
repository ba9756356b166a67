"""The settings of an optimizer: checked; real numbers are held as arrays."""

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


def whole(name: str, value: Any, least: int, most: int = 2**31 - 1) -> int:
    """A whole number from `least` to `most`."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected a whole number, got {value!r}.")
    if value < least:
        raise ValueError(f"{name}: expected at least {least}, got {value}.")
    if value > most:
        raise ValueError(f"{name}: expected at most {most}, got {value:.3g}.")
    return int(value)


def flag(name: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected True or False, got {value!r}.")
    return bool(value)


def _number(name: str, value: Any, allowed: Any, expected: str) -> AnyArray:
    if isinstance(value, bool | np.bool_ | str) or np.ndim(value):
        raise TypeError(f"{name}: expected {expected}, got {value!r}.")
    if not allowed(value):
        raise ValueError(f"{name}: expected {expected}, got {value}.")
    return np.array(value, dtype=np.float64)
