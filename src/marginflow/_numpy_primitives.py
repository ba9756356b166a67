"""What the operations of a traced function are in NumPy.

A rule takes an operation's parameters and the types of its operands, and returns a function of
arrays, or None if it does not cover this case.  Arrays without axes may be NumPy's scalars.
"""

import string
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from scipy import special

Rule = Callable[[dict[str, Any], list[Any]], Callable[..., Any] | None]


def _always(operation: Callable[..., Any]) -> Rule:
    return lambda params, types: operation


def _of_floats(operation: Callable[..., Any]) -> Rule:
    """A rule for floats alone: integers divide and overflow in their own ways."""
    return lambda params, types: operation if np.issubdtype(types[0].dtype, np.floating) else None


def _logistic(x: Any) -> Any:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1 + small)


def _round(params: dict[str, Any], types: list[Any]) -> Callable[..., Any] | None:
    """Half to even; half away from zero is left to JAX."""
    return np.rint if params["rounding_method"].name == "TO_NEAREST_EVEN" else None


def _integer_pow(params: dict[str, Any], types: list[Any]) -> Callable[..., Any] | None:
    exponent = params["y"]

    def operation(x: Any) -> Any:
        power, square, left = None, x, abs(exponent)
        while left:
            if left % 2:
                power = square if power is None else power * square
            square, left = square * square, left // 2
        power = np.ones_like(x) if power is None else power
        return 1 / power if exponent < 0 else power

    return operation if np.issubdtype(types[0].dtype, np.floating) else None


def _select(params: dict[str, Any], types: list[Any]) -> Callable[..., Any] | None:
    if len(types) != 3:
        return None
    return lambda which, first, second: np.where(which, second, first)


def _clamp(low: Any, x: Any, high: Any) -> Any:
    return np.minimum(np.maximum(x, low), high)


def _convert(params: dict[str, Any], types: list[Any]) -> Callable[..., Any] | None:
    dtype = params["new_dtype"]
    if jax.numpy.issubdtype(dtype, jax.dtypes.extended):
        return None
    if np.dtype(dtype).kind == "b":
        return lambda x: np.not_equal(x, 0)
    return lambda x: np.asarray(x).astype(dtype, copy=False)


def _broadcast(params: dict[str, Any], types: list[Any]) -> Callable[..., Any] | None:
    shape, places = params["shape"], params["broadcast_dimensions"]
    if len(types) != 1:
        return None
    inner = [1] * len(shape)
    for place, size in zip(places, types[0].shape, strict=True):
        inner[place] = size
    dtype = types[0].dtype
    if inner == list(shape):
        return lambda x: np.reshape(x, shape)
    if jax.numpy.issubdtype(dtype, jax.dtypes.extended):
        return None

    def operation(x: Any) -> Any:
        # half the time of np.broadcast_to
        filled = np.empty(shape, dtype)
        filled[...] = np.reshape(x, inner)
        return filled

    return operation


def _reshape(params: dict[str, Any], types: list[Any]) -> Callable[..., Any] | None:
    shape = params["new_sizes"]
    return (lambda x: np.reshape(x, shape)) if params["dimensions"] is None else None


def _slice(params: dict[str, Any], types: list[Any]) -> Callable[..., Any]:
    starts, ends = params["start_indices"], params["limit_indices"]
    steps = params["strides"] or (1,) * len(starts)
    where = tuple(slice(*each) for each in zip(starts, ends, steps, strict=True))
    return lambda x: x[where]


def _windows(x: Any, sizes: tuple[int, ...], starts: Any) -> tuple[slice, ...]:
    shape = np.shape(x)
    first = [
        min(max(int(at), 0), n - size) for at, n, size in zip(starts, shape, sizes, strict=True)
    ]
    return tuple(slice(at, at + size) for at, size in zip(first, sizes, strict=True))


def _dynamic_slice(params: dict[str, Any], types: list[Any]) -> Callable[..., Any]:
    sizes = params["slice_sizes"]
    return lambda x, *starts: x[_windows(x, sizes, starts)]


def _dynamic_update(x: Any, new: Any, *starts: Any) -> Any:
    changed = np.array(x)
    changed[_windows(x, np.shape(new), starts)] = new
    return changed


def _pad(params: dict[str, Any], types: list[Any]) -> Callable[..., Any] | None:
    before, after, inside = zip(*params["padding_config"], strict=True)
    sizes = types[0].shape
    if min(sizes) == 0:
        return None
    crop = tuple(slice(max(-b, 0), -max(-a, 0) or None) for b, a in zip(before, after, strict=True))
    before, after = ([max(each, 0) for each in side] for side in (before, after))
    shape = [
        b + a + n + (n - 1) * i for b, a, i, n in zip(before, after, inside, sizes, strict=True)
    ]
    where = tuple(
        slice(b, b + (n - 1) * (i + 1) + 1, i + 1)
        for b, i, n in zip(before, inside, sizes, strict=True)
    )

    def operation(x: Any, value: Any) -> Any:
        padded = np.full(shape, value, dtype=x.dtype)
        padded[where] = x
        return padded[crop]

    return operation


def _iota(params: dict[str, Any], types: list[Any]) -> Callable[..., Any] | None:
    shape, dimension = params["shape"], params["dimension"]
    inner = [1] * len(shape)
    inner[dimension] = shape[dimension]
    counted = np.arange(shape[dimension], dtype=params["dtype"]).reshape(inner)
    return lambda: np.broadcast_to(counted, shape)


def _reduced(operation: Callable[..., Any]) -> Rule:
    def rule(params: dict[str, Any], types: list[Any]) -> Callable[..., Any]:
        axes = tuple(int(axis) for axis in params["axes"])
        return lambda x: operation(x, axis=axes)

    return rule


def _reduced_in_dtype(operation: Callable[..., Any]) -> Rule:
    def rule(params: dict[str, Any], types: list[Any]) -> Callable[..., Any]:
        axes, dtype = tuple(int(axis) for axis in params["axes"]), types[0].dtype
        return lambda x: operation(x, axis=axes, dtype=dtype)

    return rule


def _place_of(operation: Callable[..., Any]) -> Rule:
    def rule(params: dict[str, Any], types: list[Any]) -> Callable[..., Any]:
        (axis,), dtype = params["axes"], params["index_dtype"]
        return lambda x: operation(x, axis=int(axis)).astype(dtype)

    return rule


def _running(operation: Callable[..., Any]) -> Rule:
    def rule(params: dict[str, Any], types: list[Any]) -> Callable[..., Any]:
        axis, back = int(params["axis"]), params["reverse"]
        if not back:
            return lambda x: operation(x, axis=axis)
        return lambda x: np.flip(operation(np.flip(x, axis), axis=axis), axis)

    return rule


def _sort(params: dict[str, Any], types: list[Any]) -> Callable[..., Any] | None:
    axis = params["dimension"]
    if len(types) > 1 and params["num_keys"] != 1:
        return None

    def operation(*columns: Any) -> list[Any]:
        order = np.argsort(columns[0], axis=axis, kind="stable")
        return [np.take_along_axis(column, order, axis) for column in columns]

    return operation


def _top_k(params: dict[str, Any], types: list[Any]) -> Callable[..., Any] | None:
    count, axis = params["k"], params.get("axis", -1)

    def operation(x: Any) -> list[Any]:
        order = np.argsort(-x, axis=axis, kind="stable").take(range(count), axis=axis)
        return [np.take_along_axis(x, order, axis), order.astype(np.int32)]

    return operation if np.issubdtype(types[0].dtype, np.floating) else None


def _dot(params: dict[str, Any], types: list[Any]) -> Callable[..., Any] | None:
    (left_sum, right_sum), (left_batch, right_batch) = params["dimension_numbers"]
    letters = iter(string.ascii_letters)
    left = [next(letters) for _ in types[0].shape]
    right = [next(letters) for _ in types[1].shape]
    for mine, other in zip((*left_sum, *left_batch), (*right_sum, *right_batch), strict=True):
        right[other] = left[mine]
    batch = [left[i] for i in left_batch]
    out = [
        *batch,
        *(c for i, c in enumerate(left) if i not in (*left_batch, *left_sum)),
        *(c for i, c in enumerate(right) if i not in (*right_batch, *right_sum)),
    ]
    formula = f"{''.join(left)},{''.join(right)}->{''.join(out)}"
    return lambda x, y: np.einsum(formula, x, y)


def _window_index(
    shape: tuple[int, ...],
    indices: Any,
    index_map: tuple[int, ...],
    batching: tuple[tuple[int, ...], tuple[int, ...]],
    window: dict[int, int],
) -> tuple[Any, ...]:
    """Of a gather or scatter: which entries of the operand, in the shape (batch, window).

    Windows that would reach out are moved inside.

    Args:
        shape: of the operand.
        indices: (batch, n), where windows start.
        index_map: which dimension of the operand each of the n is of.
        batching: dimensions of the operand that run along with dimensions of the batch.
        window: the size of the windows in each dimension of the operand that they keep.
    """
    batch, kept = indices.shape[:-1], list(window)
    found = []
    for d, size in enumerate(shape):
        index = np.zeros((1,) * (len(batch) + len(kept)), dtype=np.int64)
        if d in index_map:
            start = indices[..., index_map.index(d)].astype(np.int64)
            start = np.asarray(np.clip(start, 0, size - window.get(d, 1)))
            index = index + np.expand_dims(start, _after(start, window))
        if d in batching[0]:
            at = batching[1][batching[0].index(d)]
            along = [1] * (len(batch) + len(kept))
            along[at] = size
            index = index + np.arange(size).reshape(along)
        if d in window:
            along = [1] * (len(batch) + len(kept))
            along[len(batch) + kept.index(d)] = window[d]
            index = index + np.arange(window[d]).reshape(along)
        found.append(index)
    return tuple(found)


def _after(values: Any, window: dict[int, int]) -> tuple[int, ...]:
    """The axes of a window, behind those of a batch."""
    return tuple(range(values.ndim, values.ndim + len(window)))


def _ints(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _gather(params: dict[str, Any], types: list[Any]) -> Callable[..., Any] | None:
    numbers, sizes, mode = params["dimension_numbers"], params["slice_sizes"], str(params["mode"])
    dropped = _ints((*numbers.collapsed_slice_dims, *numbers.operand_batching_dims))
    batching = _ints(numbers.operand_batching_dims), _ints(numbers.start_indices_batching_dims)
    index_map, places = _ints(numbers.start_index_map), _ints(numbers.offset_dims)
    shape = types[0].shape
    window = {d: int(sizes[d]) for d in range(len(shape)) if d not in dropped}
    fills = "FILL" in mode
    fill = np.nan if params["fill_value"] is None else params["fill_value"]
    if fills and not np.issubdtype(types[0].dtype, np.floating):
        return None

    def operation(x: Any, indices: Any) -> Any:
        indices = np.asarray(indices)
        at = _window_index(shape, indices, index_map, batching, window)
        found, n_batch = np.asarray(x)[at], indices.ndim - 1
        if fills:
            outside = _reaches_out(indices, index_map, shape, window)
            found = np.where(np.expand_dims(outside, _after(outside, window)), fill, found)
        return np.moveaxis(found, range(n_batch, n_batch + len(window)), places)

    return operation


def _reaches_out(
    indices: Any, index_map: tuple[int, ...], shape: tuple[int, ...], window: dict[int, int]
) -> Any:
    """Which windows of a batch are not wholly inside, (batch)."""
    last = np.array([shape[d] - window.get(d, 1) for d in index_map], dtype=np.int64)
    return np.asarray(((indices < 0) | (indices > last)).any(axis=-1))


def _scatter(put: Callable[[Any, Any, Any], None]) -> Rule:
    def rule(params: dict[str, Any], types: list[Any]) -> Callable[..., Any] | None:
        numbers, shape, mode = params["dimension_numbers"], types[0].shape, str(params["mode"])
        dropped = _ints((*numbers.inserted_window_dims, *numbers.operand_batching_dims))
        batching = (
            _ints(numbers.operand_batching_dims),
            _ints(numbers.scatter_indices_batching_dims),
        )
        index_map = _ints(numbers.scatter_dims_to_operand_dims)
        places = _ints(numbers.update_window_dims)
        kept = [d for d in range(len(shape)) if d not in dropped]
        window = {d: types[2].shape[at] for d, at in zip(kept, places, strict=True)}
        drops = "FILL" in mode

        def operation(x: Any, indices: Any, updates: Any) -> Any:
            indices = np.asarray(indices)
            at = _window_index(shape, indices, index_map, batching, window)
            n_batch = indices.ndim - 1
            updates = np.moveaxis(updates, places, range(n_batch, n_batch + len(places)))
            if drops:
                inside = ~_reaches_out(indices, index_map, shape, window)
                at = tuple(np.broadcast_to(index, updates.shape)[inside] for index in at)
                updates = updates[inside]
            changed = np.array(x)
            put(changed, at, updates)
            return changed

        return operation

    return rule


def _put(x: Any, at: Any, values: Any) -> None:
    x[at] = values


RULES: dict[str, Rule] = {
    **{
        name: _always(operation)
        for name, operation in {
            "add": np.add,
            "add_any": np.add,
            "sub": np.subtract,
            "mul": np.multiply,
            "max": np.maximum,
            "min": np.minimum,
            "neg": np.negative,
            "abs": np.abs,
            "sign": np.sign,
            "eq": np.equal,
            "ne": np.not_equal,
            "lt": np.less,
            "le": np.less_equal,
            "gt": np.greater,
            "ge": np.greater_equal,
            "and": np.bitwise_and,
            "or": np.bitwise_or,
            "xor": np.bitwise_xor,
            "not": np.invert,
            "is_finite": np.isfinite,
            "square": np.square,
            "clamp": _clamp,
            "dynamic_update_slice": _dynamic_update,
        }.items()
    },
    **{
        name: _of_floats(operation)
        for name, operation in {
            "div": np.divide,
            "rem": np.fmod,
            "exp": np.exp,
            "exp2": np.exp2,
            "log": np.log,
            "log1p": np.log1p,
            "expm1": np.expm1,
            "sqrt": np.sqrt,
            "rsqrt": lambda x: 1 / np.sqrt(x),
            "cbrt": np.cbrt,
            "pow": np.power,
            "floor": np.floor,
            "ceil": np.ceil,
            "sin": np.sin,
            "cos": np.cos,
            "tan": np.tan,
            "asin": np.arcsin,
            "acos": np.arccos,
            "atan": np.arctan,
            "atan2": np.arctan2,
            "sinh": np.sinh,
            "cosh": np.cosh,
            "tanh": np.tanh,
            "asinh": np.arcsinh,
            "acosh": np.arccosh,
            "atanh": np.arctanh,
            "logistic": _logistic,
            "erf": special.erf,
            "erfc": special.erfc,
            "erf_inv": special.erfinv,
            "lgamma": special.gammaln,
            "digamma": special.digamma,
            "bessel_i0e": special.i0e,
            "bessel_i1e": special.i1e,
        }.items()
    },
    "round": _round,
    "integer_pow": _integer_pow,
    "select_n": _select,
    "convert_element_type": _convert,
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "squeeze": lambda params, types: lambda x: np.squeeze(x, _ints(params["dimensions"])),
    "expand_dims": lambda params, types: lambda x: np.expand_dims(x, _ints(params["dimensions"])),
    "transpose": lambda params, types: lambda x: np.transpose(x, params["permutation"]),
    "rev": lambda params, types: lambda x: np.flip(x, _ints(params["dimensions"])),
    "concatenate": lambda params, types: lambda *x: np.concatenate(x, int(params["dimension"])),
    "stack": lambda params, types: lambda *x: np.stack(x, int(params["axis"])),
    "slice": _slice,
    "dynamic_slice": _dynamic_slice,
    "pad": _pad,
    "iota": _iota,
    "reduce_sum": _reduced_in_dtype(np.add.reduce),
    "reduce_prod": _reduced_in_dtype(np.multiply.reduce),
    "reduce_max": _reduced(np.maximum.reduce),
    "reduce_min": _reduced(np.minimum.reduce),
    "reduce_and": _reduced(np.bitwise_and.reduce),
    "reduce_or": _reduced(np.bitwise_or.reduce),
    "argmax": _place_of(np.argmax),
    "argmin": _place_of(np.argmin),
    "cumsum": _running(np.cumsum),
    "cumprod": _running(np.cumprod),
    "cummax": _running(np.maximum.accumulate),
    "cummin": _running(np.minimum.accumulate),
    "cumlogsumexp": _running(np.logaddexp.accumulate),
    "sort": _sort,
    "top_k": _top_k,
    "dot_general": _dot,
    "gather": _gather,
    "scatter": _scatter(_put),
    "scatter-add": _scatter(np.add.at),
}
