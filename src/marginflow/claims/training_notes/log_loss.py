"""The log loss as an algorithm in four steps, and as the loss of the Bernoulli likelihood."""

from dataclasses import dataclass

import numpy as np

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.training_notes.source import SOURCE
from marginflow.likelihoods import Bernoulli, log_loss

N_ROWS, N_PROBLEMS = 100, 20


@dataclass(frozen=True)
class Steps:
    """The steps, row by row.

    Attributes:
        keep: of a predicted p "that of the label", p or 1 − p, or "p" whatever the label.
    """

    keep: str = "that of the label"


def experiment(setting: Steps) -> Evidence:
    """How far the steps are from the log loss, and from the mean loss of a Bernoulli likelihood."""
    rng, off = np.random.default_rng(0), []
    for _ in range(N_PROBLEMS):
        odds, labels = 2.0 * rng.standard_normal(N_ROWS), rng.integers(2, size=N_ROWS)
        found = _by_steps(setting.keep, 1.0 / (1.0 + np.exp(-odds)), labels)
        expected = log_loss(labels, 1.0 / (1.0 + np.exp(-odds)))
        likelihood = float(np.mean(Bernoulli().loss(odds, labels)))
        off.append((abs(found - expected), abs(found - likelihood)))
    worst = np.max(off, axis=0)
    return Evidence(
        (
            at_most("steps less the log loss", worst[0], 0.0, 1e-12),
            at_most("steps less the mean of −log p(label | log-odds)", worst[1], 0.0, 1e-12),
        )
    )


def _by_steps(keep: str, probabilities: np.ndarray, labels: np.ndarray) -> float:
    total = 0.0
    for p, label in zip(probabilities, labels, strict=True):
        kept = p if label == 1 or keep == "p" else 1.0 - p
        total -= float(np.log(kept))
    return total / len(labels)


CLAIMS = (
    Claim(
        id="training_notes/log-loss",
        source=SOURCE,
        section="log loss, step by step",
        statement=(
            "The log loss is found row by row: take the probability of class 1, keep it if the "
            "label is 1 and one minus it otherwise, take the negative logarithm, and average."
        ),
        proved=True,
        experiment=experiment,
        setting=Steps(),
        control=Steps("p"),
        control_statement="The probability of class 1 is kept whatever the label.",
        tolerance_reason=(
            "A probability of e^−7 at least is one minus another to 1e-16/e^−7 = 1e-13 of itself, "
            "which the mean of a hundred logarithms makes less."
        ),
    ),
)
