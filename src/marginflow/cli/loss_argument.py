"""A loss on the command line: a registered name, or an object in a module or a Python file."""

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from marginflow.cli.errors import UsageError, as_usage_error, sentence

if TYPE_CHECKING:
    from marginflow.losses import Loss

LOSS_HELP = (
    "A name that `marginflow losses` lists, or a template or loss of your own, as FILE.py:OBJECT "
    "or MODULE:OBJECT. A template maps one sample's margins to a number in jax.numpy."
)


def load_loss(text: str, n_classes: int) -> "Loss":
    """The loss that a text names, checked for a number of classes.

    Args:
        text: a registered name, FILE.py:OBJECT or MODULE:OBJECT; the file or module is run.
        n_classes: K.

    Raises:
        UsageError: if there is none, or the object is no template.
    """
    from marginflow.losses import as_loss

    with named_loss(text) as found:
        return as_loss(found, n_classes)


@contextmanager
def named_loss(text: str) -> Iterator[Any]:
    """A registered name, or the object that a text names; what its code raises is the caller's.

    Raises:
        UsageError: if there is no such object, or anything is refused inside.
    """
    place, colon, name = text.rpartition(":")
    with as_usage_error():
        if not colon:
            yield text
            return
        if not place or not name:
            raise UsageError(f"expected NAME, FILE.py:OBJECT or MODULE:OBJECT, got {text!r}.")
        module = _from_file(Path(place)) if place.endswith(".py") else _from_path(place)
        try:
            yield _object(module, place, name)
        except UsageError:
            raise
        except Exception as error:
            lines = _lines_of(module, error)
            if not lines:
                raise
            raise UsageError(
                f"{name} failed in line {lines[-1]} of {place} with {type(error).__name__}: "
                f"{sentence(error)}"
            ) from error


def _object(module: ModuleType, place: str, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise UsageError(f"{place} defines no {name!r}; it should be a loss or a template.")
        found = getattr(found, part)
    return found() if isinstance(found, type) else found


def _lines_of(module: ModuleType, error: Exception) -> list[int]:
    """The lines of the user's file that an error passed through."""
    path = getattr(module, "__file__", None)  # built-in modules have none
    file = os.path.abspath(path) if path else None
    frames: list[traceback.FrameSummary] = []
    cause: BaseException | None = error
    while cause is not None:  # what explains an error passed through fewer lines than its cause
        frames += traceback.extract_tb(cause.__traceback__)
        cause = cause.__cause__
    return [frame.lineno for frame in frames if frame.lineno and frame.filename == file]


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"expected a Python file at {str(path)!r}, found none.")
    spec = importlib.util.spec_from_file_location(path.stem, path.absolute())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with _run(str(path)):
        spec.loader.exec_module(module)
    return module


def _from_path(name: str) -> ModuleType:
    """A module that Python finds, also beside the caller."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        with _run(name):
            return importlib.import_module(name)
    finally:
        sys.path.remove(here)


@contextmanager
def _run(place: str) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:
        raise UsageError(f"{place} failed with {type(error).__name__}: {error}") from error
