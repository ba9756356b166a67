"""--loss on the command line: a registered name, or a template function in a Python file."""

import importlib.util
import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marginflow.cli.errors import UsageError, as_usage_error, sentence

if TYPE_CHECKING:
    from marginflow.losses import Loss

LOSS_HELP = (
    "A name that `marginflow losses` lists, or FILE.py:FUNCTION, a template that maps one sample's "
    "margins to a number in jax.numpy."
)


def load_loss(text: str, n_classes: int) -> "Loss":
    """The loss that --loss names, checked for a number of classes.

    Args:
        text: a registered name, or FILE.py:FUNCTION; the file is run.
        n_classes: K.

    Raises:
        UsageError: if there is none, or the function is no template.
    """
    from marginflow.losses import as_loss

    file, colon, function = text.rpartition(":")
    with as_usage_error():
        if colon and file.endswith(".py"):
            return _template(Path(file), function, n_classes)
        return as_loss(text, n_classes)


def _template(path: Path, name: str, n_classes: int) -> "Loss":
    """A function of the user's as a loss; what is raised from within it is the user's to mend."""
    from marginflow.losses import as_loss

    function = _function(path, name)
    try:
        return as_loss(function, n_classes)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == os.path.abspath(path)]
        if not lines:
            raise
        raise UsageError(
            f"--loss: {name} failed in line {lines[-1]} of {path} with {type(error).__name__}: "
            f"{sentence(error)}"
        ) from error


def _function(path: Path, name: str) -> Any:
    if not path.is_file():
        raise UsageError(f"--loss: expected a Python file at {str(path)!r}, found none.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(f"--loss: {path} failed with {type(error).__name__}: {error}") from error
    if not hasattr(module, name):
        raise UsageError(f"--loss: {path} defines no {name!r}; it should be the template.")
    return getattr(module, name)
