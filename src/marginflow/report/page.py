"""The report of judged claims as one HTML page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from marginflow.claims.claim import Source
from marginflow.claims.run_claims import Judged
from marginflow.report import check_text
from marginflow.report.plate import Plate
from marginflow.report.record import rerun_command, setting_fields, setting_of
from marginflow.report.summary import Problem, Summary, summarize
from marginflow.report.template import render

CHECKS, CONTROL_CHECKS = 12, 4  # shown of a claim; the JSON document has all


@dataclass(frozen=True, kw_only=True)
class About:
    """What a page says of its run.

    Attributes:
        generated: when, as text.
        seconds: what it cost.
        version: of marginflow.
        command: what was typed.
        asked: how many claims were to be run.
        full: whether at the sources' own sizes.
        environment: versions and machine, by name.
    """

    generated: str
    seconds: float
    version: str
    command: str
    asked: int
    full: bool = False
    environment: Mapping[str, Any] = field(default_factory=dict)


class Chapter(NamedTuple):
    """The claims of one source.

    Attributes:
        source: where they stand.
        judged: what was found, in order.
        tally: their verdicts, counted.
    """

    source: Source
    judged: list[Judged]
    tally: str


def report_page(
    judged: Sequence[Judged],
    about: About,
    *,
    claim_plates: Mapping[str, Plate] | None = None,
    gallery: Sequence[Plate] = (),
    failed_pictures: Sequence[Problem] = (),
) -> str:
    """The page of a run; the same for the same run but for its times.

    Args:
        judged: the claims that were run, in order.
        about: the run.
        claim_plates: pictures by claim id.
        gallery: further pictures.
        failed_pictures: what went wrong while drawing.
    """
    summary: Summary = summarize(judged, failed_pictures)
    return render(
        "page.html",
        {
            "measured": check_text.measured_text,
            "limit": check_text.limit_text,
            "expected": check_text.expected_text,
            "tolerance": check_text.tolerance_text,
            "deciding": check_text.deciding,
            "setting": _setting_text,
            "anchor": anchor,
            "chapter": chapter_anchor,
            "duration": duration,
        },
        about=about,
        version=about.version,
        summary=summary,
        chapters=_chapters(judged),
        plates=claim_plates or {},
        gallery=gallery,
        telling=check_text.telling,
        rerun=lambda each: rerun_command(each.claim, about.full),
        setting_of=lambda each: setting_of(each.claim, about.full),
        limits={"checks": CHECKS, "control": CONTROL_CHECKS},
        wrong={problem.id for problem in summary.problems},
    )


def anchor(name: str) -> str:
    """A claim's id as the id of an element."""
    return f"claim-{name.replace('/', '-')}"


def chapter_anchor(key: str) -> str:
    """A source's key as the id of its chapter."""
    return f"source-{key}"


def duration(seconds: float) -> str:
    """A time for people.

    Example:
        >>> from marginflow.report.page import duration
        >>> duration(0.123), duration(75.0)
        ('0.1 s', '1 min 15 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def _chapters(judged: Sequence[Judged]) -> list[Chapter]:
    found: dict[str, list[Judged]] = {}
    for each in judged:
        found.setdefault(each.claim.source.key, []).append(each)
    return [Chapter(of[0].claim.source, of, summarize(of).tally) for of in found.values()]


def _setting_text(setting: Any) -> str:
    """A setting in a line: name = value."""
    return ", ".join(f"{name} = {_value(value)}" for name, value in setting_fields(setting).items())


def _value(value: Any) -> str:
    if isinstance(value, list):
        whole = all(isinstance(each, int) for each in value)
        if whole and len(value) > 3 and value == list(range(value[0], value[-1] + 1)):
            return f"{value[0]}…{value[-1]}"
        return f"[{', '.join(map(_value, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
