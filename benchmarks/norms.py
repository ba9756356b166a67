"""Max margin in every norm: an interior point over working sets against the full program.

The set is that of Fan, Schmidt and Thrampoulidis 2025 with 15 classes: 750 points in 25 dimensions.
The full program states all 10,500 margins in cvxpy, solved by Clarabel at its default tolerances.
"""

import cvxpy as cp
import numpy as np

import marginflow as mf
from benchmarks.timing import seconds

NORMS = {
    "frobenius": cp.norm,
    "max": lambda W: cp.max(cp.abs(W)),
    "l1": lambda W: cp.sum(cp.abs(W)),
    "spectral": cp.sigma_max,
    "nuclear": cp.normNuc,
    "class_l2": lambda W: cp.max(cp.norm(W, axis=0)),
    "feature_l2": lambda W: cp.max(cp.norm(W, axis=1)),
}


def main() -> list[dict]:
    """Rows of seconds and gaps, for each norm."""
    data = mf.gaussian_clusters(
        0,
        n_samples=750,
        n_features=25,
        n_classes=15,
        noise=0.1,
        separation=1.0,
        balanced=True,
    )
    rows = []
    for norm, formula in NORMS.items():
        limit = mf.max_margin(data, norm)
        ours = seconds(lambda norm=norm: mf.max_margin(data, norm), rounds=1)
        kept = []
        theirs = seconds(lambda f=formula, kept=kept: kept.append(full_program(data, f)), rounds=1)
        rows.append(
            {
                "norm": norm,
                "marginflow [s]": ours,
                "gap": limit.relative_gap,
                "full program [s]": theirs,
                "its margin / ours": kept[-1] / limit.margin,
                "ratio": theirs / ours,
            }
        )
    return rows


def full_program(data: mf.Dataset, norm) -> float:
    """The best margin by cvxpy with Clarabel."""
    W = cp.Variable((data.n_features, data.n_classes))
    scores = data.features @ W
    own = cp.sum(cp.multiply(scores, np.eye(data.n_classes)[data.labels]), axis=1, keepdims=True)
    others = 1 - np.eye(data.n_classes)[data.labels]
    margins = own @ np.ones((1, data.n_classes)) - scores
    problem = cp.Problem(cp.Minimize(norm(W)), [cp.multiply(others, margins) >= others])
    problem.solve(solver=cp.CLARABEL)
    return 1.0 / problem.value
