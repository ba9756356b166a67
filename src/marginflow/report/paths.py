"""The runs that the report's pictures show: two toys in the plane, and paths of the claims.

Paths of gradient flow are shared with the claims, which follow each of them once.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from marginflow.claims.ravi2024.paths import Path, asymptote_of, direction_constant, follow
from marginflow.claims.ravi2024.problems import problem, support_rows
from marginflow.data import Dataset, gaussian_clusters
from marginflow.dynamics import FastForward, fast_forward, gradient_flow
from marginflow.limits import max_margin
from marginflow.losses import CrossEntropy, Loss, MulticlassExponential, PairLogLoss
from marginflow.theory import Asymptote, asymptote

LAST = 1e6  # log t of the longest paths: t = e^1000000
SNAPSHOTS = {r"$10^2$ steps": 1e2, r"$10^3$ steps": 1e3, r"$10^5$ steps": 1e5}
REAL = {"wine": Path("wine"), "breast cancer": Path("breast_cancer"), "digits": Path("digits")}
LOSSES = {
    "cross-entropy": CrossEntropy(),
    "multiclass exponential": MulticlassExponential(),
    "pair log loss": PairLogLoss(),
}


@dataclass(frozen=True)
class PlanePath:
    """Gradient descent in the plane, from zeros to e^1000000 steps, with its limit.

    Attributes:
        data: two features.
        run: recorded at `SNAPSHOTS` and at 160 times between the first step and the last.
        line: what theory says of its end.
    """

    data: Dataset
    run: FastForward
    line: Asymptote

    def at(self, log_time: float) -> int:
        """The record at a log time."""
        return int(np.argmin(np.abs(self.run.log_time - log_time)))

    @property
    def direction_constant(self) -> float:
        """What direction error · log t tends to, where the support spans."""
        assert self.line.spans
        limit, residual = self.line.limit.weights, self.line.residual
        unit = limit / np.linalg.norm(limit)
        beside = residual - unit * np.sum(unit * residual)
        return float(np.linalg.norm(beside) / np.linalg.norm(limit))


@cache
def three_classes() -> PlanePath:
    """The small experiment of Ravi et al. 2024: ten points of a linear teacher, seed 42."""
    data = problem("small")
    return _plane_path(data, PairLogLoss(), 0.1 / (data.n_samples * data.n_classes))


@cache
def two_classes() -> PlanePath:
    """Two clusters, at a quarter of the largest step for which the theorem holds."""
    data = gaussian_clusters(25, n_samples=20, n_classes=2, noise=0.7, separation=1.3)
    bound = asymptote(data, CrossEntropy()).step_bound
    assert bound is not None
    return _plane_path(data, CrossEntropy(), bound / 4)


@dataclass(frozen=True)
class Landing:
    """The residual of gradient flow on the three-class toy, until it is at its limit to rounding.

    Attributes:
        log_time: (m,) of the rows.
        margins: (m, p), of the residual on the support pairs.
        limits: (p,), what theory says of their ends.
        decay: the distance fades as t^(−decay).
    """

    log_time: np.ndarray
    margins: np.ndarray
    limits: np.ndarray
    decay: float


@cache
def landing(name: str) -> Landing:
    """The landing of one of the `LOSSES`."""
    data, loss, limit = three_classes().data, LOSSES[name], three_classes().line.limit
    line = asymptote(data, loss, limit=limit)
    times = np.geomspace(1, line.valid_from, 120)
    flow = gradient_flow(data, loss, record=times, limit=limit, rtol=1e-11)
    rows = support_rows("small")
    margins = flow.recorded_residuals.reshape(len(times), -1) @ rows.T
    return Landing(times, margins, line.support_margins, line.decay)


def flow_constant(path: Path) -> float:
    """What direction error · log t tends to on a path of the claims."""
    return direction_constant(follow(path), asymptote_of(path), support_rows(path.problem))


def _plane_path(data: Dataset, loss: Loss, learning_rate: float) -> PlanePath:
    limit = max_margin(data)
    times = np.union1d(np.geomspace(1, LAST, 160), np.log(list(SNAPSHOTS.values())))
    run = fast_forward(
        data, loss, learning_rate=learning_rate, log_steps=LAST, record=times, limit=limit
    )
    return PlanePath(data, run, asymptote(data, loss, learning_rate=learning_rate, limit=limit))
