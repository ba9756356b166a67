"""The program `marginflow`: its verbs, and what happens around each of them.

A verb is one function in a file of its own.  It takes its options, computes, and returns an
`Answer`; here it is registered, its answer is printed for people or as JSON, and whatever ends it
becomes an exit code.  Files of verbs import nothing heavy at their top, so that help is quick.
"""

import inspect
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from marginflow._version import __version__
from marginflow.cli import console, errors
from marginflow.cli.answer import Answer
from marginflow.cli.certify import certify
from marginflow.cli.exit_codes import ExitCode
from marginflow.cli.info import info
from marginflow.cli.json_document import json_document
from marginflow.cli.losses import losses
from marginflow.cli.max_margin import max_margin
from marginflow.cli.report import report
from marginflow.cli.reproduce import reproduce
from marginflow.cli.run import run
from marginflow.cli.suggest_loss import suggest_loss
from marginflow.cli.sweep import sweep

PROGRAM = "marginflow"

VERBS: dict[str, Callable[..., Answer]] = {
    "reproduce": reproduce,
    "run": run,
    "sweep": sweep,
    "report": report,
    "max-margin": max_margin,
    "certify": certify,
    "losses": losses,
    "suggest-loss": suggest_loss,
    "info": info,
}

EPILOG = (
    "Exit codes: 0 done, 1 a failure of marginflow, 2 usage, 3 not converged or a certificate "
    "looser than asked, 4 data not separable, 130 interrupted."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; those of the process by default.

    Returns:
        The exit code.

    Example:
        >>> from marginflow.cli import main
        >>> main(["--version"])
        marginflow 0.1.0
        0
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    console.survive_encodings()
    try:
        return _run(given or ["--help"])
    except BrokenPipeError:  # the reader has seen enough, as `head` does
        console.discard_output()
        return 0
    except SystemExit as ended:  # so rich ends a page of help whose reader has seen enough
        if not isinstance(ended.__context__, BrokenPipeError):
            raise
        return 0
    except OSError as error:  # of writing the answer: what a verb raises is one
        console.discard_output()
        console.note(f"{PROGRAM}: standard output: {errors.sentence(error)}")
        return int(ExitCode.FAILURE)


def _run(given: list[str]) -> int:
    command = " ".join([PROGRAM, *[name for name in given if name in VERBS][:1]])
    as_json = "--json" in given
    try:
        with _group().make_context(PROGRAM, list(given)) as context:
            answer = context.command.invoke(context)
        text = _text(answer, command, as_json)
    except typer.Exit as done:  # of --help and --version
        console.write_output()
        return done.exit_code
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        console.write_output()  # where that is what failed, it fails again
        if errors.wants_traceback(given):
            traceback.print_exc()
        answer = errors.explain(error)
        text = _text(answer, command, as_json)
    if answer.exit_code != ExitCode.OK:
        console.note(f"{command}: {answer.message}")
    console.write_output(text)
    return int(answer.exit_code)


def _text(answer: Answer, command: str, as_json: bool) -> str:
    """What goes to standard output."""
    if as_json:
        return json_document(answer.document(command)) + "\n"
    return console.page_text(answer.page)


def _group() -> Any:
    """All verbs as one command of typer."""
    application = typer.Typer(
        name=PROGRAM,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    application.callback(epilog=EPILOG)(marginflow)
    for name, verb in VERBS.items():
        application.command(name, help=_folded(verb.__doc__ or ""))(verb)
    return typer.main.get_command(application)


def _folded(words: str) -> str:
    """A docstring with its paragraphs in one line each, for a terminal of any width to wrap."""
    paragraphs = inspect.cleandoc(words).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _show_version(wanted: bool) -> bool:
    if wanted:
        print(f"{PROGRAM} {__version__}")
        raise typer.Exit()
    return wanted


def marginflow(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Losses, margins and the implicit bias of training: the path, the limit, its certificate."""
