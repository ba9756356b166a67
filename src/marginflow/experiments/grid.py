"""Grids: a list among the settings of an entry stands for one entry with each of its values.

    {"name": "heavy-ball", "learning_rate": [0.1, 0.01]}

is two optimizers.  What tells the entries of one name apart goes into their labels.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from marginflow.experiments.errors import SweepError

Settings = dict[str, Any]
SCALARS = (bool, int, float, str)


def expand(entry: Mapping[str, Any]) -> list[Settings]:
    """The entries that a grid stands for, the last list varying fastest.

    Raises:
        SweepError: if a list is empty, or a value is no number, word or list of them.

    Example:
        >>> from marginflow.experiments.grid import expand
        >>> expand({"name": "a", "x": [1, 2], "y": 3})
        [{'name': 'a', 'x': 1, 'y': 3}, {'name': 'a', 'x': 2, 'y': 3}]
    """
    columns = []
    for key, value in entry.items():
        values = value if isinstance(value, list | tuple) else [value]
        if not values:
            raise SweepError(f"{key}: expected a value or several, got an empty list.", (key,))
        for each in values:
            if not isinstance(each, SCALARS):
                raise SweepError(
                    f"{key}: expected a number, a word or a list of them, got {each!r}.", (key,)
                )
        columns.append(values)
    return [dict(zip(entry, point, strict=True)) for point in itertools.product(*columns)]


def labels(names: Sequence[str], settings: Sequence[Settings]) -> list[str]:
    """A label for each entry: its name, and the settings in which others of that name differ.

    Example:
        >>> from marginflow.experiments.grid import labels
        >>> labels(["sgd", "sgd", "adam"], [{"rate": 0.1}, {"rate": 0.2}, {"rate": 0.1}])
        ['sgd rate=0.1', 'sgd rate=0.2', 'adam']
    """
    found = []
    for name, own in zip(names, settings, strict=True):
        rivals = [s for n, s in zip(names, settings, strict=True) if n == name]
        keys = dict.fromkeys(key for rival in rivals for key in rival)
        telling = [k for k in keys if len({text_of(rival.get(k)) for rival in rivals}) > 1]
        words = [f"{key}={_short(own[key])}" for key in telling if key in own]
        found.append(" ".join([name, *words]))
    return found


def text_of(value: Any) -> str:
    """A value as JSON in one fixed form."""
    return json.dumps(value, sort_keys=True)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
