"""Normalized steepest descent maximizes the margin in its own norm, at log t/√t.

The gap is what is missing of the best margin, as a share of it.  With steps c/√t it is at most of
the order of log t/√t: gap · √t/log t does not rise.  In any other norm the gap tends to what the
norm's own optimum lacks there, and gap · √t/log t rises threefold a decade.

On the clusters of the source, 750 samples and 15 classes, 10⁴ steps are far from the limit, and
what can be said is who is ahead.  In the nuclear norm that is normalized GD after 10⁴ steps, .876
of the best to .871, and nuclear descent after 10⁵ and 10⁶, .922 to .908 and .977 to .927.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.checks import at_least, at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.descents import descend, problem, shares, steps_of
from marginflow.claims.fan2025.source import SOURCE, THEOREM
from marginflow.dynamics import (
    ClassNormalized,
    Lion,
    Muon,
    NormalizedGD,
    NuclearDescent,
    Optimizer,
    SignDescent,
    Signum,
    SpectralDescent,
    inverse_sqrt,
    recommended_rate,
)

PER_DECADE = 4

METHODS: dict[str, tuple[str, Callable[[Any], Optimizer]]] = {
    "normalized GD": ("frobenius", NormalizedGD),
    "sign descent": ("max", SignDescent),
    "spectral descent": ("spectral", SpectralDescent),
    "nuclear descent": ("nuclear", NuclearDescent),
    "class-normalized": ("class_l2", ClassNormalized),
    "Signum": ("max", Signum),
    "Lion": ("max", Lion),
    "Muon, exact": ("spectral", lambda rate: Muon(rate, ns_steps=None)),
}
STEEPEST = tuple(METHODS)[:5]
MEMORY = tuple(METHODS)[5:]
OF_THE_FIELD = tuple(METHODS)[:4]


@dataclass(frozen=True)
class Setting:
    """Methods on a problem, with steps c/√t, c being `recommended_rate` in the method's norm.

    Attributes:
        methods: by name.
        problem: the data.
        steps: how many.
        judged_in: "own norm", or the name of the norm in which all margins are measured.
    """

    methods: tuple[str, ...] = STEEPEST
    problem: str = "clusters"
    steps: int = 10**5
    judged_in: str = "own norm"


def limit(setting: Setting) -> Evidence:
    """The share of the best margin after the last step, and whether the rate is kept."""
    checks, curves = [], {}
    steps = np.array(steps_of(setting.steps, PER_DECADE))
    for method in setting.methods:
        gap = 1.0 - _shares(setting, method)
        scaled = gap[1:] * np.sqrt(steps[1:]) / np.log(steps[1:])
        rise = scaled[-1] / scaled[-1 - PER_DECADE]
        checks.append(at_least(f"margin over the best: {method}", 1.0 - gap[-1], 0.98))
        checks.append(at_most(f"gap · √t/log t over a decade before: {method}", rise, 1.0))
        curves[method] = gap
    return Evidence(tuple(checks), {"steps": steps, "curves": curves})


def fractions(setting: Setting) -> Evidence:
    """The share of the best margin in the method's norm after the last step."""
    checks, curves = [], {}
    for method in setting.methods:
        share = _shares(setting, method)
        checks.append(at_least(f"margin over the best: {method}", share[-1], 0.85))
        curves[method] = 1.0 - share
    steps = np.array(steps_of(setting.steps, PER_DECADE))
    return Evidence(tuple(checks), {"steps": steps, "curves": curves})


def ahead(setting: Setting) -> Evidence:
    """By how much each method's margin in its norm exceeds that of the best other method there."""
    checks, table = [], {}
    for method in setting.methods:
        norm = _norm_of(setting, method)
        reached = {other: float(_in(setting, other, norm)[-1]) for other in setting.methods}
        own = reached.pop(method)
        lead = own - max(reached.values())
        checks.append(at_least(f"lead over the others in its norm: {method}", lead, 0.0))
        table[method] = {method: own} | reached
    return Evidence(tuple(checks), {"table": table})


def _shares(setting: Setting, method: str) -> np.ndarray:
    return _in(setting, method, _norm_of(setting, method))


def _norm_of(setting: Setting, method: str) -> str:
    return METHODS[method][0] if setting.judged_in == "own norm" else setting.judged_in


def _in(setting: Setting, method: str, norm: str) -> np.ndarray:
    weights = _weights(setting.problem, method, setting.steps)
    return shares(setting.problem, weights, norm)


@cache
def _weights(name: str, method: str, steps: int) -> np.ndarray:
    norm, make = METHODS[method]
    rate = inverse_sqrt(recommended_rate(problem(name), norm))
    return descend(name, [make(rate)], steps_of(steps, PER_DECADE))[0][0]


def draw_gaps(evidence: Evidence, ax: Any) -> Any:
    """What is missing of the best margin against the steps, and the rate of the theorem."""
    steps = evidence.data["steps"]
    for method, gap in evidence.data["curves"].items():
        ax.loglog(steps, gap, label=method)
    late = steps[steps >= 100]
    first = max(gap[steps >= 100][0] for gap in evidence.data["curves"].values())
    guide = np.log(late) / np.sqrt(late)
    ax.loglog(late, 1.3 * first * guide / guide[0], "k:", label="log t/√t")
    ax.set(xlabel="steps t", ylabel="1 − margin/best margin", title="Margins in the own norm")
    ax.legend(fontsize="small")
    return ax


def draw_lead(evidence: Evidence, ax: Any) -> Any:
    """All methods' margins in each method's norm, over the best there."""
    table = evidence.data["table"]
    for row, (method, reached) in enumerate(table.items()):
        others = [share for other, share in reached.items() if other != method]
        ax.plot(others, [row] * len(others), "o", color="gray")
        ax.plot(reached[method], row, "D", color="C0")
    ax.set_yticks(range(len(table)), list(table))
    ax.set(xlabel="margin/best margin in the method's norm", title="The method itself, and others")
    return ax


_FIELD = Setting(OF_THE_FIELD, "field", 10**4)
_FULL_FIELD = Setting(OF_THE_FIELD, "field", 10**6)
_RATE_REASON = (
    "The theorem bounds the gap by log t/√t, so that gap · √t/log t may not rise; in a norm that "
    "is not the method's it rises threefold a decade. The margin after 10⁵ steps is asked to be "
    "nearer to 1 than to what the nearest other norm's method reaches in the norm, .953. The best "
    "margins are certified to 1e-8."
)

CLAIMS = (
    Claim(
        id="fan2025/own-norm",
        source=SOURCE,
        section=THEOREM,
        statement=(
            "Normalized steepest descent with steps c/√t in the Frobenius, max, spectral, nuclear "
            "and class-length norms maximizes the margin in its own norm, at rate log t/√t."
        ),
        proved=True,
        experiment=limit,
        setting=Setting(),
        full=Setting(steps=10**6),
        control=Setting(judged_in="max"),
        control_statement="All of them maximize the margin in the max-norm.",
        tolerance_reason=_RATE_REASON,
        draw=draw_gaps,
    ),
    Claim(
        id="fan2025/memory",
        source=SOURCE,
        section=THEOREM + ", with momentum",
        statement=(
            "With a memory of gradients the limits stay: Signum and Lion maximize the max-norm's "
            "margin, Muon with the exact polar factor the spectral one, at rate log t/√t."
        ),
        proved=False,
        experiment=limit,
        setting=Setting(MEMORY),
        full=Setting(MEMORY, steps=10**6),
        control=Setting(MEMORY, judged_in="frobenius"),
        control_statement="They maximize the Frobenius margin.",
        tolerance_reason=_RATE_REASON,
        draw=draw_gaps,
    ),
    Claim(
        id="fan2025/fractions",
        source=SOURCE,
        section="the experiments: Gaussian clusters of 15 classes in 25 dimensions, 50 points each",
        statement=(
            "After 10⁴ steps c/√t normalized, sign, spectral and nuclear descent are above .85 of "
            "the best margin in their own norms."
        ),
        proved=False,
        experiment=fractions,
        setting=_FIELD,
        full=_FULL_FIELD,
        control=Setting(OF_THE_FIELD, "field", 10**4, judged_in="max"),
        control_statement="They are so in the max-norm.",
        tolerance_reason=(
            "Another run, whose c and seed are not known, had .8875, .9381, .9554 and .9077; what "
            "is left of the gap goes as 1/c, and .85 leaves a third of the largest gap for that."
        ),
        draw=draw_gaps,
    ),
    Claim(
        id="fan2025/ahead",
        source=SOURCE,
        section="the experiments: Gaussian clusters of 15 classes in 25 dimensions, 50 points each",
        statement=(
            "After 10⁴ steps each of normalized, sign, spectral and nuclear descent has the "
            "largest margin of the four in its own norm."
        ),
        proved=False,
        experiment=ahead,
        setting=_FIELD,
        full=_FULL_FIELD,
        control=Setting(OF_THE_FIELD, "field", 10**4, judged_in="max"),
        control_statement="Each has the largest margin of the four in the max-norm.",
        tolerance_reason="An order has no tolerance; the runs are exact to rounding.",
        draw=draw_lead,
    ),
)
