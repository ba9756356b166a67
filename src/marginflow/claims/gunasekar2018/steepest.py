"""Steepest descent with steps as long as the gradient: the margin in its norm, at 1/log t."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.descents import problem, steps_of
from marginflow.claims.growth import (
    PER_DECADE,
    REASON,
    draw_gaps,
    gap_curve,
    growth_check,
    weights_of,
)
from marginflow.claims.gunasekar2018.source import SOURCE
from marginflow.dynamics import SteepestDescent, recommended_rate

PROBLEM = "clusters"


@dataclass(frozen=True)
class Setting:
    """Steepest descent in norms, with learning rates that change no margin by over ‖∇L‖_*.

    Attributes:
        norms: of the methods.
        steps: how many.
        judged_in: "own norm", or the name of the norm in which all margins are measured.
    """

    norms: tuple[str, ...] = ("l1", "max", "spectral", "frobenius")
    steps: int = 10**5
    judged_in: str = "own norm"


def experiment(setting: Setting) -> Evidence:
    """The growth of the margin in the last decade, for each method."""
    checks, curves = [], {}
    for norm in setting.norms:
        weights = _weights(norm, setting.steps)
        judged = norm if setting.judged_in == "own norm" else setting.judged_in
        checks.append(growth_check(norm, PROBLEM, weights, judged))
        curves[norm] = gap_curve(PROBLEM, weights, judged)
    steps = np.array(steps_of(setting.steps, PER_DECADE))
    return Evidence(tuple(checks), {"steps": steps, "curves": curves})


@cache
def _weights(norm: str, steps: int) -> np.ndarray:
    rate = recommended_rate(problem(PROBLEM), norm) ** 2
    return weights_of(PROBLEM, [SteepestDescent(norm, rate, normalized=False)], steps)[0]


def draw(evidence: Evidence, ax: Any) -> Any:
    """What is missing of the best margin in the own norm."""
    ax = draw_gaps(evidence.data["curves"], evidence.data["steps"], ax)
    ax.set_title("Steepest descent, unnormalized: 1/log t")
    return ax


CLAIMS = (
    Claim(
        id="gunasekar2018/steepest-descent",
        source=SOURCE,
        section=(
            "theorem 5, for two classes and the exponential loss; here for three classes and "
            "cross-entropy"
        ),
        statement=(
            "Steepest descent in a norm, with steps as long as the gradient, maximizes the margin "
            "in that norm; in the entrywise 1-norm it is greedy coordinate descent."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        full=Setting(("l1", "max", "spectral", "nuclear", "class_l2", "frobenius", "l3"), 10**6),
        control=Setting(judged_in="frobenius"),
        control_statement="All of them maximize the Frobenius margin.",
        tolerance_reason=REASON,
        draw=draw,
    ),
)
