"""Whose fault an error is, and the one sentence that says it.

An error that a user can act on is a sentence on standard error and a code that tells which kind it
is.  Anything unexpected is our failure and said to be; its traceback is shown on request.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from marginflow.cli.answer import Answer
from marginflow.cli.exit_codes import OF_STATUS, ExitCode

PARSER_ERROR = typer.BadParameter.__mro__[1]  # its base, UsageError, which typer does not export
DEBUG_VARIABLE = "MARGINFLOW_DEBUG"


class UsageError(ValueError):
    """The command line, or a file that it names, is not what the verb takes."""


@contextmanager
def as_usage_error() -> Iterator[None]:
    """Blame the caller for what is refused inside: a file, a name, a number."""
    from marginflow._results import MarginflowError

    try:
        yield
    except UsageError:
        raise
    except (MarginflowError, ValueError, TypeError, OSError) as error:
        raise UsageError(_sentence(error)) from error


def explain(error: BaseException) -> Answer:
    """The answer of a verb that an error has ended."""
    from marginflow._results import MarginflowError, NotConvergedError, NotSeparableError

    if isinstance(error, KeyboardInterrupt):
        return _ended("interrupted", "interrupted.")
    if isinstance(error, NotSeparableError):
        return _ended("not_separable", _sentence(error))
    if isinstance(error, NotConvergedError):
        return _ended(error.result.status if error.result else "max_steps", _sentence(error))
    if isinstance(error, PARSER_ERROR):
        return Answer(status="usage", message=_parser_sentence(error), exit_code=ExitCode.USAGE)
    if isinstance(error, UsageError | MarginflowError):
        return Answer(status="usage", message=_sentence(error), exit_code=ExitCode.USAGE)
    if isinstance(error, OSError):
        return Answer(status="failure", message=_sentence(error), exit_code=ExitCode.FAILURE)
    message = (
        f"this is a failure of marginflow, not of yours: {type(error).__name__}: "
        f"{_sentence(error)}  Run again with --debug to see where."
    )
    return Answer(status="failure", message=message, exit_code=ExitCode.FAILURE)


def wants_traceback(arguments: Sequence[str]) -> bool:
    """Whether --debug or its variable asks for tracebacks."""
    return "--debug" in arguments or os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")


def _ended(status: str, message: str) -> Answer:
    return Answer(status=status, message=message, exit_code=OF_STATUS[status])


def _parser_sentence(error: BaseException) -> str:
    """The parser's message, which is not what `str` gives in every version of typer."""
    message = " ".join(getattr(error, "format_message", error.__str__)().split())
    return message if message.endswith(".") else f"{message}."


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    text = " ".join(str(error).split()) or type(error).__name__
    return text if text.endswith((".", "!", "?")) else f"{text}."
