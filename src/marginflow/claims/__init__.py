"""Claims: statements of the literature that the program runs and judges.

One folder a source, one file a claim or a family of them.  `claim` says what a claim is and
`run_claims` runs them; this file finds them.  A source's folder is imported when its claims are
asked for, so that listing a command's options costs nothing.
"""

import fnmatch
import importlib
from collections.abc import Iterable

from marginflow.claims.claim import Check, Claim, Evidence, Experiment, Source, Verdict
from marginflow.claims.run_claims import Judged, judge, run_claims

SOURCES = (
    "ravi2024",
    "soudry2018",
    "lai2023",
    "wang2024",
    "fan2025",
    "zhang2024",
    "wang2021",
    "lyu2020",
    "gunasekar2018",
    "nacson2019",
    "wang2022",
    "sun2022",
    "ji2021",
    "wang2023",
    "salehi2020",
    "likelihood2024",
    "training_notes",
    "polyak1964",
    "woodworth2020",
    "arora2019",
)

__all__ = [
    "SOURCES",
    "Check",
    "Claim",
    "Evidence",
    "Experiment",
    "Judged",
    "Source",
    "Verdict",
    "all_claims",
    "find_claims",
    "judge",
    "run_claims",
]


def all_claims() -> tuple[Claim, ...]:
    """Every claim of every source, in the order in which they are best read.

    Example:
        >>> from marginflow.claims import all_claims
        >>> all_claims()[0].source.arxiv
        '2411.01350'
    """
    folders = [importlib.import_module(f"{__name__}.{source}") for source in SOURCES]
    return tuple(claim for folder in folders for claim in folder.CLAIMS)


def find_claims(patterns: Iterable[str] = ()) -> tuple[Claim, ...]:
    """The claims whose ids match one of the patterns; all of them without any.

    Args:
        patterns: ids, as `ravi2024/direction`; sources, as `ravi2024`; or either with the wildcards
            * and ?, as `ravi2024/*bound`.

    Returns:
        Each claim once, in the order of `all_claims`.

    Raises:
        ValueError: if a pattern matches no claim; the message lists the ids that come closest.

    Example:
        >>> from marginflow.claims import find_claims
        >>> [claim.id for claim in find_claims(["ravi2024/margin-gap"])]
        ['ravi2024/margin-gap']
    """
    claims, wanted = all_claims(), list(patterns)
    for pattern in wanted:
        if not any(_matches(claim, pattern) for claim in claims):
            raise ValueError(_no_such_claim(pattern, claims))
    return tuple(
        claim for claim in claims if not wanted or any(_matches(claim, each) for each in wanted)
    )


def _matches(claim: Claim, pattern: str) -> bool:
    names = (claim.id, claim.source.key)
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def _no_such_claim(pattern: str, claims: tuple[Claim, ...]) -> str:
    import difflib

    ids = [claim.id for claim in claims]
    near = difflib.get_close_matches(pattern, ids, n=3, cutoff=0.5) or ids
    return f"no claim matches {pattern!r}; there are, for instance, {', '.join(near[:8])}."
