"""Sums of totally regular losses stay totally regular, and so calibrated.

Each of the five conditions passes to sums with positive weights, and so does the limit that makes a
truncation.  A hinge in the sum brings its kinks, and ties with them, whatever the other part is.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from marginflow.claims.checks import close
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.wang2024.source import SOURCE, SUMS
from marginflow.claims.wang2024.verdicts import (
    CALIBRATED,
    TOTALLY_REGULAR,
    draw_verdicts,
    row_of,
    table,
    verdicts_of,
)
from marginflow.losses import SumLoss, get_loss


@dataclass(frozen=True)
class Setting:
    """Which losses are added.

    Attributes:
        parts: registered losses; every two of them are added.
        n_classes: each K.
        seed: of the weights and of the certificate's points.
    """

    parts: tuple[str, ...] = (
        "cross-entropy",
        "multiclass-exponential",
        "pair-log-loss",
        "polynomial",
        "tsallis",
    )
    n_classes: tuple[int, ...] = (3,)
    seed: int = 0


def experiment(setting: Setting) -> Evidence:
    """Whether each sum of two is totally regular and calibrated."""
    checks, found = [], {}
    for k in setting.n_classes:
        rng = np.random.default_rng(setting.seed)
        names, cells = [], []
        for pair in combinations(setting.parts, 2):
            weights = [float(weight) for weight in np.exp(rng.normal(0, 1, 2))]
            loss = SumLoss([get_loss(part) for part in pair], weights)
            terms = zip(weights, pair, strict=True)
            name = " + ".join(f"{weight:.2g} {part}" for weight, part in terms)
            verdicts = verdicts_of(loss, k, setting.seed)
            for what in (TOTALLY_REGULAR, CALIBRATED):
                title = f"{what} (1 yes, 0 no): {name}, K = {k}"
                checks.append(close(title, float(verdicts[what]), 1.0, 0.0))
            names.append(name)
            cells.append(row_of(verdicts))
        found[f"K = {k}"] = table(names, cells)
    return Evidence(tuple(checks), found)


CLAIMS = (
    Claim(
        id="wang2024/sums",
        source=SOURCE,
        section=SUMS,
        statement=(
            "Sums of totally regular losses with positive weights are totally regular, and "
            "classification-calibrated."
        ),
        proved=True,
        experiment=experiment,
        setting=Setting(),
        full=Setting(
            (
                *Setting().parts,
                "coherence",
                "stretched-exponential",
                "cross-entropy-temperature",
            ),
            n_classes=(2, 3, 5),
        ),
        control=Setting(("weston-watkins", "cross-entropy", "pair-log-loss")),
        control_statement="The same with the Weston–Watkins hinge among the parts.",
        tolerance_reason="Verdicts are yes or no; none may differ.",
        draw=draw_verdicts,
    ),
)
