"""Progressive rescaling: the margin at an exponential rate, where the data let it.

Each rescaling lengthens the weights by a factor, and with them what is beside Ŵ; the steps until
the next one must bring that back.  If they do, what is beside stays as long as it is, and its share
of the weights, the gap, falls by the factor.  If they do not, the direction freezes.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.descents import descend, problem, shares
from marginflow.claims.wang2023.source import SOURCE
from marginflow.dynamics import PRGD, recommended_rate

GROWTH, PERIOD, WARMUP = 1.2, 400, 2000
# The radii at which what is beside Ŵ has settled.
SETTLED = 10


@dataclass(frozen=True)
class Setting:
    """A problem, how often weights are rescaled, and how long the steps are.

    Attributes:
        problem: its name.
        rescalings: how many.
        step: η over the square of `recommended_rate`.
    """

    problem: str = "teacher 1"
    rescalings: int = 60
    step: float = 4.0


def experiment(setting: Setting) -> Evidence:
    """The slope of the logarithm of the gap against the rescalings, and the gap at the end."""
    gap = 1.0 - shares(setting.problem, _weights(setting), "frobenius")
    counts = np.arange(1, setting.rescalings + 1)
    slope = float(np.polyfit(counts[SETTLED:], np.log(gap[SETTLED:]), 1)[0])
    checks = (
        Check("slope of log gap, over −log of the growth", slope / -np.log(GROWTH), 1.0, 0.02),
        at_most("gap at the end", gap[-1], 0.0, 1e-5),
    )
    return Evidence(checks, {"steps": WARMUP + PERIOD * counts, "gap": gap})


@cache
def _weights(setting: Setting) -> np.ndarray:
    """The weights before each further rescaling."""
    rate = setting.step * recommended_rate(problem(setting.problem)) ** 2
    steps = [WARMUP + PERIOD * count for count in range(1, setting.rescalings + 1)]
    method = PRGD(rate, growth=GROWTH, period=PERIOD, warmup=WARMUP)
    return descend(setting.problem, [method], steps)[0][0]


def draw(evidence: Evidence, ax: Any) -> Any:
    """The gap against the steps on a logarithmic axis: a straight line."""
    steps, gap = evidence.data["steps"], evidence.data["gap"]
    ax.semilogy(steps, gap, "o", label="progressive rescaling")
    line = gap[SETTLED] * GROWTH ** -((steps - steps[SETTLED]) / PERIOD)
    ax.semilogy(steps, line, "k:", label="the growth, once a period")
    ax.set(xlabel="steps", ylabel="1 − margin/best margin", title="An exponential rate")
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="wang2023/progressive-rescaling",
        source=SOURCE,
        section="abstract: progressive norm rescaling, under conditions on the data; the algorithm "
        "as remembered",
        statement=(
            "Progressive rescaling maximizes the L2 margin at an exponential rate: where the "
            "support spans and the steps suffice, the gap falls by the growth of the radius at "
            "each rescaling."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        control=Setting(problem="clusters"),
        control_statement=(
            "It does so with the same growth, period and steps on clusters whose support is poorly "
            "conditioned, where the direction freezes."
        ),
        tolerance_reason=(
            "Once it has settled, what is beside Ŵ repeats itself at each radius, up to the pulls "
            "of the next margins. Sixty rescalings by 1.2 are a factor of 6e4, of which the first "
            "ten are left to the start."
        ),
        draw=draw,
    ),
)
