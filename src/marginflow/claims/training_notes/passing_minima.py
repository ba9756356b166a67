"""Whether momentum passes small minima on its way to a deep one.

η/(1 − β) is the inverse of the well's curvature, the plain step that is at its bottom at once, so
that plain descent does not leave by instability.  Momentum has the speed of its way down the bowl,
which takes it through a shallow well, at equal η and at equal η/(1 − β) alike.  It has none inside.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.checks import at_least, at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.training_notes.momentum_descent import REACH, Comparison, iterates, last
from marginflow.claims.training_notes.source import SOURCE
from marginflow.claims.training_notes.well import Well

WIDTHS, N_STARTS, TIME = (0.05, 0.1, 0.2), 40, 4.0
SMALL, SHOWN = (1.25, 1.5, 2.0), (1.25, 1.5, 2.0, 2.5, 3.0, 4.0)


@dataclass(frozen=True, kw_only=True)
class Setting(Comparison):
    """Starts up the bowl, or at the bottom of the well.

    Attributes:
        outside: whether they are up the bowl.
    """

    outside: bool = True


def experiment(setting: Setting) -> Evidence:
    """The share of starts that end beyond the well, with momentum and without."""
    shares = {
        name: _passed(rate, momentum, setting.outside)
        for name, (rate, momentum) in setting.methods(1.0).items()
    }
    small = {name: share[: len(SMALL)].mean() for name, share in shares.items()}
    return Evidence(
        (
            at_least("share that passes a small minimum, momentum", small["momentum"], 0.9),
            at_most("share that passes a small minimum, plain", small["plain"], 0.1),
        ),
        {"multiples": np.array(SHOWN), **shares},
    )


@cache
def _passed(rate: float, momentum: float, outside: bool) -> np.ndarray:
    """The shares by multiples; a rate is in units of the inverse of the well's curvature."""
    multiple, width, start = np.meshgrid(
        SHOWN, WIDTHS, np.linspace(1.0, 3.0, N_STARTS), indexing="ij"
    )
    well, first = Well(width, multiple), start + 3.0 * width
    if not outside:
        bottoms = [[Well(w, m).bottom() for w in WIDTHS] for m in SHOWN]
        first = np.broadcast_to(np.array(bottoms)[:, :, None], width.shape)
    steps = int(TIME * well.curvature.max() * (1.0 - momentum) / rate)
    rates = rate / well.curvature
    x, _ = last(iterates(lambda _, at: well.slope(at), first, rates, momentum, steps))
    return np.mean(x < 1.0 - 3.0 * width, axis=(1, 2))


def draw(evidence: Evidence, ax: Any) -> Any:
    """The share that passes over the steepest slope of the well."""
    for name in ("momentum", "plain"):
        ax.plot(evidence.data["multiples"], evidence.data[name], "o-", label=name)
    ax.set(
        xlabel="steepest slope of the well, over the bowl's slope there",
        ylabel="share of starts that passes",
        title="A small minimum on the way to a deep one",
    )
    ax.legend()
    return ax


_REASON = (
    "A well is small whose steepest slope is at most twice the slope that makes a minimum of it. "
    "Nine starts in ten against one in ten part passing from not; nothing is random."
)

CLAIMS = (
    Claim(
        id="training_notes/passing-small-minima",
        source=SOURCE,
        section="momentum: escapes small minima, as said: at the same learning rate",
        statement=(
            "Momentum passes small minima on its way down, in which plain descent at the same "
            "learning rate ends."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        control=Setting(outside=False),
        control_statement="It also leaves small minima in which it starts.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
    Claim(
        id="training_notes/passing-small-minima-at-equal-reach",
        source=SOURCE,
        section="momentum: escapes small minima, at equal effective steps",
        statement=(
            "Momentum passes small minima on its way down, in which plain descent at equal "
            "η/(1 − β) ends."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(equal=REACH),
        control=Setting(equal=REACH, outside=False),
        control_statement="It also leaves small minima in which it starts.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
)
