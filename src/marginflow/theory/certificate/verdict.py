"""What is said of one property of a loss: a verdict, its evidence, and a witness against it.

A verdict never says more than what was done.  `proved` names its argument; `supported` says how
many points were tried and how close they came; `refuted` carries margins at which anybody can
evaluate the loss and see it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np


class Verdict(StrEnum):
    """How sure a property is.  Members compare equal to their names as strings."""

    PROVED = "proved"
    SUPPORTED = "supported"
    REFUTED = "refuted"


@dataclass(frozen=True, eq=False)
class Counterexample:
    """Margins at which a property is seen to be false.

    Attributes:
        n_classes: K.
        statement: what is false there, in a sentence with its figures.
        margins: (m, K−1), or (m, K) where `space` is "scores": the points, as the statement names
            them.
        figures: the figures of the statement by name.
        space: "margins" or "scores".
    """

    n_classes: int
    statement: str
    margins: np.ndarray
    figures: Mapping[str, Any] = field(default_factory=dict)
    space: str = "margins"


@dataclass(frozen=True, eq=False)
class Property:
    """The verdict on one property.

    Attributes:
        name: as "convex".
        verdict: "proved", "supported" or "refuted".
        evidence: the argument, or what was tried and how close it came.
        counterexample: where it is false; None unless refuted.
        figures: constants that go with it, as a tail's rate.
        n_classes: the K for which this is said; None for all that were tried.
    """

    name: str
    verdict: Verdict
    evidence: str
    counterexample: Counterexample | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    n_classes: int | None = None

    @property
    def holds(self) -> bool:
        """Whether it was not refuted."""
        return self.verdict != Verdict.REFUTED

    def __str__(self) -> str:
        words = self.counterexample.statement if self.counterexample else self.evidence
        return f"{self.name}: {self.verdict}. {words}"


_ORDER = (Verdict.PROVED, Verdict.SUPPORTED, Verdict.REFUTED)


def weakest(name: str, parts: list[Property]) -> Property:
    """One verdict on all parts: that of the weakest, with its words.

    Args:
        name: of the whole.
        parts: the verdicts on it, for several K or for what it consists of.
    """
    worst = max(parts, key=lambda part: _ORDER.index(part.verdict))
    return replace(worst, name=name)


def refuted(
    name: str, n_classes: int, statement: str, margins: Any, space: str = "margins", **figures: Any
) -> Property:
    """A refutation by points."""
    points = np.atleast_2d(np.asarray(margins, dtype=float))
    example = Counterexample(n_classes, statement, points, figures, space)
    return Property(name, Verdict.REFUTED, statement, example, figures, n_classes)


def supported(name: str, n_classes: int, evidence: str, **figures: Any) -> Property:
    """A verdict that rests on what was tried."""
    return Property(name, Verdict.SUPPORTED, evidence, None, figures, n_classes)


def shown(values: Any) -> str:
    """A point in a few digits.

    Example:
        >>> from marginflow.theory.certificate.verdict import shown
        >>> shown([0.5, 1e-7, -3.0])
        '(0.5, 1e-07, -3)'
    """
    entries = np.asarray(values, dtype=float).ravel()
    words = ", ".join(f"{entry:.6g}" for entry in entries[:6])
    return f"({words}{', ...' if len(entries) > 6 else ''})"
