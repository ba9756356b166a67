"""What an entry of a sweep may say: names and keys, and answers to those that are unknown."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from marginflow.experiments.errors import SweepError

Place = tuple[str | int, ...]


def as_entry(item: Any, place: Place, noun: str) -> dict[str, Any]:
    """A name, or a mapping with a name, as a mapping.

    Raises:
        SweepError: if it is neither.
    """
    if isinstance(item, str):
        return {"name": item}
    if not isinstance(item, Mapping):
        raise SweepError(
            f"expected the name of {noun}, or a table with a name and settings, got {item!r}.",
            place,
        )
    entry = dict(item)
    objects = {"data", "loss", "optimizer"} & set(entry)
    if not objects and not isinstance(entry.get("name"), str):
        raise SweepError(f"expected a name of {noun}: name = '...'.", place)
    if not isinstance(entry.get("label", ""), str):
        raise SweepError(f"label: expected a word, got {entry['label']!r}.", (*place, "label"))
    return entry


def as_list(value: Any, key: str, *single: type) -> list[Any]:
    """One thing of some types, or several, as a list.

    Raises:
        SweepError: if it is neither, or there are none.
    """
    if isinstance(value, single):
        return [value]
    if not isinstance(value, Iterable):
        raise SweepError(f"{key}: expected one entry or several, got {value!r}.", (key,))
    found = list(value)
    if not found:
        raise SweepError(f"{key}: expected at least one entry, got none.", (key,))
    return found


def refuse_unknown(entry: Mapping[str, Any], known: Iterable[str], place: Place) -> None:
    """Refuse keys that mean nothing.

    Raises:
        SweepError: naming the key, the known ones, and the one that was meant.
    """
    known = tuple(known)
    for key in entry:
        if key not in known:
            raise SweepError(unknown_name("a key", key, known), (*place, key))


def unknown_name(noun: str, name: str, known: Iterable[str]) -> str:
    """A sentence on a name that is not known.

    Example:
        >>> from marginflow.experiments.words import unknown_name
        >>> unknown_name("a norm", "spectrl", ["max", "spectral"])
        "'spectrl' is not a norm; did you mean 'spectral'?  Known are: max, spectral."
    """
    known = list(known)
    near = get_close_matches(name.lower().replace("_", "-"), known, n=1)
    near = near or get_close_matches(name.lower().replace("-", "_"), known, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else "."
    return f"{name!r} is not {noun}{meant}  Known are: {', '.join(known)}."
