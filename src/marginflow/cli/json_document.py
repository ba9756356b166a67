"""JSON as the standard has it, of whatever a verb answers with.

`--json` prints one document that any reader of JSON accepts.  Python's encoder would write NaN and
Infinity, which the standard lacks: a number that is not finite becomes null, and its field stays.
An integer beyond 64 bits, which readers would round, becomes a string of its digits.  Arrays become
nested lists, enumerations their values, dataclasses objects with their fields.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from os import PathLike, fspath
from typing import Any

from marginflow.cli.step_count import LARGEST_COUNT


def json_document(value: Any) -> str:
    """The value as a JSON document: ASCII, indented, fields in their order.

    Raises:
        TypeError: if a value has no form in JSON; the message names its place.
    """
    return json.dumps(jsonable(value), indent=2, allow_nan=False)


def jsonable(value: Any, place: str = "$") -> Any:
    """The value in terms of dict, list, str, int, finite float, bool and None.

    Args:
        value: also NumPy and JAX arrays and scalars, enumerations, dataclasses, paths, fractions.
        place: where the value stands, for the error.

    Raises:
        TypeError: if a value has no form in JSON; the message names its place.

    Example:
        >>> import numpy as np
        >>> from marginflow.cli.json_document import jsonable
        >>> jsonable({"log_time": np.array([-np.inf, 1.5]), "n": np.int64(3)})
        {'log_time': [None, 1.5], 'n': 3}
    """
    if isinstance(value, Enum):
        return jsonable(value.value, place)
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value) if abs(value) <= LARGEST_COUNT else str(Decimal(int(value)))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, PathLike):
        return jsonable(fspath(value), place)
    if isinstance(value, Mapping):
        return {_key(key, place): jsonable(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item, f"{place}[{i}]") for i, item in enumerate(value)]
    if is_dataclass(value) and not isinstance(value, type):
        named = {item.name: getattr(value, item.name) for item in fields(value)}
        return jsonable(named, place)
    if hasattr(value, "__array__"):
        return jsonable(_listed(value), place)
    raise TypeError(f"{place} is a {type(value).__name__}, which has no form in JSON.")


def _listed(array: Any) -> Any:
    """Arrays and scalars of NumPy and JAX as nested lists of Python's numbers."""
    import numpy as np

    return np.asarray(array).tolist()


def _key(key: Any, place: str) -> str:
    key = jsonable(key, place)
    if isinstance(key, str):
        return key
    raise TypeError(f"{place} has the key {key!r}, where JSON has strings only.")
