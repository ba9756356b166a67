"""A fixed number of steps keeps the large singular values and damps the small ones.

In the direction of the singular value s, gradient descent from zero has gone 1 − (1 − η s²)^t of
its way to the solution.  Ridge regression with λ = 1/(η t) has s²/(s² + λ): alike, not equal.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.training_notes.problems import N_FEATURES, STEPS, descend, gaussian
from marginflow.claims.training_notes.source import SOURCE
from marginflow.dynamics import least_squares_path

SAME = 1e-10
AT = (1, 3, 10, 30, 100, 300, STEPS)


@dataclass(frozen=True)
class Setting:
    """Gradient descent from zero, looked at after a few numbers of steps.

    Attributes:
        seeds: of the data.
        filter: "descent" for 1 − (1 − η s²)^t, or "ridge" for s²/(s² + 1/(η t)).
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    filter: str = "descent"


def experiment(setting: Setting) -> Evidence:
    """How far each direction went on its way, step by step, against the filter."""
    checks, pictures = [], {}
    for seed in setting.seeds:
        problem = gaussian(seed)
        left, singular, right = np.linalg.svd(problem.features, full_matrices=False)
        goal = (left.T @ problem.targets) / singular
        iterates = descend(problem, np.zeros(N_FEATURES), AT)
        gone = (iterates @ right.T) / goal
        steps, curvature = np.array(AT)[:, None], problem.rate * singular**2
        if setting.filter == "descent":
            expected = least_squares_path(
                (problem.features, problem.targets),
                learning_rate=problem.rate,
                steps=STEPS,
                record=AT,
            ).observables["filter_factors"]
        else:
            expected = curvature / (curvature + 1.0 / steps)
        off = float(np.abs(gone - expected).max())
        order = float(np.diff(gone, axis=1).max())
        checks += [
            at_most(f"largest |share gone − filter|, seed {seed}", off, 0.0, SAME),
            at_most(f"largest lead of a smaller singular value, seed {seed}", order, 0.0, SAME),
        ]
        pictures[f"seed {seed}"] = {"singular": singular, "gone": gone, "filter": expected}
    return Evidence(tuple(checks), pictures)


def draw(evidence: Evidence, ax: Any) -> Any:
    """The share gone over the singular values, one curve a number of steps."""
    found = next(iter(evidence.data.values()))
    for steps, gone, expected in zip(AT, found["gone"], found["filter"], strict=True):
        [line] = ax.semilogx(found["singular"], expected, label=f"{steps} steps")
        ax.plot(found["singular"], gone, ".", color=line.get_color())
    ax.set(
        xlabel="singular value",
        ylabel="share of its way gone",
        title="Early stopping is a spectral filter",
    )
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="training_notes/early-stopping",
        source=SOURCE,
        section="implicit bias: a fixed number of steps; the filter as derived here",
        statement=(
            "A fixed number of steps of gradient descent acts as the spectral filter "
            "1 − (1 − η s²)^t: directions of larger singular values go further on their way."
        ),
        proved=True,
        experiment=experiment,
        setting=Setting(),
        full=Setting(seeds=tuple(range(50))),
        control=Setting(filter="ridge"),
        control_statement="The filter is that of ridge regression with λ = 1/(η t).",
        tolerance_reason=(
            "A step rounds by 1e-16, contracted by 0.95 at least; the share divides by the "
            "coordinate of the goal, which of twenty Gaussian ones may be 1e-3 of the rest: 1e-12. "
            "1e-10 is a hundred times that, and ridge is off by a tenth."
        ),
        draw=draw,
    ),
)
