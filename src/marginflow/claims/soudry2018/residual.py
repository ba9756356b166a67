"""The residual on the support: η e^(−u_n(ρ)) tends to the dual weight α_n."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.soudry2018.source import SOURCE
from marginflow.data import linear_teacher
from marginflow.dynamics import fast_forward, step_bound
from marginflow.limits import max_margin
from marginflow.losses import CrossEntropy
from marginflow.margins import BinaryMargins
from marginflow.theory import asymptote


@dataclass(frozen=True)
class Setting:
    """Seeds of binary linear teachers, the learning rate over the bound, and a momentum."""

    seeds: tuple[int, ...] = (0, 1, 2)
    share: float = 0.5
    momentum: float = 0.0


def experiment(setting: Setting) -> Evidence:
    """The largest |η e^(−u(ρ))/α − 1| over the support, where the asymptote holds to rounding."""
    checks, ratios = [], {}
    for seed in setting.seeds:
        data = linear_teacher(seed, n_samples=30, n_features=5, n_classes=2)
        limit, bound = max_margin(data), step_bound(data, CrossEntropy())
        assert bound is not None
        rate = setting.share * bound.value
        line = asymptote(data, CrossEntropy(), learning_rate=rate, limit=limit)
        run = fast_forward(
            data,
            CrossEntropy(),
            learning_rate=rate,
            momentum=setting.momentum,
            log_steps=max(line.valid_from, 100.0),
            limit=limit,
        )
        margins = BinaryMargins(data).margins(run.residual)[line.support[:, 0], 0]
        ratio = rate * np.exp(-margins) / line.dual
        worst = float(np.max(np.abs(ratio - 1)))
        checks.append(Check(f"max |η exp(−u(ρ))/α − 1|, seed {seed}", worst, 0.0, 1e-7))
        ratios[f"seed {seed}"] = ratio
    return Evidence(tuple(checks), {"ratios": ratios})


def draw(evidence: Evidence, ax: Any) -> Any:
    """η e^(−u(ρ)) over α for each support vector."""
    for name, ratio in evidence.data["ratios"].items():
        ax.plot(np.abs(ratio - 1), "o", label=name)
    ax.set_yscale("symlog", linthresh=1e-16)
    ax.set(xlabel="support vector", ylabel="|η exp(−u(ρ))/α − 1|", title="The residual's law")
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="soudry2018/residual",
        source=SOURCE,
        section="the refined theorem on the residual",
        statement=(
            "For almost all data the residual settles where η exp(−y_n x_nᵀρ) = α_n on every "
            "support vector."
        ),
        proved=True,
        experiment=experiment,
        setting=Setting(),
        full=Setting(seeds=tuple(range(10))),
        control=Setting(seeds=(0,), momentum=0.9),
        control_statement="Heavy ball with momentum 0.9, held against η instead of η/(1 − β).",
        tolerance_reason=(
            "Judged at log t = 40/min(1, δ, λ), where e^(−40) of the way is left; the integrator's "
            "tolerance is 1e-11, and the support contracts its errors."
        ),
        draw=draw,
    ),
)
