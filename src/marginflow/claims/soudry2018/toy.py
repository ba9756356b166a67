"""The toy of figure 1, and why its direction error falls faster than the theorem promises.

The theorem bounds the direction error by O(1/log t), with the constant ‖P_⊥ρ‖/‖Ŵ‖.  The support of
the toy is symmetric, so ρ settles along Ŵ itself and that constant is zero: the error then falls as
t^(−λ), exponentially in log t, with λ the smallest eigenvalue of Σ α x xᵀ over the support.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.soudry2018.source import SOURCE
from marginflow.data import Dataset, soudry_toy
from marginflow.dynamics import fast_forward
from marginflow.limits import max_margin
from marginflow.losses import CrossEntropy
from marginflow.theory import asymptote

# log t where the slope is measured: late enough for one exponential to be left, early enough for
# the error to be far above rounding.
FIRST, LAST = 40.0, 60.0
END = 120.0


@dataclass(frozen=True)
class Setting:
    """Which data, with which momenta.

    Attributes:
        symmetric: the toy itself, or the toy with one support vector moved along the margin, which
            leaves Ŵ as it is and takes the symmetry away.
        momenta: of heavy ball; each is a run of its own.
    """

    symmetric: bool = True
    momenta: tuple[float, ...] = (0.0, 0.9)


def data_of(setting: Setting) -> Dataset:
    """The toy, or its unsymmetric variant."""
    toy = soudry_toy()
    if setting.symmetric:
        return toy
    features = np.array(toy.features)
    first = int(np.flatnonzero((features == [0.5, 1.5]).all(axis=1))[0])
    features[first] = [1.25, 0.75]
    return Dataset(features, toy.classes[toy.labels], name="moved toy")


def experiment(setting: Setting) -> Evidence:
    """Direction, margin, and the rate of the direction error, at η = 1/σ_max(X)."""
    data, loss = data_of(setting), CrossEntropy()
    limit = max_margin(data)
    rate = 1.0 / float(np.linalg.norm(data.features, 2))
    times = np.concatenate([np.linspace(FIRST, LAST, 31), [END]])
    checks, curves = [], {}
    for momentum in setting.momenta:
        run = fast_forward(
            data,
            loss,
            learning_rate=rate,
            momentum=momentum,
            log_steps=END,
            record=times,
            rtol=1e-10,
            limit=limit,
        )
        line = asymptote(data, loss, learning_rate=rate, momentum=momentum, limit=limit)
        error = run.observables["direction_error"]
        name = "GD" if momentum == 0 else f"momentum {momentum:g}"
        unit = run.weights / np.linalg.norm(run.weights)
        aligned = float(np.linalg.norm(unit - np.sqrt([0.5, 0.5])))
        checks.append(Check(f"distance to (1,1)/√2, {name}", aligned, 0.0, 1e-10))
        margin = float(run.observables["normalized_margin"][-1])
        checks.append(Check(f"margin over √2, {name}", margin / np.sqrt(2), 1.0, 1e-10))
        # ‖W‖ is a multiple of log t, which is taken out
        settled = np.log(np.maximum(error[:-1] * times[:-1], 1e-300))
        slope = float(np.polyfit(times[:-1], settled, 1)[0])
        decay = f"slope of log(error · log t) against log t over −λ, {name}"
        checks.append(Check(decay, slope / -line.relaxation, 1.0, 0.01))
        curves[name] = error
    return Evidence(tuple(checks), {"log_time": times, "curves": curves})


def draw(evidence: Evidence, ax: Any) -> Any:
    """The direction errors against log t, on a logarithmic axis: straight lines."""
    for name, error in evidence.data["curves"].items():
        ax.semilogy(evidence.data["log_time"][:-1], error[:-1], label=name)
    ax.set(xlabel="log t", ylabel="direction error", title="Exponential in log t on the toy")
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="soudry2018/toy",
        source=SOURCE,
        section="figure 1",
        statement=(
            "On the toy of figure 1 gradient descent, with and without momentum 0.9, turns to "
            "(1, 1) and its margin to √2; the toy is symmetric, so the error vanishes faster than "
            "1/log t, as t^(−λ)."
        ),
        proved=True,
        experiment=experiment,
        setting=Setting(),
        control=Setting(symmetric=False),
        control_statement="One support vector is moved along the margin: the symmetry is gone.",
        tolerance_reason=(
            "At log t = 120 the error is e^(−30) of its start. From log t = 40 on the other modes, "
            "which fade as t^(−1/2) and faster, are e^(−10) of the slowest."
        ),
        draw=draw,
    ),
)
