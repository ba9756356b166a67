"""The progress of a long verb, as a bar on standard error where a person is looking at it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from marginflow.cli.console import error_console

if TYPE_CHECKING:
    from marginflow.dynamics.progress import Progress


@contextmanager
def progress_bar(title: str, *, wanted: bool) -> Iterator["Progress | None"]:
    """A bar for as long as the context lasts, and the function that moves it.

    None where no bar is wanted, or standard error is a pipe or a terminal that cannot move its
    cursor.  The bar leaves no trace when it ends.
    """
    console = error_console()
    if not (wanted and sys.stderr.isatty() and console.is_interactive):
        yield None
        return
    from rich import progress

    columns = [
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[remark]}"),
    ]
    with progress.Progress(
        *columns, console=console, transient=True, redirect_stdout=False
    ) as bars:
        task = bars.add_task(title, total=None, remark="")

        def tell(step: int, steps: int, message: str) -> None:
            bars.update(task, completed=step, total=steps, remark=message)

        yield tell
