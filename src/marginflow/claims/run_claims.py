"""Running claims: each with its control, in order, keeping what was done when interrupted."""

import importlib.util
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from marginflow.claims.claim import Claim, Evidence, Verdict


@dataclass(frozen=True)
class Judged:
    """A claim that was run.

    Attributes:
        claim: the claim.
        status: "run", "skipped" (an extra is missing) or "error".
        verdict: of the statement; None unless it was run.
        control_verdict: of the control, which should fail; None unless it was run.
        evidence, control: what was found.
        message: a sentence; empty where the verdict says it all.
        seconds: what it cost.
    """

    claim: Claim
    status: str
    verdict: Verdict | None = None
    control_verdict: Verdict | None = None
    evidence: Evidence | None = None
    control: Evidence | None = None
    message: str = ""
    seconds: float = field(default=0.0, compare=False)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong: its control fails, and it holds if the source proves it."""
        if self.status == "skipped":
            return True
        wrong = self.claim.proved and self.verdict != Verdict.HOLDS
        return self.status == "run" and self.control_verdict == Verdict.FAILS and not wrong


def run_claims(
    claims: Iterable[Claim],
    *,
    full: bool = False,
    announce: Callable[[Claim], Any] | None = None,
) -> Iterator[Judged]:
    """Run claims one by one, yielding each as soon as it is judged.

    Args:
        claims: which ones, in order.
        full: at the source's own sizes.
        announce: called with each claim before it starts.
    """
    for claim in claims:
        if announce is not None:
            announce(claim)
        yield judge(claim, full=full)


def judge(claim: Claim, full: bool = False) -> Judged:
    """Run one claim and its control."""
    missing = [name for name in claim.requires if importlib.util.find_spec(name) is None]
    if missing:
        message = f"needs {', '.join(missing)}: pip install 'marginflow[{','.join(missing)}]'"
        return Judged(claim, "skipped", message=message)
    start = time.perf_counter()
    try:
        evidence, control = claim.run(full), claim.run_control()
    except Exception as error:  # one broken claim must not lose the others
        seconds = time.perf_counter() - start
        return Judged(claim, "error", message=f"{type(error).__name__}: {error}", seconds=seconds)
    return Judged(
        claim,
        "run",
        evidence.verdict,
        control.verdict,
        evidence,
        control,
        seconds=time.perf_counter() - start,
    )
