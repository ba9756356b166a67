"""The largest learning rate for which gradient descent is known to decrease the risk."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.losses import Loss, MulticlassExponential, as_loss
from marginflow.margins import BinaryMargins, LinearMarginMap, as_margin_map


@dataclass(frozen=True)
class StepBound:
    """An upper bound on the learning rate.

    Example:
        >>> import marginflow as mf
        >>> mf.step_bound(mf.soudry_toy(), mf.CrossEntropy()).formula
        '2/(β σ_max(X)²)'

    Attributes:
        value: the bound; a learning rate below it decreases the risk at every step.
        formula: how it was formed.
    """

    value: float
    formula: str


def step_bound(
    data: Any, loss: Loss | str | Callable, initial: Any = None, reduction: str = "sum"
) -> StepBound | None:
    """The step-size bound of a loss on data, or None where none is known.

    η < 2/(β σ_max(X)²) for a loss with smoothness β in the scores (Ravi et al. 2024, arXiv
    2411.01350, main theorem).  The multiclass exponential loss has no β; on the level set of the
    initial weights W₀, η < 1/(max‖x_i‖² L(W₀)), and 2/(...) for binary weights, does the same
    (derived).  Both are for the sum over the samples; for the mean they are n times as large.

    Args:
        data: a `Dataset`, a pair (features, labels) or a margin map; linear maps have a bound.
        loss: a `Loss`, the name of a registered one, or a template function.
        initial: W₀, zeros by default; used where the bound is that of a level set.
        reduction: "sum" or "mean".

    Returns:
        A `StepBound`, or None.

    Example:
        >>> import marginflow as mf
        >>> bound = mf.step_bound(mf.soudry_toy(), mf.CrossEntropy())
        >>> bound.formula
        '2/(β σ_max(X)²)'
    """
    margin_map, loss = as_margin_map(data), as_loss(loss)
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
        first = np.zeros(margin_map.weights_shape) if initial is None else np.asarray(initial)
        margins = np.asarray(margin_map.margins(first))
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
