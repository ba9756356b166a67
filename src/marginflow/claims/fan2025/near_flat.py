"""Optima of the max-norm are flat: weights of nearly the best margin may be far from each other.

The max-norm is not strictly convex.  Among the weights of max-norm 1 that keep a share 1 − δ of the
best margin those farthest along an entry are found by linear programs; in the Frobenius norm none
of them could be farther away than arccos(1 − δ).  Most of the way is a vector added to the weights
of all classes, which changes no margin, and costs nothing while no entry is the largest; what is
left without it is given as well.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog

from marginflow.claims.checks import at_least
from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.descents import best_of, map_of, shares
from marginflow.claims.fan2025.source import SOURCE
from marginflow.dynamics import direction_error
from marginflow.margins import LinearMarginMap

DELTA, ANGLE = 4e-5, 5.2


@dataclass(frozen=True)
class Setting:
    """A problem, and the number of directions that are tried, two for each entry."""

    problem: str = "clusters"
    directions: int = 30


def experiment(setting: Setting) -> Evidence:
    """The largest angle to the best weights found, at a share of 1 − δ of the best margin."""
    best, maps = best_of(setting.problem, "max"), map_of(setting.problem)
    pairs = _all_rows(maps)
    least = np.full(len(pairs), (1.0 - DELTA) * best.margin_lower)
    found, angles = [], []
    for index in range(min(setting.directions, 2 * best.weights.size)):
        toward = np.zeros(best.weights.size)
        toward[index // 2] = 1.0 if index % 2 else -1.0
        solved = linprog(-toward, A_ub=-pairs, b_ub=-least, bounds=(-1.0, 1.0), method="highs")
        if solved.status == 0:
            found.append(solved.x.reshape(best.weights.shape))
            angles.append(_degrees(found[-1], best.weights))
    farthest = found[int(np.argmax(angles))]
    share = float(shares(setting.problem, farthest, "max"))
    checks = (
        Check("margin over the best", share, 1.0 - DELTA, 1e-6),
        at_least("angle to the best weights [degrees]", max(angles), ANGLE),
    )
    centered = [_degrees(_centered(each), _centered(best.weights)) for each in found]
    strict = float(np.degrees(np.arccos(1.0 - DELTA)))
    return Evidence(
        checks, {"angles": np.array(angles), "centered": np.array(centered), "strict": strict}
    )


def _all_rows(maps: LinearMarginMap) -> np.ndarray:
    """The rows of A on all pairs, (m, size of the weights)."""
    count = np.asarray(maps.margins(np.zeros(maps.weights_shape))).shape[1]
    samples = np.repeat(np.arange(maps.n_samples), count)
    columns = np.tile(np.arange(count), maps.n_samples)
    return np.asarray(maps.pair_rows(samples, columns)).reshape(len(samples), -1)


def _centered(weights: np.ndarray) -> np.ndarray:
    """The weights less their mean over the classes."""
    return weights - weights.mean(axis=1, keepdims=True) if weights.ndim > 1 else weights


def _degrees(weights: np.ndarray, others: np.ndarray) -> float:
    return float(np.degrees(direction_error(weights, others).angle))


def draw(evidence: Evidence, ax: Any) -> Any:
    """The angles found, sorted, beside what the Frobenius norm would allow."""
    data = evidence.data
    ax.plot(np.sort(data["angles"])[::-1], "o-", label="weights")
    ax.plot(np.sort(data["centered"])[::-1], "s-", label="less the mean over classes")
    ax.axhline(data["strict"], ls=":", color="k", label="bound in the Frobenius norm")
    ax.set(
        yscale="log",
        xlabel="linear programs, sorted",
        ylabel="angle to the best weights [degrees]",
        title="Weights at 99.996 % of the best max-norm margin",
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
            "The best margin is certified to 1e-8 and the linear programs keep theirs to 1e-7. In "
            "the Frobenius norm the angle would be .51° at most."
        ),
        draw=draw,
    ),
)
