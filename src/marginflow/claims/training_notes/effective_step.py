"""How far momentum goes a step where the slope does not change."""

from dataclasses import dataclass

import numpy as np

from marginflow.claims.checks import close
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.training_notes.momentum_descent import iterates, last
from marginflow.claims.training_notes.source import SOURCE

RATE, STEPS = 0.01, 4000


@dataclass(frozen=True)
class Ramp:
    """A slope 1 + c w, from w = 0.

    Attributes:
        momenta: β.
        curvature: c.
    """

    momenta: tuple[float, ...] = (0.5, 0.9, 0.99)
    curvature: float = 0.0


def experiment(setting: Ramp) -> Evidence:
    """The last step over η/(1 − β), and the steps by which all of them are behind."""
    checks = []
    for momentum in setting.momenta:
        reach = RATE / (1.0 - momentum)

        def slope(_: int, weights: np.ndarray) -> np.ndarray:
            return 1.0 + setting.curvature * weights

        weights, step = last(iterates(slope, np.zeros(1), RATE, momentum, STEPS))
        behind = STEPS + weights[0] / reach
        checks += [
            close(f"last step over η/(1 − β), β = {momentum:g}", -step[0] / reach, 1.0, 1e-9),
            close(
                f"steps behind plain descent at η/(1 − β), β = {momentum:g}",
                behind,
                momentum / (1.0 - momentum),
                1e-6,
            ),
        ]
    return Evidence(tuple(checks))


CLAIMS = (
    Claim(
        id="training_notes/effective-step",
        source=SOURCE,
        section="momentum; as derived here",
        statement=(
            "Where the slope is constant, momentum β goes as far each step as plain descent at the "
            "learning rate η/(1 − β), and is β/(1 − β) steps behind it from its start."
        ),
        proved=True,
        experiment=experiment,
        setting=Ramp(),
        control=Ramp(curvature=0.02),
        control_statement="The slope fades along the way, as in a bowl.",
        tolerance_reason=(
            "The geometric sum is short of its end by 0.99^4000 = 3e-18; 4,000 steps round by "
            "1e-16 of the way each, 1e-12 of a step in all and at most 1e-9 in the sum."
        ),
    ),
)
