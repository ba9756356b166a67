"""The optimizer axis: optimizers by name with their settings, or those that the caller holds.

Besides the settings that an optimizer has, `schedule = "inverse-sqrt"` divides its learning rate by
√(t + 1) at step t.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optax

from marginflow.dynamics.optimizers import (
    Optimizer,
    as_optimizer,
    get_optimizer,
    inverse_sqrt,
    registered_optimizers,
)
from marginflow.experiments.errors import SweepError
from marginflow.experiments.grid import Settings, expand, labels
from marginflow.experiments.words import as_entry, as_list, refuse_unknown, unknown_name

SCHEDULES = {"constant": lambda rate: rate, "inverse-sqrt": inverse_sqrt}


@dataclass(frozen=True)
class OptimizerEntry:
    """One point of the optimizer axis.

    Attributes:
        label: in tables and pictures.
        name: of the method, which its settings leave as it is.
        settings: as JSON can hold them.
        optimizer: the optimizer itself.
    """

    label: str
    name: str
    settings: Settings
    optimizer: Optimizer


def optimizer_entries(optimizers: Any) -> tuple[OptimizerEntry, ...]:
    """The optimizer axis of a sweep, from what a user wrote.

    Args:
        optimizers: one or several of: a mapping with "name" and settings, of which a list stands
            for one optimizer with each of its values; an optimizer or an optax transformation; or
            a mapping with "optimizer" and a "label".

    Raises:
        SweepError: if a name is unknown, or settings do not go with it.
    """
    held = (Optimizer, optax.GradientTransformation)
    found: list[tuple[str, Settings, Optimizer]] = []
    for i, item in enumerate(as_list(optimizers, "optimizers", str, Mapping, *held)):
        place = ("optimizers", i)
        if isinstance(item, held):
            made = as_optimizer(item)
            found.append((str(made.identity()["optimizer"]), {}, made))
            continue
        entry = as_entry(item, place, "an optimizer")
        if "optimizer" in entry:
            refuse_unknown(entry, ("optimizer", "label"), place)
            made = as_optimizer(entry["optimizer"])
            name = str(entry.get("label", made.identity()["optimizer"]))
            found.append((name, {}, made))
            continue
        found += _named(entry, place)
    names, settings = [name for name, _, _ in found], [own for _, own, _ in found]
    return tuple(
        OptimizerEntry(label, name, own, made)
        for label, (name, own, made) in zip(labels(names, settings), found, strict=True)
    )


def _named(
    entry: dict[str, Any], place: tuple[str | int, ...]
) -> list[tuple[str, Settings, Optimizer]]:
    name, label = entry.pop("name").lower().replace("_", "-"), entry.pop("label", None)
    known = registered_optimizers()
    if name not in known:
        raise SweepError(unknown_name("an optimizer", name, known), (*place, "name"))
    refuse_unknown(entry, (*inspect.signature(known[name]).parameters, "schedule"), place)
    try:
        return [(label or name, own, _make(name, own)) for own in expand(entry)]
    except SweepError as error:
        raise SweepError(str(error), (*place, *error.place)) from error
    except (TypeError, ValueError) as error:
        raise SweepError(f"optimizer {name!r}: {error}", place) from error


def _make(name: str, settings: Settings) -> Optimizer:
    own = dict(settings)
    schedule = own.pop("schedule", "constant")
    if schedule not in SCHEDULES:
        raise SweepError(unknown_name("a schedule", str(schedule), SCHEDULES), ("schedule",))
    if "learning_rate" in own:
        own["learning_rate"] = SCHEDULES[schedule](own["learning_rate"])
    return get_optimizer(name, **own)
