"""Optima of the max-norm are flat: weights of nearly the best margin may be far from each other.

The max-norm is not strictly convex.  `optimal_face` measures the weights of max-norm 1 that keep a
share 1 − δ of the best margin, from inside and from outside; in the Frobenius norm no two of them
could be farther apart than 2 arccos(1 − δ).  Whichever weights are called the best, one of the two
ends is half of their distance away.  Most of the way is a vector added to the weights of all
classes, which changes no margin, and costs nothing while no entry is the largest; what is left
without it is given as well.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.checks import at_least
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.descents import best_of, map_of, shares
from marginflow.claims.fan2025.source import SOURCE
from marginflow.dynamics import direction_error
from marginflow.limits import OptimalFace, optimal_face

DELTA, ANGLE = 4e-5, 5.2
OTHERS = (1e-2, 1e-3, 1e-6)  # for the picture


@dataclass(frozen=True)
class Setting:
    """A problem, and the number of random directions that are probed."""

    problem: str = "clusters"
    probes: int = 8


def experiment(setting: Setting) -> Evidence:
    """How far apart weights with a share of 1 − δ of the best margin are."""
    faces = {delta: _face(setting, delta) for delta in (DELTA, *OTHERS)}
    judged = faces[DELTA]
    share = min(float(shares(setting.problem, end, "max")) for end in judged.ends)
    checks = (
        at_least("margin of both ends over the best", share, 1.0 - DELTA, 1e-7),
        at_least("half of the angle between them [degrees]", judged.extent_lower / 2, ANGLE),
    )
    deltas = sorted(faces)
    return Evidence(
        checks,
        {
            "deltas": np.array(deltas),
            "inside": np.array([faces[delta].extent_lower for delta in deltas]),
            "outside": np.array([faces[delta].extent_upper for delta in deltas], dtype=float),
            "centered": np.array([_centered_angle(faces[delta]) for delta in deltas]),
        },
    )


def _face(setting: Setting, delta: float) -> OptimalFace:
    best = best_of(setting.problem, "max")
    share, probes = 1.0 - delta, setting.probes
    return optimal_face(map_of(setting.problem), share=share, probes=probes, limit=best)


def _centered_angle(face: OptimalFace) -> float:
    """The angle between the ends less their mean over the classes, in degrees."""
    first, last = map(_centered, face.ends)
    return float(np.degrees(direction_error(first, last).angle))


def _centered(weights: np.ndarray) -> np.ndarray:
    """The weights less their mean over the classes."""
    return weights - weights.mean(axis=1, keepdims=True) if weights.ndim > 1 else weights


def draw(evidence: Evidence, ax: Any) -> Any:
    """The angles by the share that is left out, beside what the Frobenius norm would allow."""
    data = evidence.data
    deltas = data["deltas"]
    ax.plot(deltas, data["outside"], "v-", label="at most")
    ax.plot(deltas, data["inside"], "^-", label="at least")
    ax.plot(deltas, data["centered"], "s-", label="at least, less the mean over classes")
    strict = 2.0 * np.degrees(np.arccos(1.0 - deltas))
    ax.plot(deltas, strict, ":k", label="at most in the Frobenius norm")
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="share of the best margin that is left out",
        ylabel="angle between weights [degrees]",
        title="Weights of nearly the best max-norm margin",
    )
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="fan2025/near-flat",
        source=SOURCE,
        section="a remark on the max-norm; derived",
        statement=(
            "In the max-norm weights with 99.996 % of the best margin can be 5.2° and more from "
            "the best weights: the margin's ratio judges, the angle does not."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        control=Setting(problem="toy"),
        control_statement=(
            "The same on the toy of two classes, whose optimum is a corner of the cube, with more "
            "support than dimensions."
        ),
        tolerance_reason=(
            "The best margin is certified to 1e-8, and the ends keep their share to rounding. In "
            "the Frobenius norm half of the angle would be .51° at most."
        ),
        draw=draw,
    ),
)
