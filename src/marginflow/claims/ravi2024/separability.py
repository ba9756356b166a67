"""The theorem's premise and its first consequence: data that can be separated, and are.

Separability is decided by a certificate either way: weights with a proved positive margin, or
weights over pairs that balance each other, which proves that there are none.
"""

from dataclasses import dataclass

import numpy as np

from marginflow.claims.checks import at_least, at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.ravi2024.paths import FULL, REAL, SMALL, Path, accuracy_of
from marginflow.claims.ravi2024.problems import problem
from marginflow.claims.ravi2024.source import SOURCE, THEOREM
from marginflow.limits import max_margin

LEAST_MARGIN = 1e-9
GAP = 1e-12
WEIGHTS_ERROR = 1e-6
# The control's flow: its weights grow along the class that can be separated, and past log t = 30
# the gradient of the other two is rounding.
LONG_ENOUGH = 20.0


@dataclass(frozen=True)
class DataSetting:
    """Which data sets.

    Attributes:
        problems: their names.
    """

    problems: tuple[str, ...] = REAL


@dataclass(frozen=True)
class PathSetting:
    """Which paths.

    Attributes:
        paths: to follow.
    """

    paths: tuple[Path, ...] = SMALL


def separable(setting: DataSetting) -> Evidence:
    """The proved margin of each data set, relative to its longest sample, and the certificate."""
    checks, found = [], {}
    for name in setting.problems:
        data = problem(name)
        limit = max_margin(data, throw=False)
        longest = float(np.linalg.norm(data.features, axis=1).max())
        lower = limit.margin_lower / longest
        checks.append(at_least(f"proved margin / longest sample: {name}", lower, LEAST_MARGIN))
        if limit.margin_lower > 0:
            size = float(np.linalg.norm(limit.weights))
            assert limit.weights_error_bound is not None  # in the Frobenius norm
            error = limit.weights_error_bound / size
            checks += [
                at_most(f"relative gap: {name}", limit.relative_gap, GAP),
                at_most(f"‖W − Ŵ‖/‖Ŵ‖, bound: {name}", error, WEIGHTS_ERROR),
            ]
        found[name] = {
            "samples": data.n_samples,
            "features": data.n_features,
            "classes": data.n_classes,
            "message": limit.message,
            "support pairs": len(limit.support),
            "support rank": limit.support_rank,
        }
    return Evidence(tuple(checks), found)


def accuracy(setting: PathSetting) -> Evidence:
    """Training errors at the end of each path."""
    checks = []
    for path in setting.paths:
        shares = accuracy_of(path)
        wrong = (1.0 - float(shares[-1])) * problem(path.problem).n_samples
        name = f"training errors at log t = {path.log_time:g}: {path.name}"
        checks.append(at_most(name, round(wrong), 0))
    return Evidence(tuple(checks))


CLAIMS = (
    Claim(
        id="ravi2024/real-data-separable",
        source=SOURCE,
        section="premise of the main theorem, on bundled data (not in the paper)",
        statement=(
            "wine, breast_cancer and digits, standardized and with a constant column, are linearly "
            "separable: a margin is proved."
        ),
        proved=False,
        experiment=separable,
        setting=DataSetting(),
        control=DataSetting(("iris",)),
        control_statement="iris is linearly separable.",
        tolerance_reason=(
            "The margin is a proved lower bound, so any positive value decides; 1e-9 of the "
            "longest sample is far above rounding and far below what is found. Gap 1e-12 and "
            "weights 1e-6 are the accuracies asked of a certificate."
        ),
    ),
    Claim(
        id="ravi2024/training-accuracy",
        source=SOURCE,
        section=f"{THEOREM}, consequence",
        statement="On separable data training ends with every training sample classified right.",
        proved=True,
        experiment=accuracy,
        setting=PathSetting(),
        full=PathSetting(FULL),
        control=PathSetting((Path("iris", log_time=LONG_ENOUGH),)),
        control_statement="Training on iris, which nothing separates, ends without an error.",
        tolerance_reason="A count of errors: none is allowed.",
    ),
)
