"""`marginflow sweep`: run a sweep from a TOML file, or go on with one."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marginflow.cli import options
from marginflow.cli.answer import Answer
from marginflow.cli.console import table
from marginflow.cli.errors import as_usage_error
from marginflow.cli.exit_codes import OF_STATUS
from marginflow.cli.progress_bar import progress_bar

if TYPE_CHECKING:
    from marginflow.experiments import SweepResult

FOLDER = Path("sweeps")
TABLES = ("records", "runs", "limits")


def sweep(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            parser=options.file_name,
            help="A TOML file that says what to run.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help=f"The folder to keep it in; {FOLDER}/ and the file's name by default.",
            rich_help_panel=options.OUTPUT,
            file_okay=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, metavar="SEED", help="Of all that is drawn, in place of the file's."),
    ] = None,
    json: options.Json = False,
    no_progress: options.NoProgress = False,
    debug: options.Debug = False,
) -> Answer:
    """Run every optimizer with every loss on every data set, and compare with the best margins.

    What is done is kept: after Ctrl-C or a kill the same command goes on, to the same tables as
    those of an uninterrupted sweep. `marginflow report DIR` draws what was found.
    """
    from marginflow.experiments import read_sweep, run_sweep

    with as_usage_error():
        asked = read_sweep(file, seed=seed)
    folder = FOLDER / file.stem if output is None else output
    with progress_bar(asked.name, wanted=not no_progress) as progress:
        found = run_sweep(asked, folder, progress=progress)
    again = shlex.join(["marginflow", "report", str(folder)])
    closing = f"Tables: {folder}; pictures: {again}" if found.status == "done" else found.message
    return Answer(
        status=found.status,
        message=found.message,
        exit_code=OF_STATUS[found.status],
        figures=sweep_figures(found),
        page=[*sweep_tables(found), "", closing],
    )


def sweep_figures(found: "SweepResult") -> dict[str, Any]:
    """A sweep in a JSON document: what was asked, how each run ended, the best margins."""
    manifest, folder = found.manifest, found.folder
    paths = {} if folder is None else {name: folder / f"{name}.parquet" for name in TABLES}
    return {
        "name": manifest["name"],
        "folder": folder,
        "config_hash": manifest["config_hash"],
        "versions": manifest["versions"],
        "sweep": manifest["sweep"],
        "data": manifest["data"],
        "statistics": found.statistics,
        "runs": found.runs.to_dict("records"),
        "limits": found.limits.to_dict("records"),
        "tables": {name: path for name, path in paths.items() if path.exists()},
    }


def sweep_tables(found: "SweepResult") -> list[Any]:
    """What people see of a sweep: a row for each data set, loss and optimizer."""
    from marginflow.report.sweep_page import final_rows, remarks

    norms = [str(norm) for norm in found.manifest["sweep"]["norms"]]
    rows = [
        [row["data"], row["loss"], row["optimizer"], row["seeds"], row["status"]]
        + [_fraction(row["fractions"].get(norm)) for norm in norms]
        for row in final_rows(found.runs)
    ]
    columns = ["data", "loss", "optimizer", "seeds", "ended", *norms]
    if not rows:
        return []
    title = "Margin over the best margin at the last step, median over the seeds"
    return [table(columns, rows, title=title), *(f"note: {each}" for each in remarks(found))]


def _fraction(value: float | None) -> float | None:
    return None if value is None or value != value else value
