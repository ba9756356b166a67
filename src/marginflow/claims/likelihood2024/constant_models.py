"""The best constant prediction of a loss: a frequency, a mean, a median, a quantile."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.likelihood2024.source import SOURCE
from marginflow.likelihoods import Bernoulli, Gaussian, Laplace, Poisson, Quantile, StudentT

N_SAMPLES = 501


@dataclass(frozen=True)
class Constants:
    """Losses whose best constant is compared with a statistic of the targets.

    Attributes:
        losses: names in `_TABLE`.
    """

    losses: tuple[str, ...] = ("Bernoulli", "Gaussian", "Poisson", "Laplace", "quantile .9")


def best_constants(setting: Constants) -> Evidence:
    """The constant that minimizes the mean loss, and the statistic, on skewed targets."""
    rng = np.random.default_rng(0)
    targets = {
        "real": rng.gamma(2.0, size=N_SAMPLES),
        "count": rng.poisson(2.5, size=N_SAMPLES).astype(float),
        "binary": (rng.random(N_SAMPLES) < 0.3).astype(float),
    }
    checks = []
    for name in setting.losses:
        family, kind, of_score, statistic = _TABLE[name]
        y = targets[kind]

        def risk(score: float, family: Any = family, y: np.ndarray = y) -> float:
            return float(np.mean(family.loss(np.full(len(y), score), y)))

        low, high = (-6.0, 6.0) if kind != "real" else (y.min(), y.max())
        best: Any = optimize.minimize_scalar(
            risk, bounds=(low, high), method="bounded", options={"xatol": 1e-9}
        )
        off = abs(of_score(best.x) - statistic(y))
        checks.append(at_most(f"{name}: the best constant less the statistic", off, 1e-5))
    return Evidence(tuple(checks))


_TABLE: dict[str, tuple] = {
    "Bernoulli": (Bernoulli(), "binary", lambda s: 1 / (1 + np.exp(-s)), np.mean),
    "Gaussian": (Gaussian(scale=1.0), "real", lambda s: s, np.mean),
    "Poisson": (Poisson(), "count", np.exp, np.mean),
    "Laplace": (Laplace(scale=1.0), "real", lambda s: s, np.median),
    "quantile .9": (
        Quantile(0.9, scale=1.0),
        "real",
        lambda s: s,
        lambda y: np.quantile(y, 0.9),
    ),
    "Student-t": (StudentT(degrees=3.0, scale=1.0), "real", lambda s: s, np.mean),
}

CLAIMS = (
    Claim(
        id="likelihood2024/best-constants",
        source=SOURCE,
        section="what a loss estimates",
        statement=(
            "The best constant prediction is the class frequency for the cross-entropy, the mean "
            "for the squared error and for Poisson's, the median for the absolute error, the "
            "quantile for the pinball loss."
        ),
        proved=True,
        experiment=best_constants,
        setting=Constants(),
        control=Constants(("Student-t",)),
        control_statement="It is the mean for Student's t.",
        tolerance_reason=(
            "A smooth loss of size 1 tells a minimizer to about the root of rounding, 1e-8, and "
            "golden section to 1e-9; 501 samples make median and quantile unique."
        ),
    ),
)
