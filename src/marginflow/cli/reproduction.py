"""A run of claims, from the first to the report: what `marginflow reproduce` does.

Each claim is judged, drawn and shown before the next one starts, so that whatever ends the run,
Ctrl-C or a claim that breaks, what was done is kept and ends up in the report.
"""

import platform
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marginflow._version import __version__
from marginflow.cli.answer import Answer
from marginflow.cli.console import print_page
from marginflow.cli.exit_codes import ExitCode
from marginflow.cli.info import devices, usable_cores, versions
from marginflow.cli.interrupt_watch import interrupt_watch
from marginflow.cli.output_file import write_bytes, write_json
from marginflow.cli.progress_bar import progress_bar
from marginflow.cli.verdict_rows import verdict_header, verdict_row

if TYPE_CHECKING:
    from marginflow.claims import Claim, Judged
    from marginflow.report import Picture, Plate, Problem, Summary

PAGE, DOCUMENT, FIGURES = "report.html", "claims.json", "figures"


@dataclass
class Reproduction:
    """A run of claims, and what it has found so far.

    Attributes:
        claims: to be run, in order.
        full: at the sources' own sizes.
        folder: where the report goes.
        patterns: what was asked for; nothing means all claims and the gallery.
        judged: what was done.
        plates: the pictures of claims, by id.
        gallery: the other pictures.
        failed_pictures: what went wrong while drawing.
        interrupted: whether Ctrl-C ended it.
        seconds: what it cost.
    """

    claims: "tuple[Claim, ...]"
    full: bool
    folder: Path
    patterns: list[str]
    judged: "list[Judged]" = field(default_factory=list)
    plates: "dict[str, Plate]" = field(default_factory=dict)
    gallery: "list[Plate]" = field(default_factory=list)
    failed_pictures: "list[Problem]" = field(default_factory=list)
    interrupted: bool = False
    seconds: float = 0.0

    def carry_out(self, *, show_rows: bool, show_progress: bool) -> None:
        """Run every claim, then draw the gallery; keep what is done at Ctrl-C."""
        start = time.perf_counter()
        with interrupt_watch() as came:
            try:
                self._run_claims(came, show_rows, show_progress)
                if not self.patterns and not came():
                    self._draw_gallery(came, show_progress)
            except KeyboardInterrupt:
                self.interrupted = True
            self.interrupted |= came()
        self.seconds = time.perf_counter() - start

    def _run_claims(self, came: Callable[[], bool], show_rows: bool, show_progress: bool) -> None:
        from marginflow.claims import judge

        width = max((len(each.id) for each in self.claims), default=0)
        if show_rows:
            print_page([verdict_header(width)])
        for k, claim in enumerate(self.claims):
            title = f"{k + 1} of {len(self.claims)}  {claim.id}"
            with progress_bar(title, wanted=show_progress) as tell:
                if tell is not None:
                    tell(k, len(self.claims), "")
                judged = judge(claim, full=self.full)
                if came():  # a run inside the claim has taken it for its own end
                    return
                self.judged.append(judged)
                self._draw_claim(judged)
            if show_rows:
                print_page([verdict_row(judged, width)])

    def _draw_claim(self, judged: "Judged") -> None:
        from marginflow.report import claim_picture

        evidence = judged.evidence
        if evidence is None:
            return
        name = judged.claim.id
        plate = self._drawn(name, lambda: claim_picture(judged.claim, evidence))
        if plate is not None:
            self.plates[name] = plate

    def _draw_gallery(self, came: Callable[[], bool], show_progress: bool) -> None:
        from marginflow.report.gallery import GALLERY

        failed = list(self.failed_pictures)
        for k, draw in enumerate(GALLERY):
            with progress_bar("pictures", wanted=show_progress) as tell:
                if tell is not None:
                    tell(k, len(GALLERY), draw.__name__.replace("_", " "))
                plate = self._drawn(draw.__name__, draw)
            if came():  # what this picture shows, or why it failed, may be half a run
                self.failed_pictures = failed
                return
            if plate is not None:
                self.gallery.append(plate)
            failed = list(self.failed_pictures)

    def _drawn(self, name: str, draw: "Callable[[], Picture | None]") -> "Plate | None":
        """A picture on paper; one that cannot be drawn must not lose the claims."""
        from marginflow.report import Problem, make_plate

        try:
            picture = draw()
            return None if picture is None else make_plate(picture, self.folder / FIGURES)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".rstrip(".")
            sentence = f"has a picture that could not be drawn: {reason}"
            self.failed_pictures.append(Problem(name, sentence))
            return None

    def answer(self) -> Answer:
        """Write the report, and say how the run ended."""
        from marginflow.report import summarize

        if self.interrupted and not self.judged:
            message = "interrupted before the first claim was done; nothing was written."
            return Answer(status="interrupted", message=message, exit_code=ExitCode.INTERRUPTED)
        summary = summarize(self.judged, self.failed_pictures)
        page = self.folder / PAGE
        wrong = [f"{problem.id} {problem.sentence}" for problem in summary.problems]
        status, message, code = "done", f"{summary.headline}.", ExitCode.OK
        if self.interrupted:
            status, code = "interrupted", ExitCode.INTERRUPTED
            done = f"{len(self.judged)} of {len(self.claims)}"
            message = f"interrupted after {done} claims; the report has what they found."
        elif wrong:
            status, code = "failure", ExitCode.FAILURE
            message = f"{'; '.join(wrong)}."
        answer = Answer(
            status=status,
            message=message,
            exit_code=code,
            figures=self._figures(summary),
            page=["", f"{summary.headline}.", f"Report: {page}"],
        )
        write_bytes(page, self._page().encode())
        write_json(self.folder / DOCUMENT, answer.document("marginflow reproduce"))
        return answer

    def _figures(self, summary: "Summary") -> dict[str, Any]:
        from marginflow.report import claim_record

        return {
            "summary": {"headline": summary.headline, **vars(summary)},
            "asked": len(self.claims),
            "full": self.full,
            "claims": [
                claim_record(each, self._files(each.claim.id), full=self.full)
                for each in self.judged
            ],
            "pictures": [str(path) for plate in self.gallery for path in plate.files],
            "report": self.folder / PAGE,
            "environment": environment(),
            "generated": now(),
            "seconds": self.seconds,
        }

    def _files(self, name: str) -> list[str]:
        return [str(path) for path in self.plates[name].files] if name in self.plates else []

    def _page(self) -> str:
        from marginflow.report import About, report_page

        words = ["marginflow", "reproduce", *self.patterns, *(["--full"] if self.full else [])]
        about = About(
            generated=now(),
            seconds=self.seconds,
            version=__version__,
            command=shlex.join(words),
            asked=len(self.claims),
            full=self.full,
            environment=_flat(environment()),
        )
        return report_page(
            self.judged,
            about,
            claim_plates=self.plates,
            gallery=self.gallery,
            failed_pictures=self.failed_pictures,
        )


def environment() -> dict[str, Any]:
    """What the figures were computed with."""
    return {
        "marginflow": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "cores": usable_cores(),
        "devices": [f"{each['platform']} ({each['kind']})" for each in devices()],
        "packages": versions(),
    }


def now() -> str:
    """The time, to the second, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())


def _flat(found: dict[str, Any]) -> dict[str, str]:
    """The environment as names and texts."""
    packages = {name: version or "missing" for name, version in found["packages"].items()}
    plain = {name: value for name, value in found.items() if name != "packages"}
    texts = {
        name: ", ".join(value) if isinstance(value, list) else str(value)
        for name, value in plain.items()
    }
    return texts | packages
