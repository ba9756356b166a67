"""Are the support vectors linearly independent?  Appendix H's conjecture, on its random data sets.

Where they are, the dual is unique and the residual's limit with it.  The conjecture is about the
vectors of the support pairs, x_i ⊗ (e_y − e_k), and is tested on random data: K = 3..6 classes,
d = 2..6 features, 20·K samples, a hundred data sets each.  A support counts only where its active
set is proved, so that no pair is in it by rounding.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.ravi2024.source import SOURCE
from marginflow.data import DataError, Dataset, linear_teacher
from marginflow.limits import MaxMargin, max_margin

SAMPLES_PER_CLASS = 20


@dataclass(frozen=True)
class Setting:
    """Random data sets.

    Attributes:
        classes: the numbers of classes K.
        features: the numbers of features d.
        seeds: how many data sets for each K and d.
        lattice: whether each feature is replaced by its sign, and labelled by the max-margin
            classifier of the data as they were.
    """

    classes: tuple[int, ...] = (3, 4, 5, 6)
    features: tuple[int, ...] = (2, 3, 4, 5, 6)
    seeds: int = 10
    lattice: bool = False


def independence(setting: Setting) -> Evidence:
    """How many data sets have a linearly dependent support; a check for each number of classes."""
    shape = (len(setting.classes), len(setting.features))
    tried, dependent, unproved, absent = (np.zeros(shape, dtype=int) for _ in range(4))
    for cell in np.ndindex(shape):
        n_classes, n_features = setting.classes[cell[0]], setting.features[cell[1]]
        for seed in range(setting.seeds):
            data, limit = _solve(setting, n_classes, n_features, seed)
            if data is None or limit is None:
                continue
            tried[cell] += 1
            dependent[cell] += limit.support_rank < len(limit.support)
            unproved[cell] += not limit.active_set_proved and not setting.lattice
            absent[cell] += bool(np.any(data.class_counts == 0))
    checks = [
        at_most(
            f"dependent supports in {tried[row].sum()} data sets: K = {n_classes}",
            dependent[row].sum(),
            0,
            uncertainty=unproved[row].sum(),
        )
        for row, n_classes in enumerate(setting.classes)
    ]
    data = {
        "classes": np.array(setting.classes),
        "features": np.array(setting.features),
        "data sets": tried,
        "dependent": dependent,
        "active set not proved": unproved,
        "with a class that has no sample": absent,
    }
    return Evidence(tuple(checks), data)


def _solve(
    setting: Setting, n_classes: int, n_features: int, seed: int
) -> tuple[Dataset | None, MaxMargin | None]:
    """A data set and its max-margin weights; None where all samples have one label."""
    try:
        data = linear_teacher(
            seed,
            n_samples=SAMPLES_PER_CLASS * n_classes,
            n_features=n_features,
            n_classes=n_classes,
        )
        limit = max_margin(data)
        if setting.lattice:
            signs = np.sign(data.features)
            labels = np.argmax(signs @ limit.weights, axis=1)
            data = Dataset(signs, labels, classes=np.arange(n_classes))
            limit = max_margin(data)
    except DataError:
        return None, None
    return data, limit


def draw(evidence: Evidence, ax: Any) -> Any:
    """The share of data sets with a dependent support, by K and d."""
    data = evidence.data
    share = data["dependent"] / np.maximum(data["data sets"], 1)
    image = ax.imshow(share, vmin=0, vmax=1, cmap="Greys", aspect="auto")
    for (row, column), count in np.ndenumerate(data["dependent"]):
        text = f"{count} of {data['data sets'][row, column]}"
        ax.text(column, row, text, ha="center", va="center", color="C0")
    ax.set_xticks(range(len(data["features"])), data["features"])
    ax.set_yticks(range(len(data["classes"])), data["classes"])
    ax.set(xlabel="features $d$", ylabel="classes $K$", title="dependent supports")
    ax.figure.colorbar(image, ax=ax, label="share")
    return ax


CLAIMS = (
    Claim(
        id="ravi2024/linear-independence",
        source=SOURCE,
        section="Appendix H, conjecture",
        statement=(
            "On random data the vectors of the support pairs are linearly independent: K = 3..6, "
            "d = 2..6, 20·K samples."
        ),
        proved=False,
        experiment=independence,
        setting=Setting(),
        full=Setting(seeds=100),
        control=replace(Setting(), lattice=True, seeds=3),
        control_statement="The same for features of ±1, which repeat and lie on common planes.",
        tolerance_reason=(
            "A count: one dependent support on random data refutes the conjecture. The rank is "
            "that of a support whose active set is proved; where it is not, the count is "
            "uncertain by one."
        ),
        draw=draw,
    ),
)
