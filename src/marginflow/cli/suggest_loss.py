"""`marginflow suggest-loss`: which likelihood suits a column of a table, and why."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marginflow.cli import options
from marginflow.cli.answer import Answer
from marginflow.cli.console import facts, table
from marginflow.cli.errors import UsageError, as_usage_error
from marginflow.cli.output_file import check_output, write_json, write_table

if TYPE_CHECKING:
    from marginflow.likelihoods import LossSuggestion

SUFFIXES = (".json", ".csv", ".parquet")
PICTURES = ("densities", "residuals", "loss")
ALL = "all"


def suggest_loss(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A .csv or .parquet file with named columns.", show_default=False
        ),
    ],
    target: Annotated[
        str,
        typer.Option(
            metavar="COLUMN",
            help="The column to be predicted.",
            rich_help_panel=options.DATA,
            show_default=False,
        ),
    ],
    features: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN,...|all",
            help="The columns to predict it from, of numbers; by default none.",
            rich_help_panel=options.DATA,
        ),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Where targets are times: the column that is 1 where the event was seen and 0 "
            "where the time was censored.",
            rich_help_panel=options.DATA,
        ),
    ] = None,
    support: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What the targets are, where their values do not tell: binary, categorical, "
            "ordinal, count, real, positive, proportion, angle.",
            rich_help_panel=options.DATA,
        ),
    ] = None,
    seed: options.Seed = 0,
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Also write pictures to a folder: the data with fitted densities, residuals "
            "against the normal, the loss as a function of the error.",
            rich_help_panel=options.OUTPUT,
            parser=options.file_name,
        ),
    ] = None,
    output: Annotated[Path | None, options.output(".json, .csv or .parquet")] = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> Answer:
    """Suggest the likelihood, and with it the loss, for a column of a table.

    The families that live where the targets do are fitted and ranked by the log-likelihood of rows
    that they have not seen; among those that cannot be told apart the fewest parameters win. The
    page says why, what the loss is called in other libraries, and how well it fits.
    """
    from marginflow.likelihoods import suggest_loss as suggest

    check_output(output, SUFFIXES)
    if pictures is not None and pictures.exists() and not pictures.is_dir():
        raise UsageError(f"--pictures expects a folder, got the file {str(pictures)!r}.")
    targets, table_of_features = _read(file, target, features, event)
    with as_usage_error():
        found = suggest(targets, table_of_features, support=support, seed=seed)
    written = _draw(found, pictures)
    answer = Answer(
        message=found.message,
        figures={"file": file, "target": target, **document(found), "pictures": written},
        page=_page(found, written),
    )
    if output is not None and output.suffix.lower() == ".json":
        write_json(output, answer.document("marginflow suggest-loss"))
    elif output is not None:
        write_table(output, found.to_frame(), answer.document("marginflow suggest-loss"))
    return answer


def _read(file: str, target: str, features: str | None, event: str | None) -> tuple[Any, Any]:
    """The targets, and the features or None."""
    from marginflow.data.columns import column_names, read_columns

    with as_usage_error():
        names = column_names(file)
        if event == target:
            raise UsageError("--event: expected another column than the target.")
        of_target = [target] if event is None else [target, event]
        wanted = [] if features is None else [name.strip() for name in features.split(",")]
        if wanted == [ALL] and ALL not in names:
            wanted = [name for name in names if name not in of_target]
        twice = set(wanted) & set(of_target)
        if twice:
            raise UsageError(f"--features: {', '.join(sorted(twice))} is the target.")
        frame = read_columns(file, [*of_target, *wanted])
        targets = frame[target] if event is None else frame[of_target].to_numpy()
        return targets, frame[list(dict.fromkeys(wanted))] if wanted else None


def document(found: "LossSuggestion") -> dict[str, Any]:
    """The figures of a suggestion."""
    frame = found.to_frame()
    return {
        "choice": found.choice.name,
        "reason": found.reason,
        "code": found.code,
        "targets": found.targets,
        "classes": found.classes,
        "known_as": found.known_as,
        "scores": list(found.choice.score_names),
        "indistinguishable": list(found.indistinguishable),
        "candidates": [dict(zip(frame.columns, row, strict=True)) for row in _rows(frame)],
        "tests": list(found.tests),
        "notes": list(found.notes),
        "statistics": dict(found.statistics),
    }


def _rows(frame: Any) -> list[list[Any]]:
    return [list(row) for row in frame.itertuples(index=False)]


def _page(found: "LossSuggestion", written: list[str]) -> list[Any]:
    frame = found.to_frame()
    rows = [
        [row[0], row[1], row[2], row[3], row[4], "yes" if row[5] else "", row[6]]
        for row in _rows(frame)
    ]
    columns = ["candidate", "parameters", "log-likelihood", "gap", "standard error", "as good"]
    names = [(f"in {library}", name) for library, name in found.known_as.items()]
    return [
        found.reason,
        "",
        facts(
            [
                ("paste", found.code),
                ("scores", ", ".join(found.choice.score_names[:6])),
                *names,
                *((f"test of {test.name}", _tested(test)) for test in found.tests),
            ]
        ),
        table([*columns, "scale"], rows, title="\nCandidates, by nats a held-out target"),
        *(f"{chr(10) if i == 0 else ''}{note}" for i, note in enumerate(found.notes)),
        *(["\nPictures: " + ", ".join(written)] if written else []),
    ]


def _tested(test: Any) -> str:
    return f"{test.sentence} p = {test.p_value:.2g}"


def _draw(found: "LossSuggestion", folder: Path | None) -> list[str]:
    """Write the pictures; their files."""
    if folder is None:
        return []
    from marginflow.figures import canvas, save, style
    from marginflow.figures.suggestion import fitted_densities, loss_of_error, residual_quantiles

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    pictures = (fitted_densities, residual_quantiles, loss_of_error)
    for name, picture in zip(PICTURES, pictures, strict=True):
        with style():
            figure = canvas()
            picture(figure.subplots(), found)
            written += save(figure, folder / name)
    return [str(path) for path in written]
