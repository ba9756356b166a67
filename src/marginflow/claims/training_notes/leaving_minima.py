"""Whether momentum leaves a small minimum that it is in, by the noise of its slopes.

Slopes of noise σ act on plain descent as a temperature α σ²/2, α its learning rate, and on momentum
with α = η/(1 − β).  At equal η momentum is 1/(1 − β) times hotter, and leaves.  At equal η/(1 − β)
both are equally hot; plain descent with its long steps is thrown over the barrier more often.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.checks import at_least
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.training_notes.momentum_descent import REACH, Comparison, iterates
from marginflow.claims.training_notes.source import SOURCE
from marginflow.claims.training_notes.well import Well

WELL = Well(0.1, 1.5)
# η/(1 − β) over the inverse of the well's curvature, and the barrier in temperatures.
SHARE, BARRIER = 0.5, 3.0
N_WALKS, STEPS = 2000, 400


@dataclass(frozen=True, kw_only=True)
class Setting(Comparison):
    """Walks from the bottom of the well.

    Attributes:
        noise: of the slopes, over that with which the barrier is three temperatures.
    """

    noise: float = 1.0


def experiment(setting: Setting) -> Evidence:
    """The lead of momentum in the share of walks that have left."""
    left = {
        name: _left(rate, momentum, setting.noise)
        for name, (rate, momentum) in setting.methods(SHARE / WELL.curvature).items()
    }
    heavy, plain = (share[-1] for share in left.values())
    lead = at_least("share that leaves, momentum less plain", heavy - plain, 0.05)
    return Evidence((lead,), left)


@cache
def _left(rate: float, momentum: float, noise: float) -> np.ndarray:
    """The share of walks that have been beyond the barrier, after each step."""
    rng, bottom, top = np.random.default_rng(0), WELL.bottom(), WELL.top()
    barrier = WELL.height(top) - WELL.height(bottom)
    sigma = noise * np.sqrt(2.0 * barrier / BARRIER * WELL.curvature / SHARE)

    def slope(_: int, x: np.ndarray) -> np.ndarray:
        return WELL.slope(x) + sigma * rng.standard_normal(N_WALKS)

    gone, shares = np.zeros(N_WALKS, dtype=bool), []
    for x, _ in iterates(slope, np.full(N_WALKS, bottom), rate, momentum, STEPS):
        gone |= x < 1.0 - 3.0 * WELL.width
        shares.append(gone.mean())
    return np.array(shares)


def draw(evidence: Evidence, ax: Any) -> Any:
    """The share that has left, over the steps."""
    for name, shares in evidence.data.items():
        ax.plot(1 + np.arange(len(shares)), shares, label=name)
    ax.set(xlabel="step", ylabel="share that has left", title="Out of a small minimum, by noise")
    ax.legend()
    return ax


_REASON = (
    "2,000 walks tell a share to .011 and a difference of two to .016: a lead of .05 is three "
    "standard errors."
)

CLAIMS = (
    Claim(
        id="training_notes/leaving-small-minima",
        source=SOURCE,
        section="momentum: escapes small minima, as said: at the same learning rate",
        statement=(
            "Momentum leaves a small minimum that it is in by the noise of its slopes more often "
            "than plain descent at the same learning rate."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        control=Setting(equal=REACH),
        control_statement="It does so at equal η/(1 − β) too, by more than its longer steps.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
    Claim(
        id="training_notes/leaving-small-minima-at-equal-reach",
        source=SOURCE,
        section="momentum: escapes small minima, at equal effective steps",
        statement=(
            "Momentum leaves a small minimum that it is in by the noise of its slopes more often "
            "than plain descent at equal η/(1 − β)."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(equal=REACH),
        control=Setting(equal=REACH, noise=0.0),
        control_statement="It also leaves without noise.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
)
