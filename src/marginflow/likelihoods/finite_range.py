"""How far each score may go before a format overflows, found by bisection on the loss itself."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from marginflow.likelihoods.likelihood import Likelihood


def finite_range(likelihood: "Likelihood", target: Any, dtype: np.dtype) -> np.ndarray:
    """The interval around zero of each score, the others at zero, where loss and score are finite.

    Args:
        likelihood: the family.
        target: one target.
        dtype: float32 or float64.

    Returns:
        (n_scores, 2), float64.

    Raises:
        ValueError: if the dtype is another one, or the loss is infinite at zero already.
    """
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype: expected float32 or float64, got {dtype}.")
    p = likelihood.n_scores
    # a score's position is told by log2(1 + |score|), to which bisection is fair
    end = float(np.log2(np.finfo(dtype).max))
    inside, outside = np.zeros((p, 2)), np.full((p, 2), end)
    if not np.all(_finite(likelihood, inside, target, dtype)):
        raise ValueError(f"{likelihood.name}: the loss of {target} is infinite at scores of zero.")
    open_ends = _finite(likelihood, outside, target, dtype)
    for _ in range(64):
        middle = 0.5 * (inside + outside)
        finite = _finite(likelihood, middle, target, dtype)
        inside, outside = np.where(finite, middle, inside), np.where(finite, outside, middle)
    reach = np.where(open_ends, float(np.finfo(dtype).max), np.exp2(np.minimum(inside, 1023)) - 1)
    return reach * np.array([-1.0, 1.0])


def _finite(likelihood: "Likelihood", reach: np.ndarray, target: Any, dtype: Any) -> np.ndarray:
    p = len(reach)
    moved = (np.exp2(np.minimum(reach, 1023)) - 1) * np.array([-1.0, 1.0])
    limit = float(np.finfo(dtype).max)
    scores = np.zeros((p, 2, p), dtype)
    scores[np.arange(p), :, np.arange(p)] = np.clip(moved, -limit, limit)
    scores = scores[..., 0] if p == 1 else scores
    targets = np.broadcast_to(np.asarray(target), (p, 2, *np.shape(target)))
    finite = np.isfinite(likelihood.loss(scores, targets))
    score = np.asarray(likelihood.score(scores, targets)).reshape(p, 2, -1)
    return finite & np.all(np.isfinite(score), axis=-1)
