"""The direction tends to KKT points of: minimize ½‖θ‖² subject to every relative margin ≥ 1.

The residual is recomputed from the data and the weights by `certify_kkt`, with the multipliers that
make it least.  The theorem's bound on it falls as 1/log(1/L).
"""

from typing import Any

import numpy as np

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.lyu2020.network_runs import NetworkRun, Setting, network_run
from marginflow.claims.lyu2020.source import SOURCE
from marginflow.limits import certify_kkt

DEPTHS = (5.0, 20.0)  # −log L at which the residual is looked at, besides the end


def experiment(setting: Setting) -> Evidence:
    """The residual where the loss is e^−5 and e^−20, and at the end."""
    checks: list[Check] = []
    pictures = {}
    for name in setting.networks:
        found = network_run(name, setting.method, setting.steps, setting.short)
        records = [*(_first(found, depth) for depth in DEPTHS), len(found.log_risk) - 1]
        residuals = [_residual(found, record) for record in records]
        checks += [
            at_most(f"{name}: residual at the end", residuals[-1], 0.0, 0.1),
            at_most(
                f"{name}: residual at the end over that at e^−5", residuals[-1] / residuals[0], 0.5
            ),
            at_most(
                f"{name}: residual at e^−20 over that at e^−5", residuals[1] / residuals[0], 0.8
            ),
        ]
        pictures[name] = {"depth": -found.log_risk[records], "residual": np.array(residuals)}
    return Evidence(tuple(checks), pictures)


def _first(found: NetworkRun, depth: float) -> int:
    """The first record with a loss of e^−depth or below; the last one if there is none."""
    below = np.flatnonzero(found.log_risk <= -depth)
    return int(below[0]) if len(below) else len(found.log_risk) - 1


def _residual(found: NetworkRun, record: int) -> float:
    flat = found.run.observables["weights"][record]
    return certify_kkt(found.network, found.network.layers(flat)).residual


def draw(evidence: Evidence, ax: Any) -> Any:
    """The residual against the depth of the loss."""
    for name, data in evidence.data.items():
        ax.loglog(data["depth"], data["residual"], "o-", label=name)
    ax.set(xlabel="log(1/L)", ylabel="KKT residual", title="Stationarity of the margin problem")
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="lyu2020/kkt",
        source=SOURCE,
        section="theorem on KKT points of the margin problem",
        statement=(
            "The direction of a homogeneous network in training tends to KKT points of the margin "
            "problem: the residual falls with the loss."
        ),
        proved=True,
        experiment=experiment,
        setting=Setting(),
        full=Setting(("clusters, three layers", "all digits, two layers"), steps=20_000),
        control=Setting(("clusters, three layers",), method="sign"),
        control_statement="Sign descent tends to KKT points of the same problem.",
        tolerance_reason=(
            "The theorem has no constant; a residual of .1 is a stationarity of .3. Its bound of "
            "order 1/log(1/L) falls fourfold from e^−5 to e^−20, and fifteenfold to the end, of "
            "which four fifths and a half are asked for."
        ),
        draw=draw,
    ),
)
