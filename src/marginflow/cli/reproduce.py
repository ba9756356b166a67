"""`marginflow reproduce`: run the claims, judge them, and write the report.

The one verb that prints on standard output before it ends: a line for each claim as soon as it is
judged, since the whole may take minutes.  It has no --seed: the seeds belong to the experiments
that the claims repeat, and each claim's setting names its own.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marginflow.cli import options
from marginflow.cli.answer import Answer
from marginflow.cli.console import table
from marginflow.cli.errors import as_usage_error
from marginflow.cli.reproduction import DOCUMENT, FIGURES, PAGE, Reproduction

if TYPE_CHECKING:
    from marginflow.claims import Claim

FOLDER = Path("reports/reproduce")


def reproduce(
    claim: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CLAIM",
            help="Ids, as ravi2024/direction, sources, as ravi2024, or patterns with * and ?. All "
            "claims by default.",
            show_default=False,
        ),
    ] = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="At the sources' own sizes, not the smallest that decide."),
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="Only list the claims.")] = False,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help=f"The folder for {PAGE}, {DOCUMENT} and {FIGURES}/; made if it is missing.",
            rich_help_panel=options.OUTPUT,
            file_okay=False,
        ),
    ] = FOLDER,
    json: options.Json = False,
    no_progress: options.NoProgress = False,
    debug: options.Debug = False,
) -> Answer:
    """Run the claims of the literature, judge them, and write a report with pictures.

    Each claim is run beside its control, a case in which it is false. Exit code 1: a statement that
    its source proves does not hold, a control does not fail, or a claim could not be run. A
    statement that no source proves may fail: that is a result. Ctrl-C ends with a report of the
    claims that were done. Every claim fixes its own seeds, so that two runs give one document but
    for times.
    """
    from marginflow.claims import find_claims

    patterns = list(claim or ())
    with as_usage_error():
        claims = find_claims(patterns)
    if listed:
        return _list(claims)
    with as_usage_error():
        (output / FIGURES).mkdir(parents=True, exist_ok=True)
    run = Reproduction(claims=claims, full=full, folder=output, patterns=patterns)
    run.carry_out(show_rows=not json, show_progress=not no_progress)
    return run.answer()


def _list(claims: "tuple[Claim, ...]") -> Answer:
    from marginflow.report.record import claim_head

    heads = [claim_head(each) for each in claims]
    rows = [
        [head["id"], "yes" if head["proved"] else "no", head["section"], head["statement"]]
        for head in heads
    ]
    return Answer(
        message=f"{len(heads)} claims.",
        figures={"claims": heads},
        page=[table(["claim", "proved", "where", "statement"], rows)],
    )
