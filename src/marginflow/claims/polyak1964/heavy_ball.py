"""The rates of gradient descent and of the heavy ball on a quadratic, each at its best setting.

With curvatures from μ to L and κ = L/μ, gradient descent at η = 2/(L + μ) multiplies the error by
(κ − 1)/(κ + 1), and the heavy ball at η = 4/(√L + √μ)², β = ((√κ − 1)/(√κ + 1))², by
(√κ − 1)/(√κ + 1) at each step in the long run.  At the heavy ball's best setting the least and the
largest curvature have a double root: their error is t ρ^t, so the measured rate has an excess of
log(t₂/t₁)/(t₂ − t₁), which is taken off nowhere and fades as t grows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.checks import close
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.polyak1964.source import SOURCE

TOLERANCE = 5e-4
SIZE = 30
RESCALE = 100


@dataclass(frozen=True)
class Setting:
    """A quadratic with geometrically spaced curvatures from 1/κ to 1.

    Attributes:
        conditions: κ.
        steps: t₂; the rate is measured over the last half of them.
        share: a factor on the best learning rate of the heavy ball.
    """

    conditions: tuple[float, ...] = (1e2, 1e3)
    steps: int = 20_000
    share: float = 1.0


def experiment(setting: Setting) -> Evidence:
    """The measured factor of the error at each step, for both methods."""
    checks, curves = [], {}
    for kappa in setting.conditions:
        root = float(np.sqrt(kappa))
        curvatures = np.geomspace(1.0 / kappa, 1.0, SIZE)
        plain = _log_errors(curvatures, 2.0 / (1.0 + 1.0 / kappa), 0.0, setting.steps)
        heavy = _log_errors(
            curvatures,
            setting.share * 4.0 / (1.0 + 1.0 / root) ** 2,
            ((root - 1.0) / (root + 1.0)) ** 2,
            setting.steps,
        )
        curves[f"gradient descent, κ = {kappa:g}"] = plain
        curves[f"heavy ball, κ = {kappa:g}"] = heavy
        for name, errors, rate in (
            ("gradient descent", plain, (kappa - 1.0) / (kappa + 1.0)),
            ("heavy ball", heavy, (root - 1.0) / (root + 1.0)),
        ):
            half = len(errors) // 2
            measured = np.exp((errors[-1] - errors[half]) / (RESCALE * (len(errors) - 1 - half)))
            checks.append(close(f"rate of {name}, κ = {kappa:g}", measured, rate, TOLERANCE))
    return Evidence(tuple(checks), {"curves": curves})


def _log_errors(curvatures: np.ndarray, rate: float, momentum: float, steps: int) -> np.ndarray:
    """Log ‖w‖ every `RESCALE` steps from w = 1, with the minimum at 0; all is rescaled there."""
    weights, last, log = np.ones(len(curvatures)), np.zeros(len(curvatures)), 0.0
    found = [0.5 * float(np.log(len(curvatures)))]
    for _ in range(steps // RESCALE):
        for _ in range(RESCALE):
            last = momentum * last - rate * curvatures * weights
            weights = weights + last
        size = float(np.linalg.norm(weights))
        log += float(np.log(size))
        weights, last = weights / size, last / size
        found.append(log)
    return np.array(found)


def draw(evidence: Evidence, ax: Any) -> Any:
    """The error over the steps."""
    for name, errors in evidence.data["curves"].items():
        steps = RESCALE * np.arange(len(errors))
        ax.plot(steps, errors / np.log(10.0), "--" if "heavy" in name else "-", label=name)
    ax.set(
        xlabel="step",
        ylabel="log10 of the error",
        ylim=(-300, 5),
        title="The heavy ball takes the square root of the condition number",
    )
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="polyak1964/heavy-ball",
        source=SOURCE,
        section="theorem on the two-step method, for quadratics",
        statement=(
            "On a quadratic of condition number κ the heavy ball at its best learning rate and "
            "momentum converges as ((√κ − 1)/(√κ + 1))^t, gradient descent at its best learning "
            "rate as ((κ − 1)/(κ + 1))^t."
        ),
        proved=True,
        experiment=experiment,
        setting=Setting(),
        full=Setting(conditions=(1e1, 1e2, 1e3, 1e4), steps=200_000),
        control=Setting(share=0.9),
        control_statement="The learning rate is nine tenths of the best.",
        tolerance_reason=(
            "The double root adds log(2)/10⁴ = 7e-5 to the logarithm of the rate over the last "
            "half of 20,000 steps; gradient descent adds nothing. 5e-4 is seven times that, and "
            "the rates of both methods at κ = 10³ are .06 apart."
        ),
        draw=draw,
    ),
)
