"""Checks in words: the figure, what it should be, and which of many decides."""

import math
from collections.abc import Sequence

from marginflow.claims.claim import Check, Verdict

LEAST_DIGITS, MOST_DIGITS = 4, 12
SIGNS = {"close": "", "at_most": "≤ ", "at_least": "≥ "}


def measured_text(check: Check) -> str:
    """The figure, with as many digits as its tolerance needs.

    Example:
        >>> from marginflow.claims.claim import Check
        >>> from marginflow.report.check_text import measured_text
        >>> measured_text(Check("error", 0.10968341, 0.1097, tolerance=5e-5))
        '0.10968'
    """
    text = number(check.measured, _digits(check, check.measured))
    return f"{text} ± {number(check.uncertainty, 2)}" if check.uncertainty else text


def expected_text(check: Check) -> str:
    """What the statement says: a value, or a bound."""
    return f"{SIGNS[check.relation]}{number(check.expected, _digits(check, check.expected))}"


def limit_text(check: Check) -> str:
    """What the figure has to be, tolerance included, in words.

    Example:
        >>> from marginflow.claims.claim import Check
        >>> from marginflow.report.check_text import limit_text
        >>> limit_text(Check("gap", 3e-9, 0.0, tolerance=1e-7, relation="at_most"))
        'at most 1e-7'
    """
    beyond = tolerance_text(check) if check.tolerance else ""
    if check.relation == "close":
        return f"expected {expected_text(check)} {beyond}".rstrip()
    words = "at most" if check.relation == "at_most" else "at least"
    if check.tolerance and not check.expected:
        return f"{words} {beyond.removeprefix('+')}"
    return f"{words} {number(check.expected, _digits(check, check.expected))} {beyond}".rstrip()


def tolerance_text(check: Check) -> str:
    """The tolerance: how far the figure may be on either side, or beyond its bound."""
    if not check.tolerance:
        return "none"
    sign = {"close": "±", "at_most": "+", "at_least": "-"}[check.relation]
    return f"{sign}{number(check.tolerance, 3)}"


def number(value: float | int, digits: int) -> str:
    """A number with so many significant digits, or a word for what is none."""
    value = float(value)
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.{digits}g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def deciding(checks: Sequence[Check]) -> Check | None:
    """The check that decides: the one furthest beyond its limit, or nearest to it."""
    return max(checks, key=_strain, default=None)


def telling(checks: Sequence[Check], most: int) -> list[Check]:
    """At most so many checks, those that decide first kept, in their order."""
    kept = sorted(range(len(checks)), key=lambda i: _strain(checks[i]), reverse=True)[:most]
    return [checks[i] for i in sorted(kept)]


def _strain(check: Check) -> tuple[int, bool, float]:
    """How near to failing a check is: its verdict, then its excess in units of its tolerance.

    Among those that hold, a figure that has a tolerance says more than one that is exactly at its
    bound, as an accuracy of 1.
    """
    rank = [Verdict.HOLDS, Verdict.UNDECIDED, Verdict.FAILS].index(check.verdict)
    unit = check.tolerance or abs(check.expected) or 1.0
    strain = check.excess / unit
    graded = check.verdict != Verdict.HOLDS or check.tolerance > 0
    return rank, graded, strain if math.isfinite(strain) else math.inf


def _digits(check: Check, value: float) -> int:
    """Enough to see in a value what separates the figure from its limit, and its uncertainty."""
    gap = abs(check.excess) / 10
    finest = max(check.tolerance, gap) if check.relation == "close" else gap
    if check.uncertainty > 0:
        finest = min(finest, check.uncertainty) if finest else check.uncertainty
    if not (finest > 0 and value and math.isfinite(value)):
        return 6
    digits = 1 + math.ceil(math.log10(abs(value) / finest)) if abs(value) > finest else 1
    return min(max(digits, LEAST_DIGITS), MOST_DIGITS)
