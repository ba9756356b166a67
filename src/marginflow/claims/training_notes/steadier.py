"""Whether momentum makes training steadier, under the noise of minibatches.

Logistic regression with a ridge, by batches of eight.  Once the risk no longer falls, what is left
is noise: how much the risk spreads about its mean, how much it changes at a step, and whether a
step goes on where the last one went.  At equal η/(1 − β) the spread is nearly the same: along a
curvature h, noise σ and a small α = η/(1 − β) give both the variance α σ²/(2 h), which momentum
spends on slow turns and plain descent on jumps.  At equal η it is 1/(1 − β) times larger.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.checks import at_least, at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.training_notes.momentum_descent import REACH, Comparison, iterates
from marginflow.claims.training_notes.source import SOURCE
from marginflow.data import load_dataset

REACHED, RIDGE, BATCH, SEEDS = 0.3, 0.1, 8, 10
SHOWN = 300


@dataclass(frozen=True, kw_only=True)
class Setting(Comparison):
    """Logistic regression on breast_cancer, from zero.

    Attributes:
        steps: of which the second half is judged.
        noisy: whether steps see batches of eight, or all samples.
    """

    steps: int = 2000
    noisy: bool = True


def experiment(setting: Setting) -> Evidence:
    """The noise that momentum leaves, against that of plain descent."""
    heavy, plain = (
        _measures(rate, momentum, setting.steps, setting.noisy)
        for rate, momentum in setting.methods(REACHED).values()
    )
    return Evidence(
        (
            at_most(
                "spread of the risk, over that of plain", _over(heavy, plain, "spread"), 1, 0.1
            ),
            at_most("change at a step, over that of plain", _over(heavy, plain, "change"), 1, 0.1),
            at_least(
                "cos of a step and the next, less plain's", heavy["cos"] - plain["cos"], 0, 0.1
            ),
            at_most(
                "share of steps that end where the slope is against them, less plain's",
                heavy["against"] - plain["against"],
                0,
                0.1,
            ),
        ),
        {"momentum": heavy["risk"], "plain": plain["risk"]},
    )


def _over(heavy: dict[str, Any], plain: dict[str, Any], name: str) -> float:
    return float(heavy[name] / plain[name])


@cache
def _measures(rate: float, momentum: float, steps: int, noisy: bool) -> dict[str, Any]:
    """Of the second half of the steps, means over the seeds."""
    data = load_dataset("breast_cancer")
    features, signs = data.features, 2.0 * data.labels - 1.0
    rng, count = np.random.default_rng(0), SEEDS if noisy else 1

    def slope(_: int, weights: np.ndarray) -> np.ndarray:
        if not noisy:
            return _slope(features, signs, weights)[1]
        rows = rng.integers(len(signs), size=(count, BATCH))
        seen, own = features[rows], signs[rows]
        margins = own * np.matmul(seen, weights[:, :, None])[:, :, 0]
        pull = own / (1.0 + np.exp(margins))
        return RIDGE * weights - np.matmul(pull[:, None], seen)[:, 0] / BATCH

    risks, cosines, against = [], [], []
    last = np.zeros((count, features.shape[1]))
    for index, (weights, step) in enumerate(iterates(slope, last, rate, momentum, steps)):
        if index >= steps // 2:
            risk, whole = _slope(features, signs, weights)
            risks.append(risk)
            cosines.append(_cosine(step, last))
            against.append(np.sum(whole * step, axis=1) > 0)
        last = step
    found = np.array(risks)
    return {
        "risk": found[-SHOWN:, 0],
        "spread": float(found.std(axis=0).mean()),
        "change": float(np.sqrt(np.mean(np.diff(found, axis=0) ** 2))),
        "cos": float(np.mean(cosines)),
        "against": float(np.mean(against)),
    }


def _slope(
    features: np.ndarray, signs: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Risk (s,) and slope (s, d) of weights (s, d), with all samples."""
    margins = signs * (weights @ features.T)
    risk = np.logaddexp(0.0, -margins).mean(axis=1) + 0.5 * RIDGE * np.sum(weights**2, axis=1)
    pull = signs / (1.0 + np.exp(margins))
    return risk, RIDGE * weights - pull @ features / len(signs)


def _cosine(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray(np.sum(one * other, axis=1) / lengths)


def draw(evidence: Evidence, ax: Any) -> Any:
    """The risk at the last steps of one seed."""
    for name, risk in evidence.data.items():
        ax.plot(np.arange(len(risk)) - len(risk), risk, label=name, lw=1.2)
    ax.set(
        xlabel="step, from the last",
        ylabel="risk",
        title="Minibatch noise, with momentum and without",
    )
    ax.legend()
    return ax


_REASON = (
    "The second half of 2,000 steps holds 30 relaxation times of the slowest direction and ten "
    "seeds, which both methods share: standard deviations are known to 3 %, shares to .03. A tenth "
    "is three times that; no more than a tenth of less noise is asked for."
)

CLAIMS = (
    Claim(
        id="training_notes/steadier",
        source=SOURCE,
        section="momentum: steadier, as said: momentum is added at the same learning rate",
        statement=(
            "Momentum makes training steadier: at the same learning rate, under the noise of "
            "minibatches, the risk spreads and jumps no more, and steps turn less."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        control=Setting(steps=100, noisy=False),
        control_statement="So it does with all samples at each step, where momentum overshoots.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
    Claim(
        id="training_notes/steadier-at-equal-reach",
        source=SOURCE,
        section="momentum: steadier, at equal effective steps",
        statement=(
            "Momentum makes training steadier: at equal η/(1 − β), under the noise of minibatches, "
            "the risk spreads and jumps no more, and steps turn less."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(equal=REACH),
        control=Setting(equal=REACH, steps=100, noisy=False),
        control_statement="So it does with all samples at each step, where momentum overshoots.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
)
