"""Whose fault an error is, and the one sentence that says it.

An error that a user can act on is a sentence on standard error and a code that tells which kind it
is.  Anything unexpected is our failure and said to be; its traceback is shown on request.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from marginflow.cli.answer import Answer
from marginflow.cli.exit_codes import OF_STATUS, ExitCode

PARSER_ERROR = typer.BadParameter.__mro__[1]  # its base, UsageError, which typer does not export
DEBUG_VARIABLE = "MARGINFLOW_DEBUG"
NOT_OF_NUMPY = "it is not in a format of NumPy"

# What the library and NumPy say to those who write Python, as options or in plain words.
IN_WORDS_OF_THE_COMMAND_LINE = [
    (re.compile(pattern), words)
    for pattern, words in (
        (r"\bas target\b", "with --target"),
        (r"^rtol(?=: expected)", "--rtol"),
        (r"This file contains pickled \(object\) data\. If .*`pickle\.load\(\)`\.", NOT_OF_NUMPY),
        (r"Cannot load file containing pickled data when allow_pickle=False", NOT_OF_NUMPY),
        (r"Object arrays cannot be loaded when allow_pickle=False", "it holds Python objects"),
    )
]


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
        raise UsageError(sentence(error)) from error


def explain(error: BaseException) -> Answer:
    """The answer of a verb that an error has ended."""
    from marginflow._results import MarginflowError, NotConvergedError, NotSeparableError

    if isinstance(error, KeyboardInterrupt):
        return _ended("interrupted", "interrupted.")
    if isinstance(error, NotSeparableError):
        return _ended("not_separable", sentence(error))
    if isinstance(error, NotConvergedError):
        return _ended(error.result.status if error.result else "max_steps", sentence(error))
    if isinstance(error, PARSER_ERROR):
        return Answer(status="usage", message=_parser_sentence(error), exit_code=ExitCode.USAGE)
    if isinstance(error, UsageError | MarginflowError):
        return Answer(status="usage", message=sentence(error), exit_code=ExitCode.USAGE)
    if isinstance(error, OSError):
        return Answer(status="failure", message=sentence(error), exit_code=ExitCode.FAILURE)
    message = (
        f"this is a failure of marginflow, not of yours: {type(error).__name__}: "
        f"{sentence(error)}  Run again with --debug to see where."
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


def sentence(error: BaseException) -> str:
    """An error in one sentence, in the words of the command line."""
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{error.filename}: "
        return f"{where}{error.strerror}."
    text = " ".join(str(error).split()) or type(error).__name__
    for pattern, words in IN_WORDS_OF_THE_COMMAND_LINE:
        text = pattern.sub(words, text)
    return text if text.endswith((".", "!", "?")) else f"{text}."
