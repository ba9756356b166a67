"""The largest learning rate for which gradient descent is known to decrease the risk."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.losses import Loss, MulticlassExponential
from marginflow.margins import BinaryMargins, LinearMarginMap, MarginMap


@dataclass(frozen=True)
class StepBound:
    """An upper bound on the learning rate.

    Attributes:
        value: the bound; a learning rate below it decreases the risk at every step.
        formula: how it was formed.
    """

    value: float
    formula: str


def step_bound(
    margin_map: MarginMap, loss: Loss, initial: Any, reduction: str = "sum"
) -> StepBound | None:
    """The step-size bound of a loss on data, or None where none is known.

    η < 2/(β σ_max(X)²) for a loss with smoothness β in the scores (Ravi et al. 2024, arXiv
    2411.01350, theorem 3.4).  The multiclass exponential loss has no β; on the level set of the
    initial weights W₀, η < 1/(max‖x_i‖² L(W₀)), and 2/(...) for binary weights, does the same
    (derived).  Both are for the sum over the samples; for the mean they are n times as large.

    Args:
        margin_map: linear maps have a bound.
        loss: any.
        initial: W₀.
        reduction: "sum" or "mean".
    """
    if not isinstance(margin_map, LinearMarginMap):
        return None
    features = np.asarray(margin_map.features)
    factor = margin_map.n_samples if reduction == "mean" else 1
    smoothness = loss.smoothness(margin_map.n_classes)
    if smoothness is not None:
        beta = margin_map.score_smoothness(smoothness)
        largest = float(np.linalg.eigvalsh(_smaller_gram(features))[-1])
        return StepBound(factor * 2 / (beta * largest), "2/(β σ_max(X)²)")
    if isinstance(loss, MulticlassExponential):
        margins = np.asarray(margin_map.margins(np.asarray(initial)))
        with np.errstate(over="ignore"):
            risk = float(np.sum(np.exp(-margins)))
        largest = float(np.max(np.sum(features**2, axis=1)))
        numerator = 2 if isinstance(margin_map, BinaryMargins) else 1
        formula = f"{numerator}/(max ‖x_i‖² L(W₀))"
        return StepBound(factor * numerator / (largest * risk), formula)
    return None


def _smaller_gram(features: np.ndarray) -> np.ndarray:
    n, d = features.shape
    return features.T @ features if d <= n else features @ features.T
