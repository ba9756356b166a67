"""The border between a caller's arrays and JAX's: what comes in decides what goes out.

The formulas of a loss are written once, for JAX arrays.  A caller may hold NumPy arrays of any
float width, lists, or JAX arrays of a width in which a loss would be mostly rounding.  Here each of
them is brought to JAX in a precision that loses none of its bits, and the results are brought back.

XLA compiles a program for every shape, which takes a thousand times as long as the loss of a few
samples.  NumPy arrays of up to some thousand entries are therefore computed by NumPy, from JAX's
trace of the formula.  They come in rows of few numbers only, powers of two from 128 on, the last
row repeated, so that few traces serve all; what a loss makes of a sample depends on no other.
"""

import functools
import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from marginflow._numpy_program import NumpyProgram
from marginflow._precision import x64

Method = TypeVar("Method", bound=Callable[..., Any])

# Arrays with more entries are computed as they are: padding them would cost more than it saves.
_MOST_PADDED = 2**14
_FEWEST_ROWS = 128
_MOST_PROGRAMS = 1024


def keeps_array_type(method: Method) -> Method:
    """Let a method of one array argument, written for JAX arrays, take and return the caller's.

    The argument is (..., K), and what the method makes of a sample, the last axis, has to depend on
    no other: small arrays are computed with more rows than they have.

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


def in_callers_type(
    method: Callable[..., Any], owner: Any, values: Any, *others: Any, n_columns: int = 0
) -> Any:
    """Call a method on JAX arrays; its results get the array type and dtype of `values`.

    What comes as a JAX array is computed as JAX's own functions would, traced or not; for others
    the method is compiled.  Integers count as float64 in NumPy and as JAX's default float in JAX.
    Widths of 16 bits are computed in float32 and rounded once, at the end.

    Args:
        method: takes its owner and JAX arrays; returns an array or a tuple of them.
        owner: the object it belongs to.
        values: NumPy or JAX array, or what `numpy.asarray` makes one of, (..., K) or with the axes
            of `others` leading.
        others: further arguments (...), made JAX arrays with their dtypes kept.
        n_columns: the length of a last axis that the first of `others` has besides, 0 for none.

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
    leading = _leading_axes(np.shape(others[0]), n_columns) if others else values.shape[:-1]
    arguments = (_widened(values), *map(np.asarray, others))
    n_rows = math.prod(leading)
    padded = _padded_rows(n_rows, values.size) if others or values.ndim else None
    if padded is not None:
        arguments = tuple(_as_rows(argument, len(leading), padded) for argument in arguments)

    def brought_back(result: jax.Array) -> np.ndarray:
        array = np.asarray(result)
        if padded is not None:
            array = array[:n_rows].reshape(leading + array.shape[1:])
        return array.astype(values.dtype)

    program = _program(method, owner, arguments) if padded is not None else None
    with x64():
        if program is not None:
            return jax.tree.map(brought_back, program.results(*arguments))
        results = _compiled(method)(owner, *map(jnp.asarray, arguments))
        return jax.tree.map(brought_back, results)


def _leading_axes(shape: tuple[int, ...], n_columns: int) -> tuple[int, ...]:
    return shape[:-1] if n_columns else shape


def _padded_rows(n_rows: int, n_entries: int) -> int | None:
    """With how many rows such an array is computed; None as it is."""
    if not n_entries:
        return None
    rows = max(_FEWEST_ROWS, 1 << (n_rows - 1).bit_length())
    return rows if rows * (n_entries // n_rows) <= _MOST_PADDED else None


def _as_rows(array: np.ndarray, n_leading: int, n_rows: int) -> np.ndarray:
    """One axis of rows in place of the leading ones, and the last row repeated up to `n_rows`."""
    rows = array.reshape(-1, *array.shape[n_leading:])
    return np.concatenate([rows, np.broadcast_to(rows[-1], (n_rows - len(rows), *rows.shape[1:]))])


def _in_jax(method: Callable[..., Any], owner: Any, values: jax.Array, *others: Any) -> Any:
    dtype = values.dtype if jnp.issubdtype(values.dtype, jnp.floating) else jnp.result_type(float)
    concrete_double = dtype == np.float64 and not isinstance(values, Tracer)
    with x64() if concrete_double else nullcontext():
        results = method(owner, _widened(values.astype(dtype)), *map(jnp.asarray, others))
        return jax.tree.map(lambda result: result.astype(dtype), results)


def _program(
    method: Callable[..., Any], owner: Any, arguments: tuple[np.ndarray, ...]
) -> NumpyProgram | None:
    """The method as a program of NumPy; None of an owner that holds arrays."""
    types = tuple((argument.shape, argument.dtype) for argument in arguments)
    try:
        return _traced(method, owner, types)
    except TypeError:
        if any(isinstance(leaf, jax.Array | np.ndarray) for leaf in jax.tree.leaves(owner)):
            return None
        raise


@functools.lru_cache(_MOST_PROGRAMS)
def _traced(method: Callable[..., Any], owner: Any, types: tuple[Any, ...]) -> NumpyProgram:
    arguments = [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in types]
    return NumpyProgram(functools.partial(method, owner), *arguments)


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
