"""Whether momentum speeds up over-fitting, and the learning of wrong labels.

Logistic regression on 80 samples of breast_cancer with 31 features, with all labels right or with a
fifth of all flipped; the gap is the mean loss of the other samples less that of these.  Training
separates the samples in the end, and the gap grows on the way.  At equal η momentum goes that way
1/(1 − β) times faster.  Against effective time, η/(1 − β) times the steps, both are on one curve.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from marginflow.claims.checks import at_least, at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.training_notes.momentum_descent import REACH, Comparison, iterates
from marginflow.claims.training_notes.source import SOURCE
from marginflow.data import load_dataset

N_TRAIN, SEEDS, STEPS = 80, 5, 1000


@dataclass(frozen=True, kw_only=True)
class Setting(Comparison):
    """Training and new samples of breast_cancer.

    Attributes:
        flipped: shares of all labels.
    """

    flipped: tuple[float, ...] = (0.0, 0.2)


class Samples(NamedTuple):
    """Features (s, n, d) and labels ±1 (s, n) of s draws, and which labels are flipped."""

    features: np.ndarray
    signs: np.ndarray
    flipped: np.ndarray

    def margins(self, weights: np.ndarray) -> np.ndarray:
        """Of weights (s, d): (s, n)."""
        return self.signs * np.matmul(self.features, weights[:, :, None])[:, :, 0]

    def loss(self, weights: np.ndarray) -> float:
        """The mean logistic loss."""
        return float(np.logaddexp(0.0, -self.margins(weights)).mean())

    def slope(self, weights: np.ndarray) -> np.ndarray:
        """The gradient of each draw's mean loss, (s, d)."""
        pull = self.signs / (1.0 + np.exp(self.margins(weights)))
        return -np.matmul(pull[:, None], self.features)[:, 0] / self.signs.shape[1]


def experiment(setting: Setting) -> Evidence:
    """When momentum has the last gap of plain descent, and the wrong labels that it has learnt."""
    methods, checks, pictures = setting.methods(1.0), [], {}
    for share in setting.flipped:
        (heavy, learnt), (plain, learnt_plain) = (
            train(rate, momentum, share) for rate, momentum in methods.values()
        )
        words = f"{share:.0%} flipped"
        reached = int(np.argmax(heavy >= plain[-1])) if heavy.max() >= plain[-1] else STEPS
        name = f"{words}: share of the steps until momentum has the last gap of plain"
        checks.append(at_most(name, (reached + 1) / STEPS, 0.9))
        if share:
            more = learnt - learnt_plain
            checks.append(at_least(f"{words}: wrong labels learnt, less plain", more, 0.05))
        pictures[words] = {
            method: {"time": rate / (1.0 - momentum) * np.arange(1, STEPS + 1), "gap": gap}
            for (method, (rate, momentum)), gap in zip(methods.items(), (heavy, plain), strict=True)
        }
    return Evidence(tuple(checks), pictures)


@cache
def train(rate: float, momentum: float, share: float) -> tuple[np.ndarray, float]:
    """The gap after each step, and the share of flipped labels that are learnt at last.

    Args:
        rate: η in units of the inverse of the largest curvature.
        momentum: β.
        share: of labels that are flipped.
    """
    seen, new = samples(share)
    curvature = np.linalg.norm(seen.features, 2, axis=(1, 2)) ** 2 / (4.0 * N_TRAIN)
    start = np.zeros((SEEDS, seen.features.shape[2]))
    rates = rate / curvature[:, None]
    gaps, weights = [], start
    for weights, _ in iterates(lambda _, at: seen.slope(at), start, rates, momentum, STEPS):
        gaps.append(new.loss(weights) - seen.loss(weights))
    learnt = seen.margins(weights)[seen.flipped] > 0
    return np.array(gaps), float(learnt.mean()) if share else 0.0


def samples(share: float) -> tuple[Samples, Samples]:
    """Those that are trained on, and new ones."""
    data = load_dataset("breast_cancer")
    draws = []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        order, flipped = rng.permutation(data.n_samples), rng.random(data.n_samples) < share
        signs = (2.0 * data.labels - 1.0) * np.where(flipped, -1.0, 1.0)
        draws.append([each[order] for each in (data.features, signs, flipped)])
    features, signs, flipped = (np.array(each) for each in zip(*draws, strict=True))
    seen, new = slice(None, N_TRAIN), slice(N_TRAIN, None)
    first, second = (Samples(features[:, i], signs[:, i], flipped[:, i]) for i in (seen, new))
    return first, second


def draw(evidence: Evidence, ax: Any) -> Any:
    """The gap against effective time."""
    for words, runs in evidence.data.items():
        color = None
        for method, found in runs.items():
            dash = "-" if method == "momentum" else "--"
            [line] = ax.semilogx(
                found["time"], found["gap"], dash, color=color, label=f"{words}, {method}"
            )
            color = line.get_color()
    ax.set(
        xlabel="effective time: steps times η/(1 − β)",
        ylabel="loss of new samples less that of training",
        title="The gap against effective time",
    )
    ax.legend()
    return ax


_REASON = (
    "All is without batches, on five fixed draws. A tenth fewer steps is a speed-up worth the "
    "name; 80 flipped labels in all make a share of .05 four of them."
)

CLAIMS = (
    Claim(
        id="training_notes/overfitting",
        source=SOURCE,
        section="momentum: speeds up over-fitting, as said: at the same learning rate",
        statement=(
            "Momentum can speed up over-fitting: it has plain descent's gap between training and "
            "new samples in fewer steps, at the same learning rate, and learns more wrong labels."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        control=Setting(equal=REACH),
        control_statement="It does so at equal η/(1 − β) too, by more than its longer steps.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
    Claim(
        id="training_notes/overfitting-at-equal-reach",
        source=SOURCE,
        section="momentum: speeds up over-fitting, at equal effective steps",
        statement=(
            "Momentum can speed up over-fitting: it has plain descent's gap between training and "
            "new samples in fewer steps, at equal η/(1 − β), and learns more wrong labels."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(equal=REACH),
        control=Setting(equal=REACH, momentum=0.05),
        control_statement="So it does with a momentum of a twentieth.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
)
