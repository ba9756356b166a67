"""`marginflow report`: the pictures of a sweep on one page."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from marginflow.cli import options
from marginflow.cli.answer import Answer
from marginflow.cli.errors import UsageError, as_usage_error
from marginflow.cli.output_file import check_output, write_bytes
from marginflow.cli.sweep import sweep_tables

PAGE, FIGURES = "report.html", "figures"


def report(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            parser=options.file_name,
            help="The folder of a sweep, as `marginflow sweep` keeps it.",
            show_default=False,
        ),
    ],
    output: Annotated[Path | None, options.output(f".html; {PAGE} in DIR by default")] = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> Answer:
    """Draw what a sweep has found: one HTML page that needs nothing else.

    For each data set and loss: the margin fraction in each norm against steps, and the matrix
    optimizer × norm. The pictures are written as PDF and PNG too. A sweep that is not finished is
    drawn as far as it is.
    """
    from marginflow.experiments import load_sweep
    from marginflow.report import make_plate, sweep_page, sweep_pictures

    with as_usage_error():
        found = load_sweep(folder)
    if not len(found.runs):
        raise UsageError(f"{folder}: no run of the sweep is finished yet; nothing can be drawn.")
    page = folder / PAGE if output is None else output
    check_output(page, (".html",))
    with as_usage_error():
        (page.parent / FIGURES).mkdir(exist_ok=True)
    plates = [make_plate(each, page.parent / FIGURES) for each in sweep_pictures(found)]
    command = shlex.join(["marginflow", "report", str(folder)])
    write_bytes(page, sweep_page(found, plates, command=command).encode())
    return Answer(
        message=found.message,
        figures={
            "folder": folder,
            "sweep_status": found.status,
            "statistics": found.statistics,
            "report": page,
            "pictures": [str(path) for plate in plates for path in plate.files],
        },
        page=[*sweep_tables(found), "", f"Report: {page}"],
    )
