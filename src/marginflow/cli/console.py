"""What people see: tables and sentences on standard output, notes on standard error.

On a terminal rich draws; through a pipe the same tables arrive as plain aligned text, without
escape codes, wrapping or trailing blanks, for grep and awk.  Nothing is read as markup: a class may
be called "[red]".
"""

import errno
import io
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

UNBROKEN = 100_000  # characters in a line of a pipe


def facts(rows: Iterable[tuple[str, Any]], title: str | None = None) -> "Table":
    """Names and values, one a line; values of None are left out.

    Args:
        rows: floats are shown with six digits.
        title: a line above.
    """
    from rich.table import Table

    found = Table(title=title, box=None, show_header=False, title_justify="left", pad_edge=False)
    found.add_column(style="bold", no_wrap=True)
    found.add_column(overflow="fold")
    for name, value in rows:
        if value is not None:
            found.add_row(name, shown(value))
    return found


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None
) -> "Table":
    """Rows under a header; columns of numbers are flush right."""
    from rich.table import Table

    cells = [list(row) for row in rows]
    found = Table(title=title, box=None, title_justify="left", pad_edge=False)
    for j, name in enumerate(columns):
        numeric = any(isinstance(row[j], int | float) for row in cells)
        found.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        found.add_row(*map(shown, row))
    return found


def shown(value: Any) -> str:
    """A cell: floats with six digits, None as a dash, the rest as it is."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def page_text(page: Iterable["RenderableType"]) -> str:
    """A verb's answer as it is to be written on standard output."""
    console = _console()
    is_pipe = not console.is_terminal
    if is_pipe:
        console = _console(file=io.StringIO(), width=UNBROKEN)
    with console.capture() as captured:
        for part in page:
            console.print(part)
    text = captured.get()
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines()) if is_pipe else text


def print_page(page: Iterable["RenderableType"]) -> None:
    """Write a page on standard output at once, for a verb that speaks before it ends."""
    write_output(page_text(page))


def write_output(text: str = "") -> None:
    """Write on standard output, with all that waits there.

    Raises:
        OSError: if it is closed or full.
    """
    if sys.stdout is None:  # so Python starts where a shell has closed it
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    sys.stdout.write(text)
    sys.stdout.flush()


def note(*sentences: str) -> None:
    """Say something on standard error; where that is closed or full, nobody listens."""
    if sys.stderr is None:
        return
    try:
        for sentence in sentences:
            print(sentence, file=sys.stderr, flush=True)
    except OSError:  # what is still buffered would fail again when Python ends
        _discard(sys.stderr)


def error_console() -> "Console":
    """The console on standard error, for progress."""
    return _console(stderr=True)


def survive_encodings() -> None:
    """Let a terminal that lacks a letter show its code, rather than end the run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """Once output has failed: let what is still buffered go nowhere."""
    if sys.stdout is not None:
        _discard(sys.stdout)


def _discard(stream: Any) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _console(**settings: Any) -> "Console":
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False, **settings)
