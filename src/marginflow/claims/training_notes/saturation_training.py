"""Whether regularization keeps units from saturating: a tanh network, with a penalty and without.

Two hidden layers of tanh units on handwritten digits, from first weights that saturate them, by
gradient descent on the mean cross-entropy plus ½ λ ‖θ‖².
"""

import itertools
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from scipy.special import log_softmax

from marginflow.claims.checks import at_least, at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.training_notes.source import SOURCE
from marginflow.data import load_dataset
from marginflow.training.monitor import saturated_share, saturation_measure

N_SAMPLES, WIDTH, RATE, STEPS, EVERY = 300, 30, 0.2, 500, 20
SCALE = 2.0  # of the first weights, over the usual


@dataclass(frozen=True)
class Setting:
    """Training with a penalty.

    Attributes:
        decay: λ.
    """

    decay: float = 0.01


class Training(NamedTuple):
    """What training was like.

    Attributes:
        steps: of the records.
        binned: φ_B of both hidden layers together.
        share: of their outputs near the ends.
        slope: the mean φ'.
        accuracy: of the last network on its samples.
    """

    steps: np.ndarray
    binned: np.ndarray
    share: np.ndarray
    slope: np.ndarray
    accuracy: float


def experiment(setting: Setting) -> Evidence:
    """Saturation after training with the penalty, against that without."""
    plain, decayed = train(0.0), train(setting.decay)
    pairs = zip(decayed[1:4], plain[1:4], strict=True)
    binned, share, slope = (after[-1] / before[-1] for after, before in pairs)
    checks = (
        at_most("φ_B over that without penalty", binned, 0.9),
        at_most("share near the ends over that without penalty", share, 0.5),
        at_least("mean slope over that without penalty", slope, 1.2),
        at_least("accuracy on the samples", decayed.accuracy, 0.95),
    )
    pictures = {"none": plain._asdict(), f"λ = {setting.decay:g}": decayed._asdict()}
    return Evidence(checks, pictures)


@cache
def train(decay: float) -> Training:
    """Train from the same first weights with a penalty λ."""
    data, rng = load_dataset("digits"), np.random.default_rng(0)
    features, labels = data.features[:N_SAMPLES], data.labels[:N_SAMPLES]
    goals = np.eye(data.n_classes)[labels]
    sizes = (features.shape[1], WIDTH, WIDTH, data.n_classes)
    layers = [
        SCALE / np.sqrt(rows) * rng.standard_normal((rows, columns))
        for rows, columns in itertools.pairwise(sizes)
    ]
    rows, accuracy = [], 0.0
    for step in range(STEPS + 1):
        outputs = [features]
        for layer in layers[:-1]:
            outputs.append(np.tanh(outputs[-1] @ layer))
        scores = outputs[-1] @ layers[-1]
        if step % EVERY == 0:
            units = np.concatenate(outputs[1:], axis=1)
            measures = saturation_measure(units), saturated_share(units), np.mean(1.0 - units**2)
            rows.append((step, *measures))
            accuracy = float(np.mean(scores.argmax(axis=1) == labels))
        pull = (np.exp(log_softmax(scores, axis=1)) - goals) / N_SAMPLES
        for place in reversed(range(len(layers))):
            gradient = outputs[place].T @ pull + decay * layers[place]
            pull = (pull @ layers[place].T) * (1.0 - outputs[place] ** 2)
            layers[place] = layers[place] - RATE * gradient
    steps, binned, share, slope = np.array(rows).T
    return Training(steps, binned, share, slope, accuracy)


def draw(evidence: Evidence, ax: Any) -> Any:
    """The measures along training."""
    for index, (name, found) in enumerate(evidence.data.items()):
        for measure, dash in (("binned", "-"), ("share", "--"), ("slope", ":")):
            label = f"{measure}, penalty {name}"
            ax.plot(found["steps"], found[measure], dash, color=f"C{index}", label=label)
    ax.set(xlabel="steps", ylabel="measure", title="Saturation of tanh units in training")
    ax.legend(fontsize="small")
    return ax


CLAIMS = (
    Claim(
        id="training_notes/saturation-regularized",
        source=SOURCE,
        section="saturation: regularization as a remedy",
        statement=(
            "Weight decay takes tanh units of a trained network out of saturation, and leaves the "
            "samples classified."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        control=Setting(1e-5),
        control_statement="So does a penalty that shrinks no weight by over a thousandth.",
        tolerance_reason=(
            "Nothing is random but the first weights, which are the same. Half of the outputs near "
            "the ends, and a slope a fifth larger, are differences worth a penalty."
        ),
        draw=draw,
    ),
)
