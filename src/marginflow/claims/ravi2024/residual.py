"""The residual ρ(t) = W(t) − (Ŵ/a) log t and where it settles.

The theorem says that ρ is bounded.  More can be said: on every support pair

    u_p(ρ) → (1/a) log(a c h / α*_p),

h the effective step, α* the SVM's dual, or where the support is dependent the dual of largest
entropy.  It settles as t^(−min(1, δ, λ)), so it is judged at log t = 40/min(1, δ, λ), which may be
hundreds of thousands.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from marginflow.claims.checks import at_most, close
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.ravi2024.paths import (
    REAL,
    SEEDS,
    Path,
    asymptote_of,
    follow,
    paths,
    residual_margins,
    settled,
)
from marginflow.claims.ravi2024.problems import EDGE, limit_of, support_rows
from marginflow.claims.ravi2024.source import DERIVED, SOURCE

TOLERANCE = 1e-7
REASON = (
    "At log t ≥ 40/min(1, δ, λ) the approach has fallen by e⁻⁴⁰, and errors of the integrator "
    "with it, since the support draws the residual back; 1e-7 is what was asked for, and a wrong "
    "constant costs log 2."
)
SPANNING = ("seed 3", "seed 4", "seed 7", "seed 8")


@dataclass(frozen=True)
class LawSetting:
    """Which paths, and the law that they are held against.

    Attributes:
        paths: to follow until the residual has settled.
        step_factor: the law is that of an effective step so many times the path's.
        dual: "entropic", or "least norm" for the dual of least Euclidean norm.
    """

    paths: tuple[Path, ...]
    step_factor: float = 1.0
    dual: str = "entropic"


@dataclass(frozen=True)
class SameSetting:
    """Which problems.

    Attributes:
        problems: on each, three losses are compared.
    """

    problems: tuple[str, ...]


def law(setting: LawSetting) -> Evidence:
    """The largest distance of u(ρ) to the law over the support pairs."""
    checks, times, curves, decays = [], {}, {}, {}
    for path in setting.paths:
        line, record = asymptote_of(path), settled(path)
        targets = line.support_margins + np.log(setting.step_factor) / line.rate
        if setting.dual == "least norm":
            targets = targets + np.log(line.dual / least_norm_dual(path.problem)) / line.rate
        distances = np.abs(residual_margins(path) - targets).max(axis=1)
        name = f"max |u(ρ) − law|: {path.name}, log t = {follow(path).log_time[record]:.0f}"
        checks.append(at_most(name, distances[record], 0.0, TOLERANCE))
        times[path.name] = follow(path).log_time[: record + 1]
        curves[path.name] = distances[: record + 1]
        decays[path.name] = line.decay
    return Evidence(tuple(checks), {"log_time": times, "distance": curves, "decay": decays})


def same(setting: SameSetting) -> Evidence:
    """The largest difference between the residuals of three losses, over all weights."""
    checks, ends = [], {}
    for name in setting.problems:
        compared = paths((name,))
        found = [follow(path).recorded_residuals[settled(path)] for path in compared]
        apart = max(float(np.abs(one - other).max()) for one, other in pairwise(found))
        checks.append(at_most(f"max |ρ − ρ'| over three losses: {name}", apart, 0.0, TOLERANCE))
        ends[name] = {"spans": asymptote_of(compared[0]).spans, "residual": found[0]}
    return Evidence(tuple(checks), ends)


def dependent(setting: LawSetting) -> Evidence:
    """The dual that training picks, e^(−u(ρ)) h, against the entropic one."""
    checks, found = [], {}
    for path in setting.paths:
        line, record = asymptote_of(path), settled(path)
        entropic, other = line.dual, least_norm_dual(path.problem)
        wanted = entropic if setting.dual == "entropic" else other
        picked = line.effective_step * np.exp(-residual_margins(path)[record])
        for place, measured, expected in zip(EDGE, picked, wanted, strict=True):
            name = f"dual at x₂ = {place:g}: {path.name}"
            checks.append(close(name, measured, expected, TOLERANCE))
        found[path.name] = {"picked": picked, "entropic": entropic, "least norm": other}
    return Evidence(tuple(checks), {"place": np.array(EDGE), "duals": found})


def least_norm_dual(name: str) -> np.ndarray:
    """The solution of A_Sᵀ α = Ŵ of least Euclidean norm: another dual, where it is positive."""
    return np.linalg.lstsq(support_rows(name).T, limit_of(name).weights.ravel(), rcond=None)[0]


def draw_law(evidence: Evidence, ax: Any) -> Any:
    """Distances of the residual to the law against log t."""
    from marginflow.figures import residual

    data = evidence.data
    return residual(ax, data["log_time"], data["distance"], decay=data["decay"])


def draw_duals(evidence: Evidence, ax: Any) -> Any:
    """The dual that training picks beside two duals of the max-margin problem."""
    duals = next(iter(evidence.data["duals"].values()))
    place = evidence.data["place"]
    ax.plot(place, duals["least norm"], "s", mfc="none", ms=9, label="dual of least norm")
    ax.plot(place, duals["entropic"], "o", mfc="none", ms=11, label="dual of largest entropy")
    ax.plot(place, duals["picked"], "k.", label=r"training: $h\,e^{-u(\rho)}$")
    ax.set(xlabel="place on the edge, $x_2$", ylabel=r"dual weight $\alpha$")
    ax.legend()
    return ax


_SMALL = LawSetting(
    (
        *paths(("seed 0", "seed 3", "seed 4")),
        *paths(REAL, ("cross-entropy",)),
    )
)
_DISCRETE = LawSetting(
    (
        *paths(("seed 3",), ("cross-entropy", "multiclass-exponential"), step=0.99),
        *paths(("seed 3",), ("pair-log-loss",), step=0.99, start="authors"),
        *paths(("wine",), ("cross-entropy",), step=0.99),
    )
)
_EDGE = LawSetting(
    (
        *paths(("edge",), ("cross-entropy", "multiclass-exponential"), log_time=1e4),
        *paths(("edge",), ("cross-entropy",), step=0.99, log_time=1e4),
    )
)

CLAIMS = (
    Claim(
        id="ravi2024/residual",
        source=SOURCE,
        section=DERIVED,
        statement=(
            "On every support pair the residual of gradient flow tends to log(1/α), for three "
            "losses, on random and on real data."
        ),
        proved=False,
        experiment=law,
        setting=_SMALL,
        full=LawSetting(
            (
                *paths(SEEDS + REAL),
                *paths(SEEDS, start="authors"),
            )
        ),
        control=replace(_SMALL, paths=_SMALL.paths[:1], step_factor=2.0),
        control_statement="It tends to log(2/α), as for an effective step of 2.",
        tolerance_reason=REASON,
        draw=draw_law,
    ),
    Claim(
        id="ravi2024/same-residual",
        source=SOURCE,
        section=DERIVED,
        statement=(
            "Where the support spans all directions, cross-entropy, the multiclass exponential "
            "loss and PairLogLoss end in the same residual, not only in the same direction."
        ),
        proved=False,
        experiment=same,
        setting=SameSetting(("seed 3", "seed 4")),
        full=SameSetting(SPANNING),
        control=SameSetting(("seed 1",)),
        control_statement=(
            "The same where the support does not span: beside its span ρ depends on the path."
        ),
        tolerance_reason=REASON,
    ),
    Claim(
        id="ravi2024/step-in-the-residual",
        source=SOURCE,
        section=DERIVED,
        statement=(
            "Gradient descent at .99 of the theorem's step bound ends in the law's residual with "
            "its own learning rate: u(ρ) tends to log(η/α)."
        ),
        proved=False,
        experiment=law,
        setting=_DISCRETE,
        full=LawSetting(
            (
                *paths(SEEDS, step=0.99),
                *paths(SEEDS, ("pair-log-loss",), step=0.01),
                *paths(("wine", "breast_cancer"), step=0.99),
            )
        ),
        control=replace(_DISCRETE, paths=_DISCRETE.paths[:1], step_factor=1.0 / 0.99),
        control_statement="It tends to the residual of a learning rate at the bound itself.",
        tolerance_reason=REASON,
        draw=draw_law,
    ),
    Claim(
        id="ravi2024/dependent-support",
        source=SOURCE,
        section=DERIVED,
        statement=(
            "Where the support pairs are linearly dependent the dual is not unique, and training "
            "picks the one of largest entropy."
        ),
        proved=False,
        experiment=dependent,
        setting=_EDGE,
        control=replace(_EDGE, dual="least norm"),
        control_statement="It picks the dual of least Euclidean norm.",
        tolerance_reason=REASON,
        draw=draw_duals,
    ),
)
