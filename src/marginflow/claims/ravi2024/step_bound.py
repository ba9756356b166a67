"""The step-size bound: below it the risk falls at every step; beyond it, less is lost than feared.

The theorem asks for η < 2/(β σ_max(X)²), β the smoothness of the loss in the *scores*: ½ for
cross-entropy, K/4 for PairLogLoss.  The template of PairLogLoss has smoothness ¼ in its margins,
whatever K is; taken for β it makes the bound K times as large, and the risk rises.

The bound is sufficient.  Where the losses fade their curvature does too, and gradient descent
beyond the bound oscillates until it is small enough; then everything is as the theorem says.

The multiclass exponential loss has no global β.  On the level set of the start, η < 1/(max‖x_i‖²
L(W₀)) keeps the risk falling; the authors' start has so large a risk that their learning rate is
thousands of times beyond it.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.checks import at_least, at_most, close
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.ravi2024.paths import (
    REAL,
    SEEDS,
    Path,
    asymptote_of,
    follow,
    learning_rate_of,
    paths,
    residual_margins,
    step_bound_of,
)
from marginflow.claims.ravi2024.problems import problem, start_of
from marginflow.claims.ravi2024.residual import REASON, TOLERANCE
from marginflow.claims.ravi2024.source import DERIVED, EXPERIMENTS, SOURCE, THEOREM
from marginflow.dynamics import Trajectory, every, gradient_descent

ROUNDING = 1e-13
STEPS = 2000
AUTHORS_RATE = 0.1
CROWDED = ("cross-entropy", "pair-log-loss")


@dataclass(frozen=True)
class Setting:
    """Which paths, each with its multiple of the bound.

    Attributes:
        paths: to follow.
        steps: how many steps are made one by one.
    """

    paths: tuple[Path, ...]
    steps: int = STEPS


@dataclass(frozen=True)
class OverflowSetting:
    """The multiclass exponential loss from the authors' starts, on the mean risk.

    Attributes:
        seeds: of the teacher and of the start.
        rate: the learning rate on the mean over the samples; None for half of the level-set bound.
        within: by which step the overflow should have come.
        beyond: the least multiple of the level-set bound that the learning rate should be.
    """

    seeds: tuple[int, ...] = tuple(range(10))
    rate: float | None = AUTHORS_RATE
    within: int = 3
    beyond: float = 10.0


def falls(setting: Setting) -> Evidence:
    """The largest relative rise of the risk in a step."""
    checks, curves = [], {}
    for path in setting.paths:
        risk = _steps(path, setting.steps).observables["risk"]
        rise = float(np.max(np.diff(risk) / risk[:-1]))
        name = f"largest relative rise of the risk in a step: {path.name}"
        checks.append(at_most(name, rise, 0.0, ROUNDING))
        curves[path.name] = risk
    return Evidence(tuple(checks), {"risk": curves})


def beyond(setting: Setting) -> Evidence:
    """Whether runs beyond the bound stay finite, rise, and end in the law's residual after all."""
    checks, curves = [], {}
    for path in setting.paths:
        run = _steps(path, setting.steps)
        risk = run.observables["risk"]
        finite = run.status != "diverged"
        checks.append(
            close(f"risk stays finite (1 yes, 0 no): {path.name}", float(finite), 1.0, 0.0)
        )
        rises = int(np.sum(np.diff(risk) > ROUNDING * risk[:-1]))
        curves[path.name] = risk
        if path.problem == "crowded" and path.step is not None and path.step >= 5:
            name = f"steps at which the risk rose: {path.name}"
            checks.append(at_least(name, rises, 1))
        if finite:
            distance = np.abs(residual_margins(path)[-1] - asymptote_of(path).support_margins)
            name = f"max |u(ρ) − law|: {path.name}, log t = {follow(path).log_time[-1]:g}"
            checks.append(at_most(name, distance.max(), 0.0, TOLERANCE))
    return Evidence(tuple(checks), {"risk": curves})


def overflows(setting: OverflowSetting) -> Evidence:
    """By which step gradient descent overflows, and how far beyond the bound it is."""
    checks, multiples = [], []
    for seed in setting.seeds:
        name = f"seed {seed}"
        start = start_of(name, "authors")
        bound = step_bound_of(name, "multiclass-exponential", start)
        mean_bound = bound * problem(name).n_samples
        rate = 0.5 * mean_bound if setting.rate is None else setting.rate
        run = gradient_descent(
            problem(name),
            "multiclass-exponential",
            learning_rate=rate,
            steps=10 * setting.within,
            initial=start,
            reduction="mean",
            record=every(1),
            throw=False,
        )
        steps = 10 * setting.within + 1  # none seen
        if run.status == "diverged" and run.steps is not None:
            steps = int(run.steps[-1]) + 1
        checks += [
            at_most(f"step of the overflow: {name}", steps, setting.within),
            at_least(f"learning rate / level-set bound: {name}", rate / mean_bound, setting.beyond),
        ]
        multiples.append(rate / mean_bound)
    return Evidence(tuple(checks), {"learning rate over bound": np.array(multiples)})


@cache
def _steps(path: Path, steps: int) -> Trajectory:
    rate = learning_rate_of(path)
    assert rate is not None
    return gradient_descent(
        problem(path.problem),
        path.loss,
        learning_rate=rate,
        steps=steps,
        initial=start_of(path.problem, path.start),
        momentum=path.momentum,
        record=every(1),
        throw=False,
    )


def draw_risk(evidence: Evidence, ax: Any) -> Any:
    """The risk at every step."""
    for name, risk in evidence.data["risk"].items():
        ax.loglog(np.arange(1, len(risk) + 1), risk, label=name)
    ax.set(xlabel="step + 1", ylabel="risk")
    ax.legend(fontsize=7)
    return ax


_TILTED = {"start": "tilted", "log_time": 300.0}

CLAIMS = (
    Claim(
        id="ravi2024/step-bound",
        source=SOURCE,
        section=THEOREM + ", its step-size condition",
        statement=(
            "Below η = 2/(β σ_max(X)²), β the smoothness in the scores, the risk falls at every "
            "step: at .99 of it, for cross-entropy and PairLogLoss."
        ),
        proved=True,
        experiment=falls,
        setting=Setting(
            (
                *paths(("crowded",), CROWDED, step=0.99, **_TILTED),
                *paths(("seed 0", "wine"), CROWDED, step=0.99),
                *paths(("seed 0",), CROWDED, step=0.99, start="authors"),
            )
        ),
        full=Setting(
            (
                *paths(("crowded",), CROWDED, step=0.99, **_TILTED),
                *paths(SEEDS, CROWDED, step=0.99),
                *paths(REAL, CROWDED, step=0.99),
            ),
            steps=20_000,
        ),
        control=Setting(paths(("crowded",), ("pair-log-loss",), step=0.99 * 3, **_TILTED)),
        control_statement=(
            "The same at .99 of the bound with β the smoothness of PairLogLoss's template in its "
            "margins, ¼: K times as large."
        ),
        tolerance_reason="The risk falls by more than its rounding at each of these steps; 1e-13.",
        draw=draw_risk,
    ),
    Claim(
        id="ravi2024/beyond-the-step-bound",
        source=SOURCE,
        section=THEOREM + ", its step-size condition; what lies beyond it is not in the paper",
        statement=(
            "The step bound is sufficient, not necessary: at 1, 5 and 50 times it cross-entropy "
            "and PairLogLoss end in Ŵ log t + ρ with the law's residual, though the risk may rise "
            "on the way, as it does at 5 and 50 times it where the classes crowd."
        ),
        proved=False,
        experiment=beyond,
        setting=Setting(
            tuple(
                path
                for step in (1.0, 5.0, 50.0)
                for path in paths(("crowded",), CROWDED, step=step, **_TILTED)
            )
        ),
        full=Setting(
            tuple(
                path
                for step in (1.0, 5.0, 50.0)
                for path in (
                    *paths(("crowded",), CROWDED, step=step, **_TILTED),
                    *paths(("seed 3", "wine"), CROWDED, step=step),
                )
            )
        ),
        control=Setting(
            paths(("seed 2",), ("multiclass-exponential",), step=200.0, start="authors")
        ),
        control_statement=(
            "The same for the multiclass exponential loss, at 200 times its level-set bound."
        ),
        tolerance_reason=REASON,
        draw=draw_risk,
    ),
    Claim(
        id="ravi2024/level-set-bound",
        source=SOURCE,
        section=DERIVED.replace("constant", "bound"),
        statement=(
            "The multiclass exponential loss has no global smoothness; below 1/(max‖x_i‖² L(W₀)) "
            "its risk falls at every step."
        ),
        proved=False,
        experiment=falls,
        setting=Setting(
            (
                *paths(("seed 0", "wine"), ("multiclass-exponential",), step=0.99),
                *paths(
                    ("seed 0", "seed 8"), ("multiclass-exponential",), step=0.99, start="authors"
                ),
            )
        ),
        control=Setting(
            paths(("seed 2",), ("multiclass-exponential",), step=200.0, start="authors")
        ),
        control_statement="The same at 200 times the bound.",
        tolerance_reason="The risk falls by more than its rounding at each of these steps; 1e-13.",
        draw=draw_risk,
    ),
    Claim(
        id="ravi2024/exponential-overflow",
        source=SOURCE,
        section=EXPERIMENTS + "; the bound is derived",
        statement=(
            "From the authors' ten starts a learning rate of .1 on the mean multiclass exponential "
            "risk is tens to a hundred thousand times the level-set bound, and gradient descent "
            "overflows by the third step."
        ),
        proved=False,
        experiment=overflows,
        setting=OverflowSetting(),
        control=OverflowSetting(rate=None),
        control_statement="The same at half the level-set bound.",
        tolerance_reason="Counts of steps are exact; ten times the bound is the least of interest.",
    ),
)
