"""What a run of claims comes to: one headline, and whatever is wrong by name."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from marginflow.claims.claim import Verdict
from marginflow.claims.run_claims import Judged


@dataclass(frozen=True)
class Problem:
    """Something that must not be.

    Attributes:
        id: of the claim.
        sentence: what is wrong with it.
    """

    id: str
    sentence: str


@dataclass(frozen=True)
class Summary:
    """The count of a run.

    Attributes:
        claims: how many were judged or tried.
        holds: how many hold.
        fails, undecided: how many do of those that no source proves.
        contradicted: how many do not hold though their source proves them.
        skipped: how many need an extra that is missing.
        errors: how many could not be run.
        controls_fail: whether every control that was run fails, as it must; None if none was.
        problems: what must not be, in the order of the claims.
    """

    claims: int
    holds: int
    fails: int
    undecided: int
    contradicted: int
    skipped: int
    errors: int
    controls_fail: bool | None
    problems: tuple[Problem, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def headline(self) -> str:
        """The summary in a line."""
        answer = {True: "yes", False: "no", None: "none was run"}[self.controls_fail]
        return f"{self._count(always=3)}; all controls fail: {answer}"

    @property
    def tally(self) -> str:
        """The verdicts that there are, in a line."""
        return self._count(always=0)

    def _count(self, always: int) -> str:
        """The verdicts in words; the first so many also where there are none."""
        counts = {
            "hold": self.holds,
            "fail as said": self.fails,
            "undecided": self.undecided,
            "proved but not found": self.contradicted,
            "skipped": self.skipped,
            "could not be run": self.errors,
        }
        said = [f"{n} {words}" for i, (words, n) in enumerate(counts.items()) if n or i < always]
        noun = "claim" if self.claims == 1 else "claims"
        return f"{self.claims} {noun}: {', '.join(said)}"


def summarize(judged: Sequence[Judged], failed_pictures: Sequence[Problem] = ()) -> Summary:
    """Count verdicts and name what is wrong.

    A statement that no source proves may fail: that is a result.  Wrong are a proved one that does
    not hold, a control that does not fail, a claim that could not be run, a picture that could not
    be drawn.

    Args:
        judged: the claims that were run.
        failed_pictures: what went wrong while drawing.
    """
    against = [each for each in judged if _contradicts(each)]
    verdicts = Counter(each.verdict for each in judged if not _contradicts(each))
    statuses = Counter(each.status for each in judged)
    controls = [each.control_verdict for each in judged if each.status == "run"]
    return Summary(
        claims=len(judged),
        holds=verdicts[Verdict.HOLDS],
        fails=verdicts[Verdict.FAILS],
        undecided=verdicts[Verdict.UNDECIDED],
        contradicted=len(against),
        skipped=statuses["skipped"],
        errors=statuses["error"],
        controls_fail=all(found == Verdict.FAILS for found in controls) if controls else None,
        problems=(
            *(problem for each in judged if not each.sound for problem in _problems(each)),
            *failed_pictures,
        ),
    )


def _contradicts(judged: Judged) -> bool:
    """Whether a source proves what was not found."""
    return judged.status == "run" and judged.claim.proved and judged.verdict != Verdict.HOLDS


def _problems(judged: Judged) -> list[Problem]:
    name = judged.claim.id
    if judged.status == "error":
        return [Problem(name, f"could not be run: {judged.message.rstrip('.')}")]
    found = []
    if _contradicts(judged):
        said = "fails" if judged.verdict == Verdict.FAILS else "is undecided"
        found.append(Problem(name, f"is proved by its source, and {said} here"))
    if judged.control_verdict != Verdict.FAILS:
        said = "holds" if judged.control_verdict == Verdict.HOLDS else "is undecided"
        found.append(
            Problem(name, f"has a control that should fail and {said}: its checks prove nothing")
        )
    return found
