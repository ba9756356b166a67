"""Support vectors without dual weight: the residual grows as log log t, and theory says whither.

Let C be the support vectors that carry dual weight and Z those at margin 1 that do not.  Far out,
with s = log t, the carrying ones have settled, and off their span the residual obeys

    d(Pρ)/ds = Σ_{z ∈ Z} b_z e^(−u_z(ρ)),   b_z = P x_z y_z.

This is gradient flow once more, on the vectors b_z, with s for its time.  Hence it obeys the
theorem once more: ρ = ǔ log s + O(1) with ǔ the max-margin vector of the b_z, and u_z(ρ) grows as
log s = log log t on those z that support it.  With a single z, u_z(ρ) = log s + log ‖b_z‖² + o(1).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.soudry2018.source import SOURCE
from marginflow.data import Dataset
from marginflow.dynamics import Flow, gradient_flow
from marginflow.limits import max_margin
from marginflow.losses import MulticlassExponential
from marginflow.margins import BinaryMargins

LAST = 1e6


@dataclass(frozen=True)
class Setting:
    """Two carrying vectors e₁ and e₂, which make Ŵ = (1, 1, 0, ...), and others.

    Attributes:
        others: each (½ m, ½ m, b), at margin m of Ŵ; b stands beside the span of the first two.
        margin: m.  At 1 the others are support vectors without dual weight.
    """

    others: tuple[tuple[float, ...], ...] = ((0.5,),)
    margin: float = 1.0


def data_of(setting: Setting) -> Dataset:
    """The vectors y_n x_n as samples, of alternating labels."""
    beside = np.array(setting.others)
    carrying = np.eye(2, 2 + beside.shape[1])
    rows = np.vstack([carrying, np.hstack([np.full((len(beside), 2), setting.margin / 2), beside])])
    signs = np.where(np.arange(len(rows)) % 2 == 0, 1, -1)
    return Dataset(rows * signs[:, None], signs, name="degenerate support")


def growth(setting: Setting) -> Evidence:
    """The growth of u(ρ) on the vector without dual weight, over two decades of log t."""
    times = np.geomspace(10.0, LAST, 51)
    flow, margins = _follow(setting, times)
    margins = margins[:, 2]
    square = float(np.sum(np.square(setting.others[0])))
    decades = times >= LAST / 100
    slope = np.polyfit(np.log(times[decades]), margins[decades], 1)[0]
    norms = np.linalg.norm(flow.recorded_residuals, axis=1)
    checks = (
        Check("slope of u(ρ) against log log t", float(slope), 1.0, 2e-3),
        Check(
            "u(ρ) − log log t at the end",
            float(margins[-1] - np.log(LAST)),
            float(np.log(square)),
            1e-3,
        ),
        Check(
            "slope of ‖ρ‖ against log log t, over 1/‖b‖",
            float((norms[-1] - norms[-2]) / np.log(times[-1] / times[-2]) * np.sqrt(square)),
            1.0,
            2e-3,
        ),
    )
    return Evidence(checks, {"log_time": times, "margins": margins, "offset": np.log(square)})


def direction(setting: Setting) -> Evidence:
    """The growth of ρ for each e-fold of log t, against the max-margin vector of the b_z."""
    times = np.array([LAST / 10, LAST])
    flow, margins = _follow(setting, times)
    beside = np.array(setting.others)
    mirrored = Dataset(np.vstack([beside, -beside]), np.repeat([1, -1], len(beside)))
    second = max_margin(mirrored)
    grown = (flow.recorded_residuals[1] - flow.recorded_residuals[0]) / np.log(10.0)
    supports = np.unique(second.support[:, 0] % len(beside))
    slopes = (margins[1] - margins[0])[2:] / np.log(10.0)
    error = np.linalg.norm(grown[2:] - second.weights) / np.linalg.norm(second.weights)
    checks = (
        Check("‖growth of ρ − ǔ‖/‖ǔ‖", float(error), 0.0, 1e-3, "at_most"),
        Check("growth of ρ along e₁ and e₂", float(np.abs(grown[:2]).max()), 0.0, 1e-3),
        Check(
            "largest |growth of u(ρ) − 1| on what supports ǔ",
            float(np.abs(slopes[supports] - 1).max()),
            0.0,
            1e-3,
            "at_most",
        ),
    )
    return Evidence(checks, {"growth": grown, "predicted": second.weights})


def _follow(setting: Setting, times: np.ndarray) -> tuple[Flow, np.ndarray]:
    data = data_of(setting)
    flow = gradient_flow(data, MulticlassExponential(), record=times, rtol=1e-9)
    maps = BinaryMargins(data)
    margins = np.array([maps.margins(residual)[:, 0] for residual in flow.recorded_residuals])
    return flow, margins


def draw_growth(evidence: Evidence, ax: Any) -> Any:
    """The residual's margin on the vector without dual weight, against log t."""
    times = evidence.data["log_time"]
    ax.semilogx(times, evidence.data["margins"], label="u(ρ) on the vector with α = 0")
    ax.semilogx(
        times, np.log(times) + evidence.data["offset"], ls="--", label="log log t + log‖b‖²"
    )
    ax.set(xlabel="log t", title="A degenerate support")
    ax.legend()
    return ax


# in general position, with max-margin vector (1.128, 1.043, 0.681) of which the first three support
_SEVERAL = Setting(
    others=((-0.25, 0.25, 1.5), (1.5, -0.5, -0.25), (-0.5, 1.5, 0.0), (2.0, 2.0, 2.0))
)
_REASON = (
    "Off the span ρ settles in its own log time, log s, as e^(−min(1, δ, λ) log s), here as 1/s, "
    "and the carrying vectors follow the others' pull, which is 1/s: below {figure}. The "
    "integrator's tolerance is 1e-9 of the residual."
)

CLAIMS = (
    Claim(
        id="soudry2018/degenerate-support",
        source=SOURCE,
        section="the case of measure zero: ‖ρ‖ = O(log log t); the constants are derived",
        statement=(
            "Where a support vector has no dual weight, ‖ρ‖ grows as log log t: on that vector "
            "u(ρ) − log log t tends to log ‖b‖², with b its part beside the span of the others."
        ),
        proved=True,
        experiment=growth,
        setting=Setting(),
        control=Setting(margin=1.25),
        control_statement="The third vector is at margin 1.25, no support vector: ρ converges.",
        tolerance_reason=_REASON.format(figure="1e-3 from log t = 1e4 on"),
        draw=draw_growth,
    ),
    Claim(
        id="soudry2018/degenerate-direction",
        source=SOURCE,
        section=(
            "derived; the paper's appendix on degenerate data writes the weights as a sum of "
            "iterated logarithms (wording from memory)"
        ),
        statement=(
            "With several such vectors ρ/log log t tends to the max-margin vector of their parts "
            "beside the span of the others: the theorem holds again, one logarithm up."
        ),
        proved=False,
        experiment=direction,
        setting=_SEVERAL,
        control=replace(_SEVERAL, margin=1.25),
        control_statement="The vectors are at margin 1.25, no support vectors: ρ converges.",
        tolerance_reason=_REASON.format(figure="1e-4 from log t = 1e5 on"),
    ),
)
