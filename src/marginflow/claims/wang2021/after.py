"""What Adam is once its ε has taken over: gradient flow, and so headed for the Frobenius margin.

Its steps are those of gradient descent with learning rate lr/ε on gradients of size ε and below, as
good as gradient flow.  From Adam's weights the flow goes on in log time to where the limit is seen.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.adam_runs import adam_runs, rate_of
from marginflow.claims.checks import at_least, at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.descents import best_of, problem, shares
from marginflow.claims.wang2021.source import SOURCE
from marginflow.dynamics import gradient_flow
from marginflow.losses import CrossEntropy

PROBLEM, B2, SHARE, STEPS = "clusters", 0.99, 8.0, 40_000
FAR = 1e5


@dataclass(frozen=True)
class Setting:
    """Adam with an ε.

    Attributes:
        eps: of the flow's learning rate, lr/ε.
        adam_eps: of Adam's run.
    """

    eps: float = 1e-8
    adam_eps: float = 1e-8


def experiment(setting: Setting) -> Evidence:
    """Adam's last weights against the flow's, and where the flow goes from there."""
    rate = rate_of(SHARE, PROBLEM, B2)
    lanes = (0.0, setting.eps)
    runs = adam_runs(PROBLEM, (rate, rate), lanes, B2, STEPS)
    lane = lanes.index(setting.adam_eps)
    weights, begun = runs.weights[lane], len(runs.steps) // 4
    flow_time = rate / setting.eps * float(runs.steps[-1] - runs.steps[begun])
    limit, loss = best_of(PROBLEM), CrossEntropy()
    near = gradient_flow(
        problem(PROBLEM), loss, initial=weights[begun], record=[math.log(flow_time)], limit=limit
    )
    moved = np.linalg.norm(weights[-1] - weights[begun])
    times = np.geomspace(10.0, FAR, 41)
    far = gradient_flow(problem(PROBLEM), loss, initial=weights[-1], record=times, limit=limit)
    path = far.observables["normalized_margin"] / limit.margin
    took = runs.takeover[lane]
    checks = (
        at_least("step at which ε took over", took, 1),
        at_most(
            "‖W − W_flow‖ over how far W moved",
            np.linalg.norm(near.weights - weights[-1]) / moved,
            0.0,
            1e-2,
        ),
        at_least("Frobenius margin over the best at log t = 10⁵", path[-1], 0.999),
        at_most(
            "max-norm margin over the best there", float(shares(PROBLEM, far.weights, "max")), 0.9
        ),
    )
    return Evidence(
        checks,
        {
            "steps": runs.steps,
            "max": shares(PROBLEM, weights, "max"),
            "frobenius": shares(PROBLEM, weights, "frobenius"),
            "log_time": times,
            "path": path,
            "takeover": took,
        },
    )


def draw(evidence: Evidence, ax: Any) -> Any:
    """Both margins along Adam's steps."""
    data = evidence.data
    for norm in ("max", "frobenius"):
        ax.semilogx(data["steps"], data[norm], label=f"{norm} margin/best")
    ax.axvline(data["takeover"], ls=":", color="gray", label="ε takes over")
    ax.set(xlabel="steps of Adam", ylabel="margin/best margin", title="Adam's two phases")
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="wang2021/after-handover",
        source=SOURCE,
        section="main theorem: with ε > 0 Adam maximizes the L2 margin; the flow is derived",
        statement=(
            "Once ε has taken over Adam is gradient flow with learning rate lr/ε, and is headed "
            "for the Frobenius margin, off that of the max-norm."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        control=Setting(adam_eps=0.0),
        control_statement="Adam without ε is the flow of a run with ε.",
        tolerance_reason=(
            "From 2.5 times the handover on √v̂ is a thousandth of ε and less, and the averaging "
            "over ten steps is nothing against the time scale of the flow: 1e-2 leaves a factor of "
            "ten. At log t = 10⁵ the Frobenius gap is about 1e-5, and the Frobenius optimum has a "
            "max-norm margin of .82."
        ),
        draw=draw,
    ),
)
