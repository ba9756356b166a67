"""The validation loss goes up: Ω(log t) as soon as the limit misclassifies one validation point."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.soudry2018.source import SOURCE
from marginflow.data import linear_teacher
from marginflow.dynamics import gradient_flow
from marginflow.limits import max_margin
from marginflow.losses import CrossEntropy
from marginflow.margins import BinaryMargins


@dataclass(frozen=True)
class Setting:
    """A teacher's data, and whether the validation points that Ŵ gets wrong are kept."""

    seed: int = 0
    keep_wrong: bool = True
    last: float = 1e6


def experiment(setting: Setting) -> Evidence:
    """Validation loss over log t, against Σ max(0, −y x·Ŵ) over the validation points."""
    data = linear_teacher(setting.seed, n_samples=30, n_features=5, n_classes=2)
    assert data.holdout is not None
    limit = max_margin(data)
    at_limit = BinaryMargins(data.holdout).margins(limit.weights)[:, 0]
    kept = np.ones(len(at_limit), dtype=bool) if setting.keep_wrong else at_limit > 0
    times = np.geomspace(10.0, setting.last, 26)
    flow = gradient_flow(data, CrossEntropy(), record=times, limit=limit)
    scores = flow.recorded_weights @ data.holdout.features[kept].T
    labels = np.broadcast_to(data.holdout.labels[kept], scores.shape)
    loss = CrossEntropy()(scores, labels).sum(axis=1)
    constant = float(np.maximum(-at_limit[kept], 0.0).sum())
    measured = float(loss[-1] / times[-1])
    right = np.mean((scores > 0) == (labels == 1), axis=1)
    fall = float(right[0] - right[-1])
    checks = (
        Check("Σ max(0, −y x·Ŵ) is positive", constant, 1e-3, 0.0, "at_least"),
        Check("validation loss / log t", measured, constant, 1e-4 * max(constant, 1e-3)),
        Check("fall of the validation accuracy from log t = 10 on", fall, 0.0, 0.0, "at_most"),
    )
    return Evidence(checks, {"log_time": times, "loss": loss, "constant": constant})


def draw(evidence: Evidence, ax: Any) -> Any:
    """Validation loss over log t."""
    data = evidence.data
    ax.semilogx(data["log_time"], data["loss"] / data["log_time"], label="validation loss / log t")
    ax.axhline(data["constant"], ls="--", color="gray", label="predicted")
    ax.set(xlabel="log t", title="The validation loss grows as log t")
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="soudry2018/validation-loss",
        source=SOURCE,
        section="the corollary on validation loss",
        statement=(
            "If the max-margin classifier misclassifies a validation point, the validation loss "
            "grows as log t, although the accuracy does not fall; its slope is Σ max(0, −y x·Ŵ)."
        ),
        proved=True,
        experiment=experiment,
        setting=Setting(),
        control=Setting(keep_wrong=False),
        control_statement="Only validation points that the limit classifies correctly are kept.",
        tolerance_reason="The next term is x·ρ/log t, about 10/1e6 of the constant.",
        draw=draw,
    ),
)
