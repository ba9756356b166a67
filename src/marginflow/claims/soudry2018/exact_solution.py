"""The case that can be solved by hand: one direction, the exponential loss, gradient flow.

With the point x = (1, 0), dw₁/dt = e^(−w₁) gives w₁(t) = log(t + e^(w₁(0))), and w₂ never moves.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.soudry2018.source import SOURCE
from marginflow.data import Dataset
from marginflow.dynamics import gradient_flow
from marginflow.losses import get_loss


@dataclass(frozen=True)
class Setting:
    """The loss, and the starts."""

    loss: str = "multiclass-exponential"
    starts: tuple[tuple[float, float], ...] = ((0.0, 0.0), (-3.0, 0.7), (5.0, -2.0))


def experiment(setting: Setting) -> Evidence:
    """The largest distance from the solution over log t from −5 to 10⁶.

    A mirrored point stands for the other class; the mean over both is the loss of one.
    """
    data = Dataset([[1.0, 0.0], [-1.0, 0.0]], [1, -1])
    times = np.concatenate([np.linspace(-5.0, 50.0, 56), np.geomspace(100.0, 1e6, 9)])
    checks, errors = [], {}
    for start in setting.starts:
        flow = gradient_flow(
            data, get_loss(setting.loss), record=times, initial=start, reduction="mean", rtol=1e-10
        )
        exact = np.logaddexp(times, start[0])
        error = np.abs(flow.recorded_weights[:, 0] - exact) / np.maximum(np.abs(exact), 1.0)
        frozen = float(np.abs(flow.recorded_weights[:, 1] - start[1]).max())
        name = f"start ({start[0]:g}, {start[1]:g})"
        checks.append(Check(f"largest error of w₁, {name}", float(error.max()), 0.0, 1e-7))
        checks.append(Check(f"largest motion of w₂, {name}", frozen, 0.0, 1e-12))
        errors[name] = error
    return Evidence(tuple(checks), {"log_time": times, "errors": errors})


def draw(evidence: Evidence, ax: Any) -> Any:
    """The errors of w₁ against log t."""
    for name, error in evidence.data["errors"].items():
        ax.plot(evidence.data["log_time"], np.maximum(error, 1e-17), label=name)
    ax.set_xscale("symlog", linthresh=1.0)
    ax.set_yscale("log")
    ax.set(xlabel="log t", ylabel="error of w₁", title="Against the exact solution")
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="soudry2018/exact-solution",
        source=SOURCE,
        section="the example that can be solved exactly",
        statement=(
            "For the point (1, 0) and the exponential loss, gradient flow has "
            "w₁(t) = log(t + e^(w₁(0))), and w₂ stays where it started."
        ),
        proved=True,
        experiment=experiment,
        setting=Setting(),
        control=Setting(loss="cross-entropy", starts=((0.0, 0.0),)),
        control_statement="The loss is the cross-entropy, which pulls less at small margins.",
        tolerance_reason="A thousand times the integrator's relative tolerance of 1e-10.",
        draw=draw,
    ),
)
