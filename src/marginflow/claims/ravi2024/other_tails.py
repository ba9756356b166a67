"""Why the tail matters: polynomial tails and hinges end elsewhere, and where.

With a template that fades as Σ u_k^(−p) the pulls keep the ratio of their margins, and the weights
turn to

    argmin Σ_ik u_ik(W)^(−p)   subject to   ‖W‖ ≤ 1,

which sees every sample and not only the nearest.  The sum is homogeneous, so that the direction is
also that of the unconstrained minimizer of ½‖W‖² + (1/p) Σ u^(−p), a smooth convex problem that
`limits` solves without any path.  For two classes and linearly independent samples it is the same
as argmin Σ u^(−p) subject to uᵀK⁻¹u ≤ 1 (Lai & Muthukumar 2023, arXiv 2303.07475).

A hinge has no tail.  Once all margins reach 1 nothing pulls, and the weights stay where they are.
The sparsemax loss is flat from margin 1 on as well, but bends smoothly into it: its pulls fade
geometrically, until steps are lost in the rounding of the weights.
"""

from dataclasses import dataclass, replace

import numpy as np

from marginflow.claims.checks import at_least, at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.ravi2024.paths import SEEDS, Path, follow, paths
from marginflow.claims.ravi2024.problems import limit_of, problem
from marginflow.claims.ravi2024.source import SOURCE, THEOREM
from marginflow.dynamics import direction_error, gradient_descent
from marginflow.limits import polynomial_limit

PREDICTED = 1e-6
DEGREES = np.pi / 180
APART = 2 * DEGREES
SPREAD = 5 * DEGREES
STOPPED = 0.99


@dataclass(frozen=True)
class PolynomialSetting:
    """Which paths of a loss with a polynomial tail.

    Attributes:
        paths: to follow.
        degree: p of the limit that is predicted.
    """

    paths: tuple[Path, ...] = paths(("seed 3", "wine", "random"), ("polynomial",), log_time=100.0)
    degree: float = 1.0


@dataclass(frozen=True)
class HingeSetting:
    """Runs of gradient descent from several starts.

    Attributes:
        losses: registered losses.
        problem: the data.
        scales: of the normal starts, one run each.
        learning_rate: η on the summed risk.
        steps: at most.
        rest: a gradient whose norm is at most this is no pull.
        share: a normalized margin of at most this share of the best is short of it.
    """

    losses: tuple[str, ...] = ("weston-watkins", "crammer-singer")
    problem: str = "seed 3"
    scales: tuple[float, ...] = (0.0, 1.0, 2.0)
    learning_rate: float = 0.01
    steps: int = 20_000
    rest: float = 0.0
    share: float = STOPPED


def polynomial(setting: PolynomialSetting) -> Evidence:
    """Distance to the predicted limit, and angle to the max-margin classifier."""
    checks, found = [], {}
    for path in setting.paths:
        weights, limit = follow(path).weights, limit_of(path.problem).weights
        predicted = polynomial_limit(problem(path.problem), setting.degree).weights
        apart = direction_error(weights, limit).angle
        error = direction_error(weights, predicted).distance
        checks += [
            at_most(f"distance to the predicted direction: {path.name}", error, 0.0, PREDICTED),
            at_least(f"angle to the max-margin direction (rad): {path.name}", apart, APART),
        ]
        found[path.name] = {
            "angle in degrees": apart / DEGREES,
            "predicted angle in degrees": direction_error(predicted, limit).angle / DEGREES,
        }
    return Evidence(tuple(checks), found)


def hinge(setting: HingeSetting) -> Evidence:
    """Whether runs come to rest, how far short of the best margin, and how far from each other."""
    data, limit = problem(setting.problem), limit_of(setting.problem)
    rng = np.random.default_rng(0)
    start = rng.standard_normal(limit.weights.shape)
    checks, found = [], {}
    for loss in setting.losses:
        ends = []
        for scale in setting.scales:
            run = gradient_descent(
                data,
                loss,
                learning_rate=setting.learning_rate,
                steps=setting.steps,
                initial=scale * start,
                throw=False,
            )
            ends.append(run.weights)
            name = f"{loss}, start {scale:g} × normal"
            pull = float(run.observables["gradient_norm"][-1])
            share = float(run.observables["normalized_margin"][-1]) / limit.margin
            checks += [
                at_most(f"gradient norm at the end: {name}", pull, setting.rest),
                at_most(f"normalized margin / best: {name}", share, setting.share),
            ]
            found[name] = {"message": run.message, "share of the best margin": share}
        spread = max(direction_error(ends[0], other).angle for other in ends[1:])
        checks.append(at_least(f"angle between ends (rad): {loss}", spread, SPREAD))
    return Evidence(tuple(checks), found)


# .95 of the step bound, from which the risk falls at every step.
_SPARSEMAX = HingeSetting(
    ("sparsemax",), learning_rate=0.012, steps=40_000, rest=1e-13, share=0.999
)

CLAIMS = (
    Claim(
        id="ravi2024/polynomial-tail",
        source=SOURCE,
        section=THEOREM + ", its condition on the tail; the other limit is derived",
        statement=(
            "With a polynomial tail Σ u^(−p), training does not end at the max-margin classifier "
            "but at the minimizer of Σ u^(−p) on the sphere: p = 1."
        ),
        proved=False,
        experiment=polynomial,
        setting=PolynomialSetting(),
        full=PolynomialSetting(paths((*SEEDS, "wine", "random"), ("polynomial",), log_time=100.0)),
        control=PolynomialSetting((Path("seed 3", log_time=1e6),)),
        control_statement="The same for cross-entropy, whose tail is exponential.",
        tolerance_reason=(
            "At log t = 100 margins are e³³ and the template is its tail to float64's last bit; "
            "1e-6 is the flow's tolerance. Two degrees is far above the error of either limit."
        ),
    ),
    Claim(
        id="ravi2024/hinge",
        source=SOURCE,
        section=THEOREM + ", its condition on the tail",
        statement=(
            "Hinge losses stop once every margin reaches 1, short of the best margin and at a "
            "point that depends on the start."
        ),
        proved=False,
        experiment=hinge,
        setting=HingeSetting(),
        control=HingeSetting(losses=("cross-entropy",)),
        control_statement="The same for cross-entropy, which never stops.",
        tolerance_reason=(
            "A hinge's slopes are exactly zero beyond margin 1. Five degrees between ends and one "
            "per cent of margin are far above rounding."
        ),
    ),
    Claim(
        id="ravi2024/sparsemax",
        source=SOURCE,
        section=THEOREM + ", its condition on the tail",
        statement=(
            "The sparsemax loss, flat from margin 1 on, comes to rest too, short of the best "
            "margin and at a point that depends on the start."
        ),
        proved=False,
        experiment=hinge,
        setting=_SPARSEMAX,
        control=replace(_SPARSEMAX, losses=("cross-entropy",)),
        control_statement="The same for cross-entropy, which never stops.",
        tolerance_reason=(
            "A gradient of 1e-13 times the learning rate is 1e-15, which weights of order one "
            "hardly feel. Five degrees between ends and one in a thousand of margin are far above "
            "that."
        ),
    ),
)
