"""The loss axis: registered losses by name, or losses that the caller holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from marginflow.experiments.errors import SweepError
from marginflow.experiments.words import as_entry, as_list, refuse_unknown, unknown_name
from marginflow.losses import Loss, as_loss, registered_losses


@dataclass(frozen=True)
class LossEntry:
    """One point of the loss axis.

    Attributes:
        label: in tables and pictures.
        loss: the loss itself.
    """

    label: str
    loss: Loss


def loss_entries(losses: Any) -> tuple[LossEntry, ...]:
    """The loss axis of a sweep, from what a user wrote.

    Args:
        losses: one or several of: a registered name, a `Loss`, a template function, or a mapping
            with "loss" and a "label".

    Raises:
        SweepError: if there is no loss of a name.
    """
    found = [losses] if callable(losses) else as_list(losses, "losses", str, Loss, Mapping)
    return tuple(_entry(item, ("losses", i)) for i, item in enumerate(found))


def _entry(item: Any, place: tuple[str | int, ...]) -> LossEntry:
    if isinstance(item, Mapping) and "loss" in item:
        refuse_unknown(item, ("loss", "label"), place)
        made = as_loss(item["loss"])
        return LossEntry(str(item.get("label", made.name)), made)
    if isinstance(item, Loss | Callable):
        made = as_loss(item)
        return LossEntry(made.name, made)
    entry = as_entry(item, place, "a loss")
    refuse_unknown(entry, ("name", "label"), place)
    known = registered_losses()
    name = entry["name"].lower().replace("_", "-")
    if name not in known:
        raise SweepError(unknown_name("a loss", entry["name"], known), (*place, "name"))
    return LossEntry(entry.get("label", name), known[name])
