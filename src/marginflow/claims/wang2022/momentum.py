"""Heavy ball and Nesterov's momentum keep the direction.

They are compared at an equal effective step.  A momentum of .99 overshoots at the start, and its
residual still moves by hundredths of Ŵ between 10⁵ and 10⁶ steps.
"""

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
from marginflow.claims.wang2022.source import SOURCE
from marginflow.dynamics import HeavyBall, Nesterov

PROBLEM, SHARE = "clusters", 0.5
METHODS = {"heavy ball": HeavyBall, "Nesterov": Nesterov}


@dataclass(frozen=True)
class Setting:
    """Momentum methods whose effective step η/(1 − β) is half of the bound for gradient descent.

    Attributes:
        momenta: β.
        steps: how many.
        norm: in which the margin is judged.
    """

    momenta: tuple[float, ...] = (0.5, 0.9)
    steps: int = 10**5
    norm: str = "frobenius"


def experiment(setting: Setting) -> Evidence:
    """The growth of the margin in the last decade, for each method and momentum."""
    checks, curves = [], {}
    for method in METHODS:
        runs = _weights(method, setting.momenta, setting.steps)
        for momentum, weights in zip(setting.momenta, runs, strict=True):
            name = f"{method}, β = {momentum:g}"
            checks.append(growth_check(name, PROBLEM, weights, setting.norm))
            curves[name] = gap_curve(PROBLEM, weights, setting.norm)
    steps = np.array(steps_of(setting.steps, PER_DECADE))
    return Evidence(tuple(checks), {"steps": steps, "curves": curves})


@cache
def _weights(method: str, momenta: tuple[float, ...], steps: int) -> np.ndarray:
    rate, make = SHARE * bound_of(PROBLEM), METHODS[method]
    return weights_of(PROBLEM, [make(rate * (1.0 - beta), beta) for beta in momenta], steps)


def draw(evidence: Evidence, ax: Any) -> Any:
    """What is missing of the best Frobenius margin."""
    ax = draw_gaps(evidence.data["curves"], evidence.data["steps"], ax)
    ax.set_title("Momentum keeps the direction")
    return ax


CLAIMS = (
    Claim(
        id="wang2022/momentum",
        source=SOURCE,
        section="main theorem: gradient descent with momentum; Nesterov's is an extension",
        statement=(
            "Gradient descent with momentum, Polyak's or Nesterov's, maximizes the Frobenius "
            "margin, as gradient descent does."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        full=Setting(steps=10**6),
        control=Setting(norm="max"),
        control_statement="It maximizes the margin in the max-norm.",
        tolerance_reason=REASON,
        draw=draw,
    ),
)
