"""`marginflow report`: the pictures of a sweep or of a monitored training on one page."""

import shlex
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marginflow.cli import options
from marginflow.cli.answer import Answer
from marginflow.cli.errors import UsageError, as_usage_error
from marginflow.cli.output_file import check_output, write_bytes
from marginflow.cli.sweep import sweep_tables

if TYPE_CHECKING:
    from marginflow.report import Picture, Plate

PAGE, FIGURES = "report.html", "figures"


def report(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            parser=options.file_name,
            help="The folder of a sweep, as `marginflow sweep` keeps it, or of a training, as a "
            "Monitor writes it.",
            show_default=False,
        ),
    ],
    output: Annotated[Path | None, options.output(f".html; {PAGE} in DIR by default")] = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> Answer:
    """Draw what a sweep or a monitor has found: one HTML page that needs nothing else.

    Of a sweep, for each data set and loss: the margin fraction in each norm against steps, and the
    matrix optimizer × norm. Of a monitored training: findings in sentences, then loss, margins,
    growth, momentum, and saturation, gradients and ranks layer by layer. The pictures are written
    as PDF and PNG too. What is not finished is drawn as far as it is.
    """
    from marginflow.training.monitor.monitored_run import is_run

    page = folder / PAGE if output is None else output
    return (_of_run if is_run(folder) else _of_sweep)(folder, page)


def _of_sweep(folder: Path, page: Path) -> Answer:
    from marginflow.experiments import load_sweep
    from marginflow.report import sweep_page, sweep_pictures

    with as_usage_error():
        found = load_sweep(folder)
    if not len(found.runs):
        raise UsageError(f"{folder}: no run of the sweep is finished yet; nothing can be drawn.")
    plates = _drawn(sweep_pictures(found), page)
    write_bytes(page, sweep_page(found, plates, command=_command(folder)).encode())
    return Answer(
        message=found.message,
        figures={
            "folder": folder,
            "sweep_status": found.status,
            "statistics": found.statistics,
            "report": page,
            "pictures": _files(plates),
        },
        page=[*sweep_tables(found), "", f"Report: {page}"],
    )


def _of_run(folder: Path, page: Path) -> Answer:
    from marginflow.report import monitor_page, monitor_pictures
    from marginflow.report.monitor_page import headline
    from marginflow.training.monitor import load_run

    with as_usage_error():
        found = load_run(folder)
    plates = _drawn(monitor_pictures(found), page)
    write_bytes(page, monitor_page(found, plates, command=_command(folder)).encode())
    return Answer(
        message=headline(found),
        figures={
            "folder": folder,
            "findings": [asdict(finding) for finding in found.findings],
            "report": page,
            "pictures": _files(plates),
        },
        page=[
            headline(found),
            *(f"\n{finding.sentence}" for finding in found.findings),
            f"\nReport: {page}",
        ],
    )


def _drawn(pictures: "Iterable[Picture]", page: Path) -> "list[Plate]":
    """The pictures as files beside the page."""
    from marginflow.report import make_plate

    check_output(page, (".html",))
    with as_usage_error():
        (page.parent / FIGURES).mkdir(exist_ok=True)
    return [make_plate(each, page.parent / FIGURES) for each in pictures]


def _files(plates: "list[Plate]") -> list[str]:
    return [str(path) for plate in plates for path in plate.files]


def _command(folder: Path) -> str:
    return shlex.join(["marginflow", "report", str(folder)])
