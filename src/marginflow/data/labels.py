"""Labels of any kind, to codes 0..K−1 in the sorted order of the classes.

The code of a class must not depend on the order of the rows, on the container, or on whether a row
of it happens to come first: it is the rank of the label among the sorted distinct labels, and the
labels themselves are kept as `classes`.
"""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from jaxtyping import Int64

from marginflow.data.errors import DataError

WHAT_WORKS = "integers, whole floats, booleans, strings or bytes"


def encode_labels(labels: Any, classes: Any = None) -> tuple[Int64[np.ndarray, " n"], np.ndarray]:
    """Encode labels by rank.

    Args:
        labels: (n,) integers, whole floats, booleans, strings or bytes, one kind for all rows: a
            list, a NumPy array, a pandas Series or Categorical, a pyarrow array.
        classes: all classes there are, where the labels may lack some; None takes those that occur.

    Returns:
        The codes (n,) and the classes (K,) in sorted order.

    Raises:
        DataError: if a label is missing, is none of these kinds or none of the given classes, or
            the kinds are mixed.
    """
    values = _label_values(labels, "labels")
    present, codes = _sorted_classes(values)
    if classes is None:
        return codes.astype(np.int64), present
    allowed, _ = _sorted_classes(_label_values(classes, "classes"))
    rank = {label: code for code, label in enumerate(allowed.tolist())}
    for code, label in enumerate(present.tolist()):
        if label not in rank:
            row = int(np.argmax(codes == code))
            raise DataError(
                f"labels must be among the classes {allowed.tolist()}, got {label!r} in row {row}, "
                "counted from 0; correct the label or name its class among the classes."
            )
    ranks = np.array([rank[label] for label in present.tolist()], dtype=np.int64)
    return ranks[codes], allowed


def class_key(label: Any) -> str:
    """A text that tells classes apart: numbers by value, all others by kind and value.

    1 and 1.0 have one key; 1, True and "1" have three.
    """
    if isinstance(label, bool | str | bytes):
        return f"{type(label).__name__}:{label!a}"
    return f"number:{int(label):x}"


def _sorted_classes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values in sorted order, and the rank of each value among them."""
    if values.dtype.kind != "O":
        return np.unique(values, return_inverse=True)
    distinct = sorted(set(values.tolist()))
    rank = {label: code for code, label in enumerate(distinct)}
    codes = np.fromiter((rank[label] for label in values), np.int64, len(values))
    return _array_of(distinct), codes


def _array_of(labels: list) -> np.ndarray:
    """The labels as a NumPy array of their own type, of objects where NumPy would alter one."""
    array = np.array(labels)
    if array.tolist() == labels and type(array.tolist()[0]) is type(labels[0]):
        return array
    return np.fromiter(labels, dtype=object, count=len(labels))


def _label_values(labels: Any, what: str) -> np.ndarray:
    """The labels as a checked 1-D array: of booleans, integers, whole floats or objects."""
    array = _as_vector(labels, what)
    kind = array.dtype.kind
    if kind in "biuSU":
        return array
    if kind == "f":
        _refuse_fractions(array, what)
        return array + 0.0  # one class for 0.0 and -0.0
    if kind in "OT":
        return _plain_objects(array.astype(object), what)
    raise DataError(
        f"{what} must be {WHAT_WORKS}, got {array.dtype}; convert them, for instance to strings."
    )


def _as_vector(labels: Any, what: str) -> np.ndarray:
    if isinstance(labels, np.ma.MaskedArray) and np.ma.is_masked(labels):
        _refuse_missing("a masked value", int(np.argmax(np.ma.getmaskarray(labels))), what)
    if hasattr(labels, "__array__"):
        array = np.asarray(labels)
    elif isinstance(labels, Sequence) and not isinstance(labels, str | bytes):
        # element by element: NumPy would make text of [1, "a"] and floats of [2**63, -1]
        array = np.fromiter(labels, dtype=object, count=len(labels))
        if any(isinstance(label, list | tuple | np.ndarray) for label in array):
            array = np.asarray(labels, dtype=object)
    else:
        raise DataError(
            f"{what} must be a sequence of {WHAT_WORKS}, got {type(labels).__name__}; pass a list, "
            "a NumPy array, or a column of a table."
        )
    if array.ndim != 1:
        advice = "pass labels.argmax(axis=1) for one column a class"
        if array.ndim == 2 and array.shape[1] == 1:
            advice = "pass one column, as labels.ravel() or table['name']"
        raise DataError(f"{what} must have shape (n,), got {array.shape}; {advice}.")
    if not array.size:
        raise DataError(f"{what} must not be empty; check what was selected or read.")
    return array


def _plain_objects(array: np.ndarray, what: str) -> np.ndarray:
    """Labels of Python types: one kind, none missing, subclasses and NumPy scalars made plain."""
    kinds = [_kind(label) for label in array]
    first_row = {kind: kinds.index(kind) for kind in dict.fromkeys(kinds)}
    if "missing" in first_row:
        row = first_row["missing"]
        _refuse_missing(repr(array[row]), row, what)
    if "other" in first_row:
        row = first_row["other"]
        raise DataError(
            f"{what} must be {WHAT_WORKS}, got {array[row]!r} ({type(array[row]).__name__}) in row "
            f"{row}, counted from 0; convert them, for instance to strings."
        )
    if "float" in first_row:
        numbers = zip(array, kinds, strict=True)
        _refuse_fractions(np.array([float(v) if k == "float" else 0.0 for v, k in numbers]), what)
    if first_row.keys() == {"int", "float"}:  # whole numbers all: as integers no value changes
        first_row = {"int": 0}
    if len(first_row) > 1:
        mixed = " and ".join(f"{kind} (row {row})" for kind, row in first_row.items())
        raise DataError(
            f"{what} must be of one kind to have a sorted order, got {mixed}, counted from 0; "
            "convert them, for instance with [str(label) for label in labels]."
        )
    (kind,) = first_row
    make = {"bool": bool, "int": int, "float": float, "str": str.__str__, "bytes": bytes}[kind]
    return np.fromiter((make(label) for label in array), dtype=object, count=len(array))


def _kind(label: Any) -> str:
    """The kind of one label; subclasses first, as bool is an int and numpy.float64 a float."""
    if isinstance(label, bool | np.bool_):
        return "bool"
    if isinstance(label, str):
        return "str"
    if isinstance(label, Integral):
        return "int"
    if isinstance(label, float | np.floating):
        return "missing" if np.isnan(label) else "float"
    if isinstance(label, bytes):
        return "bytes"
    if label is None or type(label).__name__ in {"NAType", "NaTType"}:
        return "missing"
    return "other"


def _refuse_fractions(array: np.ndarray, what: str) -> None:
    missing = np.isnan(array)
    if missing.any():
        row = int(np.argmax(missing))
        _refuse_missing(str(array[row]), row, what)
    fraction = ~np.isfinite(array) | (array != np.trunc(array))
    if fraction.any():
        row = int(np.argmax(fraction))
        raise DataError(
            f"{what} must name classes, got {array[row]} in row {row}, counted from 0, which is "
            "not whole; for a quantity, cut it into classes first."
        )


def _refuse_missing(value: str, row: int, what: str) -> None:
    raise DataError(
        f"{what} must be complete, got {value} in row {row}, counted from 0; drop the row or give "
        "it a label."
    )
