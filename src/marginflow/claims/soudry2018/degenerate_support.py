"""A support vector without dual weight: the residual grows as log log t.

Two points of one class, (1, 0) and (1, 1), have Ŵ = (1, 0): both are at margin 1, and the second
has dual weight 0.  With the exponential loss its margin above log t obeys du/ds = e^(−u) once the
first has settled, hence u(ρ) = log s + o(1) with s = log t.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.soudry2018.source import SOURCE
from marginflow.data import Dataset
from marginflow.dynamics import gradient_flow
from marginflow.losses import MulticlassExponential
from marginflow.margins import BinaryMargins


@dataclass(frozen=True)
class Setting:
    """Where the second point lies; the first is (1, 0), a far one is the other class."""

    second: tuple[float, float] = (1.0, 1.0)
    last: float = 1e6


def experiment(setting: Setting) -> Evidence:
    """The slope of the second point's u(ρ) against log log t over the last two decades of log t."""
    data = Dataset([[1.0, 0.0], setting.second, [-3.0, 0.0]], [1, 1, -1])
    times = np.geomspace(setting.last / 100, setting.last, 21)
    flow = gradient_flow(data, MulticlassExponential(), record=times, rtol=1e-9)
    maps = BinaryMargins(data)
    margins = np.array([maps.margins(residual)[1, 0] for residual in flow.recorded_residuals])
    slope = float((margins[-1] - margins[0]) / np.log(100.0))
    checks = (
        Check("slope of u(ρ) against log log t", slope, 1.0, 2e-3),
        Check("u(ρ) − log log t at the end", float(margins[-1] - np.log(times[-1])), 0.0, 1e-2),
    )
    return Evidence(checks, {"log_time": times, "margins": margins})


def draw(evidence: Evidence, ax: Any) -> Any:
    """The residual's margin on the point without dual weight, against log t."""
    times = evidence.data["log_time"]
    ax.semilogx(times, evidence.data["margins"], label="u(ρ) on the point with α = 0")
    ax.semilogx(times, np.log(times), ls="--", label="log log t")
    ax.set(xlabel="log t", title="A degenerate support")
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="soudry2018/degenerate-support",
        source=SOURCE,
        section="the case of measure zero: ‖ρ‖ = O(log log t)",
        statement=(
            "Where a support vector has no dual weight, the residual grows as log log t: on it "
            "u(ρ) − log log t tends to 0 for the points (1, 0) and (1, 1)."
        ),
        proved=True,
        experiment=experiment,
        setting=Setting(),
        control=Setting(second=(0.5, 1.0)),
        control_statement="Both points have dual weight: the residual stays bounded.",
        tolerance_reason=(
            "u(ρ) = log(s + C) with C = O(log s), so the slope deviates by C/s, about 15/1e4 at "
            "the start of the range."
        ),
        draw=draw,
    ),
)
