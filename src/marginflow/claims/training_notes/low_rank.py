"""Whether gradient descent as such prefers low rank, or only on products of factors."""

from dataclasses import dataclass

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.completions import RANK, draw_figures, figures
from marginflow.claims.training_notes.source import SOURCE


@dataclass(frozen=True)
class Setting:
    """Matrix completion, 50 × 50 of rank 3, by products of factors.

    Attributes:
        seeds: of the problems; figures are averaged over them.
        depths: numbers of factors.
        scale: of the first product.
        steps: a fixed number.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    depths: tuple[int, ...] = (1, 2, 3)
    scale: float = 1e-3
    steps: int = 5000


def experiment(setting: Setting) -> Evidence:
    """The effective rank after the steps, by the number of factors."""
    checks, found = [], {}
    for depth in setting.depths:
        error, rank = figures(setting.seeds, depth, setting.scale, setting.steps)
        checks.append(at_most(f"effective rank, factors: {depth}", rank, 2.0 * RANK))
        found[f"factors: {depth}"] = {"error": error, "rank": rank}
    return Evidence(tuple(checks), {"found": found})


CLAIMS = (
    Claim(
        id="training_notes/low-rank",
        source=SOURCE,
        section="implicit bias: matrices, as said",
        statement=(
            "Gradient descent with a fixed number of steps prefers solutions of low rank, however "
            "the matrix is parameterized."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        full=Setting(seeds=tuple(range(10)), steps=20_000),
        control=Setting(depths=(1,)),
        control_statement="The matrix itself is trained, entry by entry.",
        tolerance_reason=(
            "The truth has rank 3; twice that parts low from not, where a full matrix of this size "
            "has an effective rank of 40, and what is observed, with zeros elsewhere, above 30."
        ),
        draw=draw_figures,
    ),
)
