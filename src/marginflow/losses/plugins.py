"""Losses of other packages, found through the entry-point group `marginflow.losses`.

A package announces its losses in its own metadata, as in

    [project.entry-points."marginflow.losses"]
    my-loss = "my_package.losses:MyLoss"

and they are there by name once it is installed.  A plugin is foreign code: one that cannot be
imported, or makes something else than a loss, is reported by a warning and left out.
"""

import warnings
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from marginflow.losses.loss import Loss

GROUP = "marginflow.losses"


def read_plugins(register: Callable[[str, Callable[[], Loss]], None]) -> None:
    """Register every loss that installed packages announce and that can be made.

    Args:
        register: takes a name and a factory, and raises where it refuses them.

    Warns:
        RuntimeWarning: for each plugin that is left out, with its package and the reason.
    """
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        try:
            register(entry.name, _factory(entry))
        # whatever a plugin raises, the other losses have to stay usable
        except Exception as error:
            package = "an unknown package" if entry.dist is None else entry.dist.name
            warnings.warn(
                f"the loss {entry.name!r} of {package} ({entry.value}) is left out: "
                f"{type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=2,
            )


def _factory(entry: EntryPoint) -> Any:
    """What the plugin names, called once to see that it makes a loss."""
    factory: Any = entry.load()
    loss = factory() if callable(factory) and not isinstance(factory, Loss) else None
    if not isinstance(loss, Loss):
        raise TypeError(
            "expected a class or a function that returns a Loss when called without arguments, "
            f"got {factory!r}."
        )
    return factory
