"""Whether momentum hampers leaving plateaus.

Three plateaus, from rest: a saturated sigmoid, a saddle, and a product of three layers near zero.
The slope grows along the way; momentum averages over the past 1/(1 − β) slopes, which were smaller,
and is late.  At a saddle of curvature −h plain descent grows by 1 + α h a step; momentum at α =
η/(1 − β) grows by the larger root of λ² − (1 + β + η h) λ + β, which is less.  At equal η it grows
by more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from marginflow.claims.checks import at_least
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.training_notes.momentum_descent import REACH, Comparison, iterates
from marginflow.claims.training_notes.source import SOURCE

SHARE, MOST = 0.5, 20_000


class Plateau(NamedTuple):
    """A loss of weights (d,), its slope, its largest curvature, and where it is flat."""

    loss: Callable[[np.ndarray], float]
    slope: Callable[[np.ndarray], np.ndarray]
    curvature: float
    start: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Setting(Comparison):
    """Plateaus to be left.

    Attributes:
        plateaus: their names.
    """

    plateaus: tuple[str, ...] = ("sigmoid", "saddle", "three layers")


def experiment(setting: Setting) -> Evidence:
    """The steps until the loss is halved, with momentum over without."""
    checks, losses = [], {}
    for name in setting.plateaus:
        methods = setting.methods(SHARE / PLATEAUS[name].curvature)
        runs = {method: _leave(name, *rates) for method, rates in methods.items()}
        ratio = len(runs["momentum"]) / len(runs["plain"])
        checks.append(at_least(f"{name}: steps to halve the loss, over plain", ratio, 1.1))
        losses[name] = runs
    return Evidence(tuple(checks), losses)


@cache
def _leave(name: str, rate: float, momentum: float) -> np.ndarray:
    """The loss, over the first one, after each step until it is below a half."""
    plateau = PLATEAUS[name]
    start = np.array(plateau.start)
    first, found = plateau.loss(start), []
    for weights, _ in iterates(lambda _, at: plateau.slope(at), start, rate, momentum, MOST):
        found.append(plateau.loss(weights) / first)
        if found[-1] < 0.5:
            break
    return np.array(found)


def _sigmoid(w: np.ndarray) -> float:
    return float(1.0 / (1.0 + np.exp(-w[0])))


PLATEAUS = {
    # ½ (σ(w) − 1)²; its second derivative is at most 0.0770, found on a grid
    "sigmoid": Plateau(
        lambda w: 0.5 * (_sigmoid(w) - 1.0) ** 2,
        lambda w: np.array([-((1.0 - _sigmoid(w)) ** 2) * _sigmoid(w)]),
        0.0771,
        (-6.0,),
    ),
    # ¼ (x² − 1)²: curvature −1 at the saddle, 2 at the minimum
    "saddle": Plateau(
        lambda w: 0.25 * float((w[0] ** 2 - 1.0) ** 2),
        lambda w: w * (w**2 - 1.0),
        2.0,
        (1e-3,),
    ),
    # ½ (a b c − 1)²: curvature 3 at (1, 1, 1)
    "three layers": Plateau(
        lambda w: 0.5 * float((np.prod(w) - 1.0) ** 2),
        lambda w: (np.prod(w) - 1.0) * np.prod(w) / w,
        3.0,
        (0.1, 0.1, 0.1),
    ),
    # 1000 − w: flat, and no less so along the way
    "ramp": Plateau(lambda w: 1000.0 - float(w[0]), lambda w: np.full(1, -1.0), 0.5, (0.0,)),
}


def draw(evidence: Evidence, ax: Any) -> Any:
    """The loss on each plateau until it is halved."""
    for name, runs in evidence.data.items():
        color = None
        for method, losses in runs.items():
            dash = "-" if method == "momentum" else "--"
            [line] = ax.semilogx(
                1 + np.arange(len(losses)), losses, dash, color=color, label=f"{name}, {method}"
            )
            color = line.get_color()
    ax.set(xlabel="step", ylabel="loss over the first one", title="Leaving a plateau from rest")
    ax.legend()
    return ax


_REASON = (
    "Nothing is random. A tenth more steps is a hindrance worth the name; at the start alone "
    "momentum is β/(1 − β) = 9 steps late, which on a plateau of hundreds is less."
)

CLAIMS = (
    Claim(
        id="training_notes/plateaus",
        source=SOURCE,
        section="momentum: hampers leaving plateaus, as said: at the same learning rate",
        statement=(
            "Momentum hampers leaving plateaus: it takes more steps than plain descent at the same "
            "learning rate to halve the loss, from rest."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        control=Setting(plateaus=("ramp",)),
        control_statement="It does so where the slope is constant.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
    Claim(
        id="training_notes/plateaus-at-equal-reach",
        source=SOURCE,
        section="momentum: hampers leaving plateaus, at equal effective steps",
        statement=(
            "Momentum hampers leaving plateaus: it takes more steps than plain descent at equal "
            "η/(1 − β) to halve the loss, from rest."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(equal=REACH),
        control=Setting(equal=REACH, plateaus=("ramp",)),
        control_statement="It does so where the slope is constant.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
)
