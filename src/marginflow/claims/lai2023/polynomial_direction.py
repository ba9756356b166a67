"""A polynomial tail ends in a direction of its own, near the interpolator and not equal to it.

With a template that fades as Σ ω u^(−p), gradient flow turns to argmin Σ ω u^(−p) subject to
‖w‖ ≤ 1, and grows as W* (p(p+2) t)^(1/(p+2)), W* = argmin ½‖w‖² + (1/p) Σ ω u^(−p): insert
w = c(t) W* into ẇ = p Σ ω u^(−p−1) y x.
"""

from dataclasses import dataclass

import numpy as np

from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.lai2023.problems import isotropic
from marginflow.claims.lai2023.source import SOURCE
from marginflow.data import Dataset
from marginflow.dynamics import direction_error, fast_forward, gradient_flow, step_bound
from marginflow.limits import minimum_norm_interpolator, polynomial_limit
from marginflow.losses import PolynomialLoss

PREDICTED = 1e-6
GREW = 1e-5
STEP = 0.5  # of the step bound


@dataclass(frozen=True)
class Setting:
    """Which paths, and what they are held against.

    Attributes:
        seeds: of the data.
        dimensions: of the data.
        degrees: p of the losses.
        predicted: "polynomial", the limit of that degree, or "interpolator".
        steps: whether gradient descent is followed as well, besides the flow.
        log_margin: log t over p + 2 at the end of the paths, where margins are near e^log_margin;
            for gradient descent t is the number of steps.
    """

    seeds: tuple[int, ...] = (0,)
    dimensions: tuple[int, ...] = (80,)
    degrees: tuple[float, ...] = (1.0,)
    predicted: str = "polynomial"
    steps: bool = True
    log_margin: float = 36.0


def experiment(setting: Setting) -> Evidence:
    """Distance of the direction and of the length to what is predicted."""
    checks, found = [], {}
    for seed in setting.seeds:
        for data in isotropic(seed, setting.dimensions):
            for degree in setting.degrees:
                limit = polynomial_limit(data, degree)
                expected = limit.weights
                if setting.predicted == "interpolator":
                    expected = minimum_norm_interpolator(data).weights
                for method, weights, log_time in _ends(data, degree, setting):
                    name = f"{method}, p = {degree:g}, {data.name}"
                    error = direction_error(weights, expected).distance
                    growth = (np.log(degree * (degree + 2)) + log_time) / (degree + 2)
                    length = float(np.linalg.norm(weights) / np.linalg.norm(limit.weights))
                    length = abs(length / np.exp(growth) - 1)
                    checks += [
                        Check(f"distance: {name}", error, 0.0, PREDICTED, "at_most"),
                        Check(f"relative error of ‖w‖: {name}", length, 0.0, GREW, "at_most"),
                    ]
                    found[name] = {
                        "distance": error,
                        "proved error of the limit": limit.direction_error_bound,
                    }
    return Evidence(tuple(checks), found)


def _ends(data: Dataset, degree: float, setting: Setting) -> list[tuple[str, np.ndarray, float]]:
    """The last weights of each method, and the log of the time they stand for."""
    loss, end = PolynomialLoss(degree=degree), setting.log_margin * (degree + 2)
    ends = [("flow", gradient_flow(data, loss, log_time=end).weights, end)]
    if setting.steps:
        bound = step_bound(data, loss)
        assert bound is not None
        rate = STEP * bound.value
        run = fast_forward(data, loss, learning_rate=rate, log_steps=end)
        ends.append(("descent", run.weights, end + float(np.log(rate))))
    return ends


CLAIMS = (
    Claim(
        id="lai2023/polynomial-direction",
        source=SOURCE,
        section="the implicit bias of polynomial tails; limit and growth as derived here",
        statement=(
            "With a polynomial tail u^(−p), gradient flow and gradient descent end in the "
            "direction argmin Σ u^(−p) on the sphere, which is near the minimum-norm interpolator "
            "and not equal to it; the weights grow as t^(1/(p+2)), with a known constant."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        full=Setting(seeds=(0, 1, 2), dimensions=(80, 200, 800), degrees=(0.5, 1.0, 3.0, 6.0)),
        control=Setting(predicted="interpolator", steps=False),
        control_statement="The same path is held against the minimum-norm interpolator.",
        tolerance_reason=(
            "The loss is (1 + u)^(−p), and what its 1 leaves in direction and length is of the "
            "order of 1/u, e^(−36). The flow is followed to a tolerance of 1e-6, whose errors in "
            "length add up on the way, which 1e-5 allows for; those in direction fade."
        ),
    ),
)
