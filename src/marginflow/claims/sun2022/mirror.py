"""Mirror descent with the potential of a p-norm: the margin in that norm, at 1/log t."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.descents import steps_of
from marginflow.claims.growth import (
    PER_DECADE,
    REASON,
    bound_of,
    draw_gaps,
    gap_curve,
    growth_check,
    weights_of,
)
from marginflow.claims.sun2022.source import SOURCE
from marginflow.dynamics import MirrorDescent

PROBLEM, SHARE = "clusters", 0.5


@dataclass(frozen=True)
class Setting:
    """Mirror descent at half of the bound for gradient descent.

    Attributes:
        exponents: p.
        steps: how many.
        judged_in: "own norm", or the name of the norm in which all margins are measured.
    """

    exponents: tuple[float, ...] = (1.5, 2.0, 3.0)
    steps: int = 10**5
    judged_in: str = "own norm"


def experiment(setting: Setting) -> Evidence:
    """The growth of the margin in the last decade, for each p."""
    checks, curves = [], {}
    runs = _weights(setting.exponents, setting.steps)
    for exponent, weights in zip(setting.exponents, runs, strict=True):
        own, name = f"l{exponent:g}", f"p = {exponent:g}"
        judged = own if setting.judged_in == "own norm" else setting.judged_in
        checks.append(growth_check(name, PROBLEM, weights, judged))
        curves[name] = gap_curve(PROBLEM, weights, judged)
    steps = np.array(steps_of(setting.steps, PER_DECADE))
    return Evidence(tuple(checks), {"steps": steps, "curves": curves})


@cache
def _weights(exponents: tuple[float, ...], steps: int) -> np.ndarray:
    rate = SHARE * bound_of(PROBLEM)
    return weights_of(PROBLEM, [MirrorDescent(rate, p) for p in exponents], steps)


def draw(evidence: Evidence, ax: Any) -> Any:
    """What is missing of the best margin in the own norm."""
    ax = draw_gaps(evidence.data["curves"], evidence.data["steps"], ax)
    ax.set_title("Mirror descent: 1/log t")
    return ax


CLAIMS = (
    Claim(
        id="sun2022/mirror-descent",
        source=SOURCE,
        section="theorem 4, for two classes; here for three",
        statement=(
            "Mirror descent with the potential of the entrywise p-norm maximizes the margin in "
            "that norm."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        full=Setting((1.5, 2.0, 3.0, 6.0), 10**6),
        control=Setting(judged_in="max"),
        control_statement="It maximizes the margin in the max-norm, whatever p.",
        tolerance_reason=REASON,
        draw=draw,
    ),
)
