"""The border between a caller's arrays and JAX's: what comes in decides what goes out.

The formulas of a loss are written once, for JAX arrays.  A caller may hold NumPy arrays of any
float width, lists, or JAX arrays of a width in which a loss would be mostly rounding.  Here each of
them is brought to JAX in a precision that loses none of its bits, and the results are brought back.
"""

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from marginflow._precision import x64

Method = TypeVar("Method", bound=Callable[..., Any])


def keeps_array_type(method: Method) -> Method:
    """Let a method of one array argument, written for JAX arrays, take and return the caller's.

    Example:
        >>> import numpy as np
        >>> class Doubled:
        ...     @keeps_array_type
        ...     def values(self, margins):
        ...         return 2 * margins
        >>> Doubled().values(np.array([0.5, 1.0]))
        array([1., 2.])
    """

    @functools.wraps(method)
    def wrapped(self: Any, margins: Any) -> Any:
        return in_callers_type(method, self, margins)

    return cast(Method, wrapped)


def in_callers_type(method: Callable[..., Any], owner: Any, values: Any, *others: Any) -> Any:
    """Call a method on JAX arrays; its results get the array type and dtype of `values`.

    What comes as a JAX array is computed as JAX's own functions would, traced or not; for others
    the method is compiled.  Integers count as float64 in NumPy and as JAX's default float in JAX.
    Widths of 16 bits are computed in float32 and rounded once, at the end.

    Args:
        method: takes its owner and JAX arrays; returns an array or a tuple of them.
        owner: the object it belongs to.
        values: NumPy or JAX array, or what `numpy.asarray` makes one of.
        others: further arguments, made JAX arrays with their dtypes kept.

    Raises:
        TypeError: if `values` are not real numbers, or are held by another library.
    """
    if isinstance(values, jax.Array):
        return _in_jax(method, owner, values, *others)
    _refuse_torch(values)
    values = np.asarray(values)
    if values.dtype.kind in "iub":
        values = values.astype(np.float64)
    if values.dtype not in (np.float16, np.float32, np.float64):
        raise TypeError(f"expected real numbers of up to 64 bits, got dtype {values.dtype}.")
    if any(isinstance(other, Tracer) for other in others):
        raise TypeError(
            "labels are traced by JAX but scores are not: pass the scores as a JAX array too."
        )
    with x64():
        results = _compiled(method)(owner, *map(jnp.asarray, (_widened(values), *others)))
        return jax.tree.map(lambda result: np.asarray(result).astype(values.dtype), results)


def _in_jax(method: Callable[..., Any], owner: Any, values: jax.Array, *others: Any) -> Any:
    dtype = values.dtype if jnp.issubdtype(values.dtype, jnp.floating) else jnp.result_type(float)
    concrete_double = dtype == np.float64 and not isinstance(values, Tracer)
    with x64() if concrete_double else nullcontext():
        results = method(owner, _widened(values.astype(dtype)), *map(jnp.asarray, others))
        return jax.tree.map(lambda result: result.astype(dtype), results)


@functools.cache
def _compiled(method: Callable[..., Any]) -> Callable[..., Any]:
    return eqx.filter_jit(method)


def _widened(values: Any) -> Any:
    return values.astype(np.float32) if values.dtype.itemsize < 4 else values


def _refuse_torch(values: Any) -> None:
    if type(values).__module__.partition(".")[0] == "torch":
        raise TypeError(
            "expected a NumPy or JAX array or a list, got a torch tensor, through which no "
            "gradient would flow back; pass tensor.detach().cpu().numpy()."
        )
