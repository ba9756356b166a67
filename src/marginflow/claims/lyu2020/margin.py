"""Once the loss is below 1 the smoothed normalized margin rises, and the normalized one with it.

log(1/L)/‖θ‖^L does not fall under gradient flow.  Steps of gradient descent keep that where the
network is smooth; where rectified units make corners a step may lose a little by crossing them,
the less the shorter it is.
"""

from typing import Any

import numpy as np

from marginflow.claims.checks import at_least, at_most
from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.lyu2020.network_runs import Setting, network_run
from marginflow.claims.lyu2020.source import SOURCE


def experiment(setting: Setting) -> Evidence:
    """What the smoothed margin lost on its way, and what the normalized margin gained."""
    checks: list[Check] = []
    pictures = {}
    for name in setting.networks:
        found = network_run(name, setting.method, setting.steps, setting.short)
        separated = found.log_risk < 0
        smoothed, margins = found.smoothed_margin[separated], _margins(found)[separated]
        checks.append(at_least(f"{name}: records with L < 1", len(smoothed), 50))
        if not len(smoothed):
            continue
        lost = float(-np.minimum(np.diff(smoothed), 0.0).sum() / smoothed.max())
        checks += [
            at_most(f"{name}: all falls of the smoothed margin, over its largest", lost, 0.0, 1e-3),
            at_least(f"{name}: normalized margin, last over first", margins[-1] / margins[0], 1.5),
        ]
        pictures[name] = {
            "log_risk": found.log_risk[separated],
            "smoothed": smoothed,
            "normalized": margins,
        }
    return Evidence(tuple(checks), pictures)


def _margins(found: Any) -> np.ndarray:
    return found.run.observables["normalized_margin"]


def draw(evidence: Evidence, ax: Any) -> Any:
    """Both margins over the last normalized margin, as the loss falls."""
    for index, (name, data) in enumerate(evidence.data.items()):
        depth = -np.asarray(data["log_risk"]) / np.log(10.0)
        for kind, dash in (("normalized", "-"), ("smoothed", "--")):
            share = np.asarray(data[kind]) / data["normalized"][-1]
            ax.plot(depth, share, dash, color=f"C{index}", label=f"{name}: {kind}")
    ax.set(
        xscale="log",
        xlabel="−log₁₀ of the loss",
        ylabel="margin/last normalized margin",
        title="Margins of homogeneous networks",
    )
    ax.legend(fontsize="small")
    return ax


CLAIMS = (
    Claim(
        id="lyu2020/margin-rises",
        source=SOURCE,
        section="main theorem, the smoothed normalized margin under gradient flow; in short steps",
        statement=(
            "Once the loss of a homogeneous network is below 1 its smoothed normalized margin does "
            "not fall, and its normalized margin grows, with two layers and with three."
        ),
        proved=True,
        experiment=experiment,
        setting=Setting(),
        full=Setting(
            ("clusters, three layers", "all digits, two layers"), steps=20_000, short=0.02
        ),
        control=Setting(("clusters, three layers",), method="sign"),
        control_statement="It is so of sign descent, which does not follow the gradient flow.",
        tolerance_reason=(
            "The theorem is of the flow. A step takes a tenth of an e-fold of the loss, in full a "
            "fiftieth, and may lose as much as it gains where it crosses a corner; of a thousand "
            "steps a thousandth of the margin is what a few of them gain. A margin that is half as "
            "large again has grown."
        ),
        draw=draw,
    ),
)
