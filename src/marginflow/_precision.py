"""Double precision, by context.

Margins of 10⁶ and relative gaps of 1e-13 need float64, and JAX computes in float32 unless told
otherwise.  A library must not flip that switch for its host program, so every entry point enters
`x64()` and leaves it again.  A float64 JAX array that survives the context is rounded to float32 by
the next operation on it; what marginflow returns is therefore NumPy.
"""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def x64() -> AbstractContextManager[None]:
    """Enter float64 arithmetic for JAX, and restore the caller's setting on leaving.

    Returns:
        A context manager.

    Example:
        >>> import jax.numpy as jnp
        >>> import marginflow as mf
        >>> with mf.x64():
        ...     jnp.zeros(2).dtype
        dtype('float64')
    """
    import jax

    return jax.enable_x64(True)


def in_x64(function: Callable[P, R]) -> Callable[P, R]:
    """Make a verb run inside `x64()`."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with x64():
            return function(*args, **kwargs)

    return wrapped
