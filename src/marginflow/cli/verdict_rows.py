"""Verdicts as people read them: a line for each claim as soon as it is judged."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.text import Text

    from marginflow.claims import Judged

STYLES = {
    "holds": "green",
    "fails": "yellow",
    "undecided": "yellow",
    "skipped": "dim",
    "error": "bold red",
}
WRONG = "bold red"


def verdict_header(width: int) -> "Text":
    """The names of the columns, for ids of at most `width` letters."""
    from rich.text import Text

    line = f"{'claim':<{width}}  {'verdict':<9}  {'control':<9}  {'seconds':>7}  deciding figure"
    return Text(line, style="bold", no_wrap=True, overflow="ellipsis")


def verdict_row(judged: "Judged", width: int) -> "Text":
    """A judged claim in a line."""
    from rich.text import Text

    wrong = not judged.sound
    word = str(judged.verdict if judged.status == "run" else judged.status)
    control = str(judged.control_verdict or "-")
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{judged.claim.id:<{width}}  ")
    proved_wrong = judged.status == "run" and judged.claim.proved and word != "holds"
    line.append(f"{word:<9}", WRONG if proved_wrong else STYLES[word])
    line.append("  ")
    line.append(f"{control:<9}", WRONG if control not in ("fails", "-") else "")
    line.append(f"  {judged.seconds:>7.1f}  ", "dim")
    line.append(deciding_figure(judged), "red" if wrong else "")
    return line


def deciding_figure(judged: "Judged") -> str:
    """The figure that decides, or why there is none."""
    from marginflow.report.check_text import deciding, limit_text, measured_text

    check: Any = None if judged.evidence is None else deciding(judged.evidence.checks)
    if check is None:
        return judged.message
    return f"{check.name}: {measured_text(check)}, {limit_text(check)}"
