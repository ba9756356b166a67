"""The authors' small experiment: ten points in the plane, and the regions that they end with.

A linear classifier without intercept cuts the plane into cones, so that how much two of them
disagree is a share of all directions.  The authors show 100, 1,000 and 100,000 steps; here the
limit is certified, and gradient descent goes on to e^100000 steps.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.ravi2024.authors_figure import FAR, LOSS, RATE
from marginflow.claims.ravi2024.problems import limit_of, problem, start_of
from marginflow.claims.ravi2024.source import EXPERIMENTS, SOURCE
from marginflow.dynamics import FastForward, fast_forward

NAME = "small"
SHOWN = (100, 1000, 100_000)
DIRECTIONS = 360_000
# Three boundaries, each found to one direction, and each at most the direction error away.
AGREED = 1e-4


@dataclass(frozen=True)
class Setting:
    """The experiment.

    Attributes:
        loss: a registered loss.
        log_steps: the logarithm of the last step count.
    """

    loss: str = LOSS
    log_steps: float = FAR


def regions(setting: Setting) -> Evidence:
    """The share of directions that are classified otherwise than by the max-margin classifier."""
    run = small_run(setting.loss, setting.log_steps)
    marks = [*np.log(SHOWN), setting.log_steps]
    records = [int(np.argmin(np.abs(run.log_time - mark))) for mark in marks]
    weights = run.recorded_weights[records]
    limit = limit_of(NAME).weights
    shares = [disagreement(each, limit) for each in weights]
    names = [*(f"{steps:,} steps" for steps in SHOWN), f"e^{setting.log_steps:g} steps"]
    ends = list(zip(names, shares, strict=True))
    checks = [
        at_most(f"disagreement falls, {before} to {after}", last - first, 0.0)
        for (before, first), (after, last) in pairwise(ends)
    ]
    checks.append(at_most(f"disagreement after {names[-1]}", shares[-1], 0.0, AGREED))
    data = {
        "names": names,
        "weights": weights,
        "limit": limit,
        "disagreement": np.array(shares),
        "normalized margin / best": run.observables["normalized_margin"][records]
        / limit_of(NAME).margin,
    }
    return Evidence(tuple(checks), data)


def disagreement(one: np.ndarray, other: np.ndarray) -> float:
    """The share of directions in the plane that two classifiers (2, K) see differently."""
    angles = 2 * np.pi * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS
    directions = np.column_stack([np.cos(angles), np.sin(angles)])
    first, second = (np.argmax(directions @ weights, axis=1) for weights in (one, other))
    return float(np.mean(first != second))


@cache
def small_run(loss: str, log_steps: float) -> FastForward:
    """Gradient descent on the small data, recorded at the steps that the authors show."""
    data = problem(NAME)
    return fast_forward(
        data,
        loss,
        learning_rate=RATE / (data.n_samples * data.n_classes),
        log_steps=log_steps,
        initial=start_of(NAME, "authors"),
        record=np.log(SHOWN),
        limit=limit_of(NAME),
    )


def draw(evidence: Evidence, ax: Any) -> Any:
    """Four panels: the regions at the authors' steps and in the limit."""
    from marginflow.figures import decision_regions

    data = evidence.data
    ax.set_axis_off()
    for place, (name, weights) in enumerate(zip(data["names"], data["weights"], strict=True)):
        panel = ax.inset_axes((0.5 * (place % 2), 0.52 * (1 - place // 2), 0.48, 0.42))
        decision_regions(panel, problem(NAME), weights, _title(name), reference=data["limit"])
        panel.set(xlabel="", ylabel="", xticks=[], yticks=[])
    return ax


def _title(name: str) -> str:
    """A power of e as one."""
    steps = name.removesuffix(" steps")
    return f"$e^{{{steps[2:]}}}$ steps" if steps.startswith("e^") else name


CLAIMS = (
    Claim(
        id="ravi2024/decision-regions",
        source=SOURCE,
        section=EXPERIMENTS + " (the start of the small one is this program's choice: key 42)",
        statement=(
            "On ten points in the plane the decision regions come nearer to those of the "
            "max-margin classifier from 100 to 1,000 to 100,000 steps, and agree with them in the "
            "limit."
        ),
        proved=False,
        experiment=regions,
        setting=Setting(),
        control=Setting("polynomial", 100.0),
        control_statement="The same for a loss with a polynomial tail.",
        tolerance_reason=(
            "At log t = 10⁵ the direction error is about 10⁻⁵, so that three boundaries are off by "
            "less than 10⁻⁴ of the circle; the circle is cut into 360,000 directions."
        ),
        draw=draw,
    ),
)
