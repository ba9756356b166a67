"""Two linear layers, of which the largest normalized margin is known.

Of all W₁ W₂ = W the least ½(‖W₁‖² + ‖W₂‖²) is the nuclear norm of W, so the largest margin over
‖θ‖² is half of the margin in the nuclear norm, a convex problem that `max_margin` certifies.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from marginflow.claims.checks import at_least, at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.lyu2020.source import SOURCE
from marginflow.data import Dataset, gaussian_clusters
from marginflow.dynamics import LossBasedGD, Trajectory, log_spaced, train
from marginflow.limits import max_margin
from marginflow.margins import NetworkMargins

STEPS = 2000


@dataclass(frozen=True)
class Setting:
    """What the margin of two linear layers is compared with.

    Attributes:
        norm: of the classifier that they make.
    """

    norm: str = "nuclear"


def experiment(setting: Setting) -> Evidence:
    """The normalized margin over half of the best one in a norm."""
    best = max_margin(_data(), norm=setting.norm).margin / 2.0
    run = _run()
    shares = run.observables["normalized_margin"] / best
    return Evidence(
        (
            at_most("largest normalized margin over half of the best", shares.max(), 1.0, 1e-7),
            at_least("last normalized margin over half of the best", shares[-1], 0.99),
        ),
        {"steps": run.steps, "shares": shares},
    )


def _data() -> Dataset:
    return gaussian_clusters(0, n_samples=60, n_classes=3, n_features=6, noise=0.5)


@cache
def _run() -> Trajectory:
    network = NetworkMargins(_data(), (6,), negative_slope=1)
    return train(
        network,
        "cross-entropy",
        LossBasedGD(),
        steps=STEPS,
        initial=network.draw(0, 0.3),
        record=log_spaced(20),
    )


def draw(evidence: Evidence, ax: Any) -> Any:
    """What is missing of the best margin."""
    steps, shares = evidence.data["steps"], evidence.data["shares"]
    ax.loglog(steps[1:], 1.0 - shares[1:])
    ax.set(
        xlabel="steps",
        ylabel="1 − margin/half of the nuclear margin",
        title="Two linear layers",
    )
    return ax


CLAIMS = (
    Claim(
        id="lyu2020/two-linear-layers",
        source=SOURCE,
        section="KKT theorem, applied to two linear layers; the limit is derived",
        statement="Two linear layers end at half of the largest margin in the nuclear norm.",
        proved=False,
        experiment=experiment,
        setting=Setting(),
        control=Setting("frobenius"),
        control_statement="They end at half of the largest margin in the Frobenius norm.",
        tolerance_reason=(
            "The best margin is certified to 1e-8 and nothing is above it. The margin nears it as "
            "1/t: after two thousand steps that each let the loss fall by an e-fold at most, a "
            "hundredth may be missing."
        ),
        draw=draw,
    ),
)
