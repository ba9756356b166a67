"""The plain fields of a sweep, checked: counts, seeds, words, norms and schedules."""

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

from marginflow.dynamics.arguments import check_steps
from marginflow.dynamics.recording import Schedule, as_schedule, every, log_spaced
from marginflow.experiments.errors import SweepError
from marginflow.experiments.words import as_list, unknown_name
from marginflow.norms import NAMED_NORMS, Norm, as_norm


def as_count(key: str, value: Any, least: int) -> int:
    """A whole number of at least so much."""
    try:
        number = operator.index(value) if not isinstance(value, bool) else least - 1
    except TypeError:
        number = least - 1
    if number < least:
        raise SweepError(
            f"{key}: expected a whole number of at least {least}, got {value!r}.", (key,)
        )
    try:
        return check_steps(number)
    except ValueError as error:
        raise SweepError(str(error).replace("steps:", f"{key}:", 1), (key,)) from error


def as_scale(key: str, value: Any) -> float:
    """A finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise SweepError(f"{key}: expected a finite number of at least 0, got {value!r}.", (key,))
    return float(value)


def as_flag(key: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise SweepError(f"{key}: expected true or false, got {value!r}.", (key,))
    return value


def as_word(key: str, value: Any, known: Sequence[str] = ()) -> str:
    """A word, one of those known where they are given."""
    if not isinstance(value, str) or (known and value not in known):
        wanted = " or ".join(map(repr, known)) or "a word"
        raise SweepError(f"{key}: expected {wanted}, got {value!r}.", (key,))
    return value


def as_seeds(seeds: Any) -> tuple[int, ...]:
    """How many seeds, or the seeds themselves, each once."""
    if isinstance(seeds, str) or not isinstance(seeds, Iterable):
        return tuple(range(as_count("seeds", seeds, least=1)))
    found = [as_count("seeds", seed, least=0) for seed in seeds]
    if not found or len(set(found)) < len(found):
        raise SweepError(
            f"seeds: expected a number, or seeds each once, got {seeds!r}.", ("seeds",)
        )
    return tuple(found)


def as_norms(norms: Any) -> tuple[Norm, ...]:
    """Norms, or their names."""
    found = []
    for i, item in enumerate(as_list(norms, "norms", str, Norm)):
        try:
            found.append(as_norm(item))
        except (TypeError, ValueError) as error:
            near = unknown_name("a norm", item, NAMED_NORMS) if isinstance(item, str) else ""
            raise SweepError(near or str(error), ("norms", i)) from error
    if len({norm.name for norm in found}) < len(found):
        raise SweepError(f"norms: expected each once, got {norms!r}.", ("norms",))
    return tuple(found)


def as_schedule_of(record: Any, steps: int) -> Schedule:
    """A schedule from itself, from "log:N" or "every:N", or from a list of steps."""
    try:
        if isinstance(record, str):
            kind, _, number = record.partition(":")
            if kind not in ("log", "every") or not number.isdecimal():
                raise ValueError(
                    f"record: expected 'log:N', 'every:N' or a list of steps, got {record!r}."
                )
            return log_spaced(int(number)) if kind == "log" else every(int(number))
        return as_schedule(record, steps)
    except (TypeError, ValueError) as error:
        raise SweepError(str(error), ("record",)) from error
