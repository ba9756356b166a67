"""The largest learning rate for which gradient descent is known to decrease the risk."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.dynamics.arguments import check_sample_weight
from marginflow.limits.scaling import take_out_scale
from marginflow.losses import Loss, MulticlassExponential, as_loss
from marginflow.margins import BinaryMargins, LinearMarginMap, as_margin_map

FAR = 500.0  # margins from which on the exponential is taken apart
BEYOND = 1e5  # margins from which on no scale of features brings the bound back into float64


@dataclass(frozen=True)
class StepBound:
    """An upper bound on the learning rate.

    Example:
        >>> import marginflow as mf
        >>> mf.step_bound(mf.soudry_toy(), mf.CrossEntropy()).formula
        '2/(β σ_max(X)²)'

    Attributes:
        value: the bound; a learning rate below it decreases the risk at every step.  It is 0 or
            inf where it leaves float64, as with features of 1e200 or 1e-200.
        formula: how it was formed.
    """

    value: float
    formula: str


def step_bound(
    data: Any,
    loss: Loss | str | Callable,
    initial: Any = None,
    reduction: str = "sum",
    sample_weight: Any = None,
) -> StepBound | None:
    """The step-size bound of a loss on data, or None where none is known.

    η < 2/(β σ_max(X)²) for a loss with smoothness β in the scores (Ravi et al. 2024, arXiv
    2411.01350, main theorem).  The multiclass exponential loss has no β; on the level set of the
    initial weights W₀, η < 1/(max‖x_i‖² L(W₀)), and 2/(...) for binary weights, does the same
    (derived).  Both are for the sum over the samples; for the mean they are n times as large.  With
    weights w of the samples, X has the rows √w_i x_i, L(W₀) = Σ w_i ψ(u_i), and Σ w stands for n.

    Args:
        data: a `Dataset`, a pair (features, labels) or a margin map; linear maps have a bound.
        loss: a `Loss`, the name of a registered one, or a template function.
        initial: W₀, zeros by default; used where the bound is that of a level set.
        reduction: "sum" or "mean".
        sample_weight: (n,) positive weights w of the samples; 1 by default.

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
    scaled = take_out_scale(margin_map)
    features = np.asarray(scaled.maps.features)
    log_weights = check_sample_weight(margin_map.n_samples, sample_weight)
    weights = np.ones(len(features)) if log_weights is None else np.exp(log_weights)
    factor = float(np.sum(weights)) if reduction == "mean" else 1
    smoothness = loss.smoothness(margin_map.n_classes)
    if smoothness is not None:
        beta = margin_map.score_smoothness(smoothness)
        rows = features * np.sqrt(weights)[:, None]
        largest = float(np.linalg.eigvalsh(_smaller_gram(rows))[-1])
        value = _quotient(factor * 2, beta * largest, -2 * scaled.exponent)
        return StepBound(value, "2/(β σ_max(X)²)")
    if isinstance(loss, MulticlassExponential):
        first = np.zeros(margin_map.weights_shape) if initial is None else np.asarray(initial)
        margins = np.asarray(margin_map.margins(first))
        halvings = _nearest_power(float(np.min(margins)))
        with np.errstate(over="ignore"):
            # the risk is this times 2^−halvings, whose exponential may leave float64
            risk = float(np.sum(weights[:, None] * np.exp(halvings * math.log(2) - margins)))
        largest = float(np.max(np.sum(features**2, axis=1)))
        numerator = 2 if isinstance(margin_map, BinaryMargins) else 1
        formula = f"{numerator}/(max ‖x_i‖² L(W₀))"
        value = _quotient(factor * numerator, largest * risk, halvings - 2 * scaled.exponent)
        return StepBound(value, formula)
    return None


def _quotient(numerator: float | int, denominator: float, exponent: int) -> float:
    """numerator/denominator · 2^exponent, rounded to 0 or inf where it leaves float64."""
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        return float(np.ldexp(np.float64(numerator) / denominator, exponent))


def _nearest_power(log: float) -> int:
    """The k whose 2^k is nearest to e^log; 0 where e^log itself does."""
    if math.isfinite(log) and abs(log) > FAR:
        return round(min(max(log, -BEYOND), BEYOND) / math.log(2))
    return 0


def _smaller_gram(features: np.ndarray) -> np.ndarray:
    n, d = features.shape
    return features.T @ features if d <= n else features @ features.T
