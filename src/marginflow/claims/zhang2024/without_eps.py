"""Adam without ε stays with the max-norm, at any step count."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.adam_runs import adam_runs, rate_of
from marginflow.claims.checks import at_least, at_most
from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.descents import descend, growth_share, shares, steps_of
from marginflow.claims.zhang2024.source import SOURCE, THEOREM
from marginflow.dynamics import Adam, PowerSchedule

PROBLEM, B2, STEPS = "clusters", 0.99, 40_000
PER_DECADE = 4


@dataclass(frozen=True)
class StaySetting:
    """Adam with a constant learning rate.

    Attributes:
        eps: ε.
        share: γ·lr over the ceiling ½ log(1/β₂).
    """

    eps: float = 0.0
    share: float = 2.0


@dataclass(frozen=True)
class RateSetting:
    """Adam without ε and with steps c/t^(2/3).

    Attributes:
        scales: c.
        b2s: β₂.
        steps: how many.
        norm: in which the margin is judged.
    """

    scales: tuple[float, ...] = (0.3, 1.0)
    b2s: tuple[float, ...] = (0.99, 0.999)
    steps: int = 10**5
    norm: str = "max"


def stays(setting: StaySetting) -> Evidence:
    """By how much the margin grows in the second half, for each unit of the max-norm."""
    rate, eps = rate_of(setting.share, PROBLEM, B2), (0.0, 1e-8)
    runs = adam_runs(PROBLEM, (rate, rate), eps, B2, STEPS)
    halves = runs.weights[:, [len(runs.steps) // 2, -1]]
    lane = eps.index(setting.eps)
    grown = float(growth_share(PROBLEM, halves, "max")[lane])
    check = Check("margin gained over max-norm gained and the best", grown, 1.0, 0.01)
    curves = {
        f"ε = {each:g}": shares(PROBLEM, runs.weights[i], "max") for i, each in enumerate(eps)
    }
    return Evidence((check,), {"steps": runs.steps, "curves": curves})


def rate(setting: RateSetting) -> Evidence:
    """The share of the best margin, and whether gap · t^(1/3) rises."""
    checks, curves = [], {}
    steps = np.array(steps_of(setting.steps, PER_DECADE))
    pairs = [(scale, b2) for scale in setting.scales for b2 in setting.b2s]
    found = shares(PROBLEM, _decaying(tuple(pairs), setting.steps), setting.norm)
    for (scale, b2), share in zip(pairs, found, strict=True):
        scaled = (1.0 - share) * np.cbrt(steps)
        name = f"c = {scale:g}, β₂ = {b2:g}"
        checks.append(at_least(f"margin over the best: {name}", share[-1], 0.91))
        rise = scaled[-1] / scaled[-1 - PER_DECADE]
        checks.append(at_most(f"gap · t^(1/3) over a decade before: {name}", rise, 1.0))
        curves[name] = 1.0 - share
    return Evidence(tuple(checks), {"steps": steps, "curves": curves})


@cache
def _decaying(pairs: tuple[tuple[float, float], ...], steps: int) -> np.ndarray:
    adams = [Adam(PowerSchedule(scale, 2 / 3), b2=b2, eps=0) for scale, b2 in pairs]
    return descend(PROBLEM, adams, steps_of(steps, PER_DECADE))[0]


def draw_stays(evidence: Evidence, ax: Any) -> Any:
    """The max-norm's margin over the best along the steps."""
    for name, share in evidence.data["curves"].items():
        ax.semilogx(evidence.data["steps"], share, label=name)
    ax.set(xlabel="steps", ylabel="max-norm margin/best", title="Adam with and without ε")
    ax.legend()
    return ax


def draw_rate(evidence: Evidence, ax: Any) -> Any:
    """What is missing of the best margin against the steps, and the rate of the theorem."""
    steps = evidence.data["steps"]
    for name, gap in evidence.data["curves"].items():
        ax.loglog(steps, gap, label=name)
    late = steps[steps >= 100]
    ax.loglog(late, 2.0 * (late / late[0]) ** (-1 / 3), "k:", label="t^(−1/3)")
    ax.set(xlabel="steps t", ylabel="1 − margin/best margin", title="Adam, max-norm")
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="zhang2024/without-eps",
        source=SOURCE,
        section=THEOREM,
        statement=(
            "Adam with ε = 0 and a constant learning rate stays with the max-norm: each unit that "
            "the max-norm of the weights gains buys the best margin there is in that norm."
        ),
        proved=False,
        experiment=stays,
        setting=StaySetting(),
        control=StaySetting(eps=1e-8),
        control_statement="It is so with ε = 1e-8, which takes over on the way.",
        tolerance_reason=(
            "Growth is free of the start. Adam's gradients fall at the predicted rate within .1 to "
            ".6 % in this phase, so that margins grow so; the max-norm margin of the Frobenius "
            "optimum is .82 of the best."
        ),
        draw=draw_stays,
    ),
    Claim(
        id="zhang2024/rate",
        source=SOURCE,
        section=THEOREM + "; for more classes Fan et al. 2025, arXiv 2502.04664",
        statement=(
            "With ε = 0 and steps c/t^(2/3) Adam maximizes the margin in the max-norm, with a gap "
            "that falls as t^(−1/3) or faster."
        ),
        proved=True,
        experiment=rate,
        setting=RateSetting(),
        full=RateSetting(scales=(0.1, 0.3, 1.0), steps=10**6),
        control=RateSetting(norm="frobenius"),
        control_statement="It maximizes the Frobenius margin.",
        tolerance_reason=(
            "The theorem bounds the gap by t^(−1/3), so that gap · t^(1/3) may not rise; in "
            "another norm it rises twofold a decade. A share of .91 is nearer to 1 than to the .81 "
            "of the Frobenius optimum, nearly."
        ),
        draw=draw_rate,
    ),
)
