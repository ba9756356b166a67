"""Features as the user has them, to a float64 array in which no bit was lost.

Everything else in marginflow trusts its features to be finite and exact, so this is the one place
that looks.  A value that float64 cannot hold, or that is no number at all, is refused by name (row
and column) instead of being rounded or coerced: a margin problem over silently altered data has an
exact answer to a question that nobody asked.
"""

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Float64

from marginflow.data.errors import DataError

LARGEST_EXACT = 2**53


def read_features(features: Any) -> tuple[Float64[np.ndarray, "n d"], tuple[str, ...] | None]:
    """Check features and copy them to float64.

    Args:
        features: (n, d) numbers: a NumPy array or anything that converts to one, nested lists, a
            pandas DataFrame, a pyarrow Table.

    Returns:
        The array (own memory, C order) and the column names, None where the input has none.

    Raises:
        DataError: if a cell is missing, infinite, no real number or not a float64, or the shape is
            not (n, d) with n, d ≥ 1.
    """
    module = type(features).__module__.partition(".")[0]
    if module == "pyarrow" and hasattr(features, "to_pandas"):
        features, module = features.to_pandas(), "pandas"
    if module == "pandas" and hasattr(features, "columns"):
        names = tuple(str(column) for column in features.columns)
        _refuse_empty(features.shape)
        array = np.empty(features.shape)
        for j, dtype in enumerate(features.dtypes):
            column, place = np.asarray(features.iloc[:, j]), _placer(names, j)
            if str(dtype) == "category":  # declared to be no quantity, even where it holds numbers
                _refuse_cell(column[0], place((0,)))
            array[:, j] = _to_float64(column, place)
    else:
        names = None
        raw = _as_array(features)
        _refuse_wrong_shape(raw)
        array = _to_float64(raw, _placer(names))
    refuse_non_finite(array, _placer(names))
    return array, names


def refuse_non_finite(
    array: Float64[np.ndarray, "n d"], place: Callable[[tuple[int, ...]], str]
) -> None:
    """Raise on the first cell that is NaN or infinite; `place` words its index."""
    finite = np.isfinite(array)
    if finite.all():
        return
    index = _first(~finite)
    others = int(finite.size - np.count_nonzero(finite)) - 1
    tail = f" ({others} more such cells follow)" if others else ""
    raise DataError(
        f"features must be finite numbers, got {array[index]} at {place(index)}{tail}; "
        "drop the row or the column, or fill the value in."
    )


def _placer(
    names: Sequence[str] | None, column: int | None = None
) -> Callable[[tuple[int, ...]], str]:
    """Words for the place of a cell: of a table by (row, column), of one column by (row,)."""

    def place(index: tuple[int, ...]) -> str:
        j = index[1] if column is None else column
        named = f" ({names[j]!r})" if names else ""
        return f"row {index[0]}, column {j}{named}, counted from 0"

    return place


def _first(mask: np.ndarray) -> tuple[int, ...]:
    """The index of the first True in row-major order."""
    return tuple(int(i) for i in np.unravel_index(np.argmax(mask), mask.shape))


def _as_array(features: Any) -> np.ndarray:
    if isinstance(features, np.ma.MaskedArray) and np.ma.is_masked(features):
        index = _first(np.ma.getmaskarray(features))
        raise DataError(
            f"features must be complete, got a masked cell at index {index}; drop the row or fill "
            "the value in."
        )
    if hasattr(features, "toarray"):
        raise DataError(
            f"features must be dense, got {type(features).__name__}; pass features.toarray()."
        )
    if isinstance(features, str | bytes | dict | set) or not (
        hasattr(features, "__array__") or isinstance(features, Sequence)
    ):
        raise DataError(
            f"features must be an array of shape (n, d), got {type(features).__name__}; pass a "
            "NumPy array, nested lists, a pandas DataFrame or a pyarrow Table."
        )
    try:
        array = np.asarray(features)
    except (TypeError, ValueError, RuntimeError) as error:
        _refuse_ragged(features)
        raise DataError(
            f"features could not be read as an array of shape (n, d): {error}"
        ) from error
    if isinstance(features, Sequence) and not _lists_are_exact(array):
        # NumPy gives nested lists one type for all cells: text for [1, "a"], rounded floats for
        # [2**53 + 1, 0.5].  The cells themselves still know better.
        array = np.asarray(features, dtype=object)
    return array


def _lists_are_exact(array: np.ndarray) -> bool:
    if array.dtype.kind == "f":
        return bool(np.all(np.abs(array) < LARGEST_EXACT))
    return array.dtype.kind in "biu"


def _refuse_ragged(features: Any) -> None:
    if not isinstance(features, Sequence):
        return
    lengths = [np.size(row) if isinstance(row, np.ndarray) else _length(row) for row in features]
    for i, length in enumerate(lengths):
        if length != lengths[0]:
            raise DataError(
                f"features must have rows of one length, got {lengths[0]} entries in row 0 and "
                f"{length} in row {i}, counted from 0; complete or drop the odd rows."
            )


def _length(row: Any) -> int:
    return len(row) if hasattr(row, "__len__") else 1


def _refuse_wrong_shape(array: np.ndarray) -> None:
    if array.dtype.names:
        raise DataError(
            f"features must be plain numbers, got an array with fields {array.dtype.names}; pass "
            "numpy.lib.recfunctions.structured_to_unstructured(features)."
        )
    if array.ndim == 1 and array.size:
        raise DataError(
            f"features must have shape (n, d), got {array.shape}; for one feature pass "
            "features.reshape(-1, 1), for one sample features.reshape(1, -1)."
        )
    if array.ndim != 2 and array.size:
        raise DataError(
            f"features must have shape (n, d), got {array.shape}; flatten each sample with "
            "features.reshape(len(features), -1)."
        )
    _refuse_empty(array.shape)


def _refuse_empty(shape: tuple[int, ...]) -> None:
    if len(shape) != 2 or 0 in shape:
        raise DataError(
            f"features must have at least one row and one column, got shape {shape}; "
            "check what was selected or read."
        )


def _to_float64(values: np.ndarray, place: Callable[[tuple[int, ...]], str]) -> np.ndarray:
    """A float64 copy in C order with the very same values, or an error that names a cell."""
    kind = values.dtype.kind
    if kind == "O":
        return _objects_to_float64(values, place)
    if kind in "iu":
        inexact = _integers_beyond_float64(values)
    elif kind == "f" and values.dtype.itemsize > 8:
        with np.errstate(over="ignore"):
            rounded = values.astype(np.float64)
        inexact = (rounded != values) & ~np.isnan(values)
    elif kind in "fb" or (kind == "V" and np.can_cast(values.dtype, np.float64)):  # bfloat16 is "V"
        inexact = np.zeros((), dtype=bool)
    else:
        first = (0,) * values.ndim
        _refuse_cell(values[first], place(first))
    if inexact.any():
        index = _first(inexact)
        _refuse_inexact(values[index], place(index))
    return np.array(values, dtype=np.float64, order="C", copy=True)


def _integers_beyond_float64(values: np.ndarray) -> np.ndarray:
    """Where float64 would change an integer: where its odd part needs more than 53 bits."""
    inexact = np.zeros(values.shape, dtype=bool)
    if values.dtype.itemsize < 8:
        return inexact
    large = values > LARGEST_EXACT
    if values.dtype.kind == "i":
        large |= values < -LARGEST_EXACT
    if large.any():
        suspects = values[large]
        odd_part = suspects // (suspects & (~suspects + 1))
        inexact[large] = (odd_part > LARGEST_EXACT) | (odd_part < -LARGEST_EXACT)
    return inexact


def _objects_to_float64(values: np.ndarray, place: Callable[[tuple[int, ...]], str]) -> np.ndarray:
    array = np.empty(values.shape)
    for index, value in np.ndenumerate(values):
        array[index] = _number(value, lambda index=index: place(index))
    return array


def _number(value: Any, place: Callable[[], str]) -> float:
    if isinstance(value, float | np.floating) and np.dtype(type(value)).itemsize <= 8:
        return float(value)
    if isinstance(value, bool | np.bool_):
        return float(value)
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:  # pandas.NA, pandas.NaT
        return float("nan")
    if not isinstance(value, Integral | np.floating):
        _refuse_cell(value, place())
    try:
        number = float(value)
    except OverflowError:
        _refuse_inexact("an integer beyond 1.8e308", place())
    if number != value and value == value:
        _refuse_inexact(value, place())
    return number


def _refuse_inexact(value: Any, place: str) -> NoReturn:
    raise DataError(
        f"features are held as float64, which cannot hold {value!s} at {place}; "
        "subtract an offset or rescale the column first."
    )


def _refuse_cell(value: Any, place: str) -> NoReturn:
    advice = "convert the column to numbers, encode it (one column a category), or drop it."
    if isinstance(value, complex | np.complexfloating):
        advice = "pass the real and imaginary parts as two columns."
    raise DataError(
        f"features must be real numbers, got {value!r} ({type(value).__name__}) at {place}; "
        f"{advice}"
    )
