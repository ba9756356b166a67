"""Hard-margin classifiers: MaxMarginClassifier against SVC and LinearSVC with a large C.

Every side is fitted to the same standardized features, and tested on samples kept apart.  SVC has a
free intercept, and for more than two classes it solves another problem, one a pair of classes, so
that its objective is compared for two only.  LinearSVC by Crammer and Singer counts the intercept.
The excess is how far ‖W‖² lies above the best after W is scaled to margin 1; infinite where W does
not separate the samples.
"""

import warnings

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

import marginflow as mf
from benchmarks.timing import in_turn
from marginflow.margins.multiclass import relative_margins

NAMES = ("wine", "breast_cancer", "digits")
LARGE = {"n_samples": 142_858, "n_features": 50, "n_classes": 2}
TESTED = 0.3


def main() -> list[dict]:
    """Rows of seconds, accuracies and objectives, one for each data set and each peer."""
    return [row for name, data in problems().items() for row in compared(name, data)]


def compared(name: str, data: mf.Dataset) -> list[dict]:
    """The rows of one data set."""
    rows = []
    train, test, train_labels, test_labels = train_test_split(
        data.features, data.labels, test_size=TESTED, random_state=0, stratify=data.labels
    )
    scaler = StandardScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    for peer, (ours, theirs) in sides().items():
        timing = in_turn(
            lambda model=ours: model.fit(train, train_labels),
            lambda model=theirs: _quietly(model, train, train_labels),
            rounds=1 if len(train) > 10_000 else 5,
        )
        rows.append(
            {
                "data": f"{name} {train.shape[0]}×{train.shape[1]}",
                "peer": peer,
                "marginflow [s]": timing.ours,
                "peer [s]": timing.theirs,
                "ratio": timing.ratio,
                "gap": ours.dual_gap_,
                "peer's excess": excess(ours, theirs, train, train_labels, peer),
                "accuracy": ours.score(test, test_labels),
                "peer's accuracy": theirs.score(test, test_labels),
            }
        )
    return rows


def problems() -> dict[str, mf.Dataset]:
    """The bundled data sets, and a large one."""
    return {name: mf.load_dataset(name) for name in NAMES} | {
        "clusters": mf.gaussian_clusters(0, **LARGE)
    }


def sides() -> dict[str, tuple]:
    """Ours and theirs, by the name of theirs."""
    return {
        "SVC": (mf.MaxMarginClassifier(), SVC(kernel="linear", C=1e10)),
        "LinearSVC": (
            mf.MaxMarginClassifier(penalize_intercept=True),
            LinearSVC(multi_class="crammer_singer", C=1e6, max_iter=20_000, tol=1e-6),
        ),
    }


def excess(ours, theirs, features: np.ndarray, labels: np.ndarray, peer: str) -> float:
    """‖W‖²/‖Ŵ‖² − 1 of theirs, NaN where the problems differ."""
    if peer == "SVC":
        if len(ours.classes_) > 2:
            return float("nan")
        scores = np.where(labels == 1, 1, -1) * theirs.decision_function(features)
        least, weights = scores.min(), theirs.coef_
    else:
        scores = theirs.decision_function(features)
        if len(ours.classes_) == 2:
            # one score stands for the two halves of a difference
            least = (np.where(labels == 1, 1, -1) * scores).min()
        else:
            least = relative_margins(scores, labels).min()
        weights = np.column_stack([theirs.coef_, theirs.intercept_])
    return float((np.linalg.norm(weights / least) * ours.margin_) ** 2 - 1) if least > 0 else np.inf


def _quietly(model, features: np.ndarray, labels: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they stop early and say so
        model.fit(features, labels)
