"""Normalized gradient descent with momentum from the dual: the margin at 1/t²."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.checks import at_least, at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.descents import problem, steps_of
from marginflow.claims.growth import PER_DECADE, draw_gaps, gap_curve, weights_of
from marginflow.claims.ji2021.source import SOURCE
from marginflow.dynamics import DualMomentum, NormalizedGD, recommended_rate

PROBLEM = "clusters"


@dataclass(frozen=True)
class Setting:
    """Steps of the method, or of normalized gradient descent without its momentum."""

    steps: int = 10**4
    momentum: bool = True


def experiment(setting: Setting) -> Evidence:
    """Gap · t²/log t, now over a decade before, and the share of the best margin."""
    steps = np.array(steps_of(setting.steps, PER_DECADE))
    gap = gap_curve(PROBLEM, _weights(setting.momentum, setting.steps), "frobenius")
    scaled = gap[1:] * steps[1:] ** 2 / np.log(steps[1:])
    checks = (
        at_most("gap · t²/log t over a decade before", scaled[-1] / scaled[-1 - PER_DECADE], 1.0),
        at_least("margin over the best", 1.0 - gap[-1], 1.0 - 1e-4),
    )
    others = {momentum: _weights(momentum, setting.steps) for momentum in (True, False)}
    curves = {
        "with momentum from the dual": gap_curve(PROBLEM, others[True], "frobenius"),
        "without": gap_curve(PROBLEM, others[False], "frobenius"),
    }
    return Evidence(checks, {"steps": steps, "curves": curves})


@cache
def _weights(momentum: bool, steps: int) -> np.ndarray:
    rate = recommended_rate(problem(PROBLEM))
    method = DualMomentum(rate**2) if momentum else NormalizedGD(rate)
    return weights_of(PROBLEM, [method], steps)[0]


def draw(evidence: Evidence, ax: Any) -> Any:
    """What is missing of the best margin, with the rate."""
    steps = evidence.data["steps"]
    ax = draw_gaps(evidence.data["curves"], steps, ax)
    late = steps[steps >= 100]
    ax.loglog(late, 2000.0 / late.astype(float) ** 2, "k:", label="1/t²")
    ax.set_title("Momentum from the dual")
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="ji2021/dual-momentum",
        source=SOURCE,
        section="abstract, and theorem 3.1 as remembered, for two classes and the exponential "
        "loss; here for three classes and cross-entropy",
        statement=(
            "Normalized gradient descent with momentum from the dual maximizes the L2 margin at "
            "rate 1/t², up to a logarithm."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        full=Setting(steps=10**5),
        control=Setting(momentum=False),
        control_statement="Normalized gradient descent without that momentum does so.",
        tolerance_reason=(
            "The bound is log t/t²: gap · t²/log t may not rise, and at rate 1/t it rises tenfold "
            "a decade. The best margin is certified to 1e-12, far below the gap of 4e-6."
        ),
        draw=draw,
    ),
)
