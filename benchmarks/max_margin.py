"""Max margin: working sets against the full quadratic program and against Crammer–Singer.

The full program is min ½‖W‖² subject to all n(K−1) margins, stated in cvxpy and solved by Clarabel
at its default tolerances.  scikit-learn's LinearSVC minimizes the Crammer–Singer hinge with a large
C.  Beside each time stands how far the weights, scaled to margin 1, are above the best norm.
"""

import warnings

import cvxpy as cp
import numpy as np
from sklearn.svm import LinearSVC

import marginflow as mf
from benchmarks.timing import seconds
from marginflow.margins import MulticlassMargins

SIZES = ((1_000, 10, 3), (5_000, 20, 5), (100_000, 50, 10))
LARGEST_FOR_QP = 30_000  # pairs
LARGEST_FOR_CRAMMER_SINGER = 20_000  # samples


def main() -> list[dict]:
    """Rows of seconds and accuracies, for each size."""
    rows = []
    for n, d, n_classes in SIZES:
        data = mf.gaussian_clusters(0, n_samples=n, n_features=d, n_classes=n_classes)
        best = mf.max_margin(data)
        ours = seconds(lambda data=data: mf.max_margin(data))
        row = {"n": n, "d": d, "K": n_classes, "marginflow [s]": ours, "gap": best.relative_gap}
        if n * (n_classes - 1) <= LARGEST_FOR_QP:
            theirs, weights = _timed(lambda data=data: quadratic_program(data))
            row |= {
                "QP [s]": theirs,
                "QP gap": _gap(data, weights, best),
                "ratio QP": theirs / ours,
            }
        if n <= LARGEST_FOR_CRAMMER_SINGER:
            theirs, weights = _timed(lambda data=data: crammer_singer(data))
            row |= {
                "Crammer-Singer [s]": theirs,
                "Crammer-Singer gap": _gap(data, weights, best),
                "ratio Crammer-Singer": theirs / ours,
            }
        rows.append(row)
    return rows


def quadratic_program(data: mf.Dataset) -> np.ndarray:
    """The full program in cvxpy with Clarabel."""
    weights = cp.Variable((data.n_features, data.n_classes))
    scores = data.features @ weights
    own = cp.sum(cp.multiply(scores, np.eye(data.n_classes)[data.labels]), axis=1, keepdims=True)
    others = 1 - np.eye(data.n_classes)[data.labels]
    margins = own @ np.ones((1, data.n_classes)) - scores
    constraints = [cp.multiply(others, margins) >= others]
    cp.Problem(cp.Minimize(cp.sum_squares(weights) / 2), constraints).solve(solver=cp.CLARABEL)
    return weights.value


def crammer_singer(data: mf.Dataset) -> np.ndarray:
    """scikit-learn's Crammer–Singer machine with a large C."""
    machine = LinearSVC(
        multi_class="crammer_singer", C=1e6, fit_intercept=False, max_iter=20_000, tol=1e-6
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        machine.fit(data.features, data.labels)
    return machine.coef_.T


def _gap(data: mf.Dataset, weights: np.ndarray, best: mf.MaxMargin) -> float:
    """(‖W‖² − ‖Ŵ‖²)/‖Ŵ‖² after W is scaled to margin 1; infinite if it separates nothing."""
    least = MulticlassMargins(data).margins(weights).min()
    if least <= 0:
        return float("inf")
    return float((np.linalg.norm(weights / least) * best.margin) ** 2 - 1)


def _timed(function) -> tuple[float, np.ndarray]:
    kept = []
    return seconds(lambda: kept.append(function()), rounds=1), kept[-1]
