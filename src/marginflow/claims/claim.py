"""A claim: a statement of a source that the program runs and judges.

A claim is a statement, an experiment and a tolerance that was fixed before the run.  The experiment
is a function of a setting and returns `Evidence`: named figures, each checked against what the
statement says it should be.  Nobody judges by hand: the verdict follows from the checks.  The
*control* is another setting of the same experiment, one for which the statement is false; the same
checks must fail there, or they prove nothing.

    setting ──experiment──▶ Evidence(checks) ──▶ verdict: holds
    control ──experiment──▶ Evidence(checks) ──▶ verdict: fails
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What the evidence says of a statement."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Source:
    """Where a statement stands.

    Attributes:
        key: the first part of the ids, as `ravi2024`.
        citation: authors, title, venue, year.
        arxiv: the identifier, or None.
    """

    key: str
    citation: str
    arxiv: str | None = None


@dataclass(frozen=True)
class Check:
    """One measured figure against what it should be.

    It passes if |measured − expected| ≤ tolerance (`close`), measured ≤ expected + tolerance
    (`at_most`) or measured ≥ expected − tolerance (`at_least`).  A figure that is not a number, or
    whose own uncertainty reaches across the limit, decides nothing.

    Attributes:
        name: what was measured, with its unit if it has one.
        measured: the figure.
        expected: what the statement says.
        tolerance: ≥ 0.
        relation: "close", "at_most" or "at_least".
        uncertainty: how well the figure itself is known, ≥ 0.
    """

    name: str
    measured: float
    expected: float
    tolerance: float = 0.0
    relation: str = "close"
    uncertainty: float = 0.0

    @property
    def excess(self) -> float:
        """How far the figure is beyond its limit; negative inside."""
        difference = float(self.measured) - float(self.expected)
        if self.relation == "close":
            difference = abs(difference)
        elif self.relation == "at_least":
            difference = -difference
        elif self.relation != "at_most":
            raise ValueError(f"relation: expected close, at_most or at_least, got {self.relation}.")
        return difference - self.tolerance

    @property
    def verdict(self) -> Verdict:
        """What this figure alone says."""
        if math.isnan(self.excess) or math.isnan(self.uncertainty):
            return Verdict.UNDECIDED
        if self.excess + self.uncertainty <= 0:
            return Verdict.HOLDS
        return Verdict.FAILS if self.excess - self.uncertainty > 0 else Verdict.UNDECIDED


@dataclass(frozen=True)
class Evidence:
    """What an experiment found.

    Attributes:
        checks: at least one.
        data: arrays and figures for the pictures; not judged.
    """

    checks: tuple[Check, ...]
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Fails if a check fails, holds if all hold, else undecided."""
        verdicts = [check.verdict for check in self.checks]
        if Verdict.FAILS in verdicts:
            return Verdict.FAILS
        if verdicts and all(verdict == Verdict.HOLDS for verdict in verdicts):
            return Verdict.HOLDS
        return Verdict.UNDECIDED


Experiment = Callable[[Any], Evidence]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement of a source, with the experiment that judges it.

    Attributes:
        id: `source/name`.
        source: where it stands.
        section: the section, theorem, equation or figure.
        statement: in a sentence.
        proved: whether the source proves it: then it must hold, or something is wrong.
        experiment: from a setting to evidence.
        setting: the smallest decisive one.
        full: the source's own size; None if that is the same.
        control: a setting for which the statement is false.
        control_statement: what is false there, in a sentence.
        tolerance_reason: why the tolerances are what they are.
        draw: draws the evidence, as draw(evidence, ax); None if there is nothing to see.
        requires: names of extras that the experiment needs.
    """

    id: str
    source: Source
    section: str
    statement: str
    proved: bool
    experiment: Experiment
    setting: Any
    control: Any
    control_statement: str
    tolerance_reason: str
    full: Any = None
    draw: Callable[[Evidence, Any], Any] | None = None
    requires: tuple[str, ...] = ()

    def __post_init__(self):
        if not self.id.startswith(f"{self.source.key}/"):
            raise ValueError(f"claim id: expected '{self.source.key}/...', got {self.id!r}.")

    def run(self, full: bool = False) -> Evidence:
        """Run the experiment at its smallest decisive size, or at the source's own."""
        return self.experiment(self.full if full and self.full is not None else self.setting)

    def run_control(self) -> Evidence:
        """Run the experiment where the statement is false."""
        return self.experiment(self.control)
