"""The options that verbs share, so that each means the same everywhere.

`--json` and `--debug` are declared by every verb, for its help, and read by `main`, which prints.
"""

from pathlib import Path
from typing import Annotated

import typer

DATA, OUTPUT = "Data", "Output"  # the panels of the help

DataName = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A bundled data set (wine, breast_cancer, digits, iris), a generator (soudry-toy, "
        "linear-teacher, random-labels, gaussian-clusters), or a .csv, .parquet or .npz file.",
        show_default=False,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="The column of a file that holds the labels; found by its usual names otherwise.",
        rich_help_panel=DATA,
    ),
]
Standardize = Annotated[
    bool | None,
    typer.Option(
        "--standardize/--no-standardize",
        help="Columns of mean 0 and variance 1. By default for bundled data, not for files.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
Constant = Annotated[
    bool | None,
    typer.Option(
        "--constant/--no-constant",
        help="Append a column of ones, penalized as any other. By default for bundled data, not "
        "for files.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
Samples = Annotated[
    int | None,
    typer.Option(min=2, metavar="N", help="Samples of a generator.", rich_help_panel=DATA),
]
Features = Annotated[
    int | None,
    typer.Option(min=1, metavar="D", help="Features of a generator.", rich_help_panel=DATA),
]
Classes = Annotated[
    int | None,
    typer.Option(min=2, metavar="K", help="Classes of a generator.", rich_help_panel=DATA),
]
Seed = Annotated[
    int,
    typer.Option(min=0, metavar="SEED", help="Of everything that is drawn."),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON document on standard output and nothing else there.",
        rich_help_panel=OUTPUT,
    ),
]
NoProgress = Annotated[
    bool,
    typer.Option("--no-progress", help="Draw no progress bar.", rich_help_panel=OUTPUT),
]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        help="Show the traceback of an error, as MARGINFLOW_DEBUG=1 does.",
        rich_help_panel=OUTPUT,
    ),
]


def file_name(text: str) -> Path:
    """The name of a file; an empty one, as of a shell's unset variable, is refused."""
    if not text:
        raise typer.BadParameter("expected the name of a file, got an empty one.")
    return Path(text)


def output(suffixes: str) -> object:
    """The option --output of a verb that writes files with these suffixes."""
    return typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help=f"Also write the result to a file: {suffixes}.",
        rich_help_panel=OUTPUT,
        parser=file_name,
    )


Output = Path | None
