"""What a verb answers with: one value, which `main` prints for people or as JSON.

A verb computes and returns an `Answer`; it prints nothing but notes and progress, on standard
error.  So every verb ends in exactly one page or one document, with the exit code that fits its
status.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from marginflow._version import __version__
from marginflow.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The outcome of a verb.

    Attributes:
        status: one word: a `Status`, or "usage" or "failure" where there is no result.
        message: the same in a sentence.
        exit_code: of the process.
        figures: the verb's own fields of the JSON document.
        page: what people read, from top to bottom.
    """

    status: str = "done"
    message: str
    exit_code: ExitCode = ExitCode.OK
    figures: Mapping[str, Any] = field(default_factory=dict)
    page: Sequence["RenderableType"] = ()

    def document(self, command: str) -> dict[str, Any]:
        """The JSON document: what is the same for all verbs, then the verb's own figures."""
        return {
            "command": command,
            "marginflow": __version__,
            "status": self.status,
            "exit_code": self.exit_code,
            "message": self.message,
            **self.figures,
        }
