"""From scores to coordinates: a real parameter is its score, a positive one is carried by its log.

The exponential link makes the score that logarithm.  Softplus, log(1 + e^θ), grows like θ instead:
a step of the score then changes a large parameter by a step, not by a factor.
"""

from typing import Any

import numpy as np

from marginflow._types import namespace
from marginflow.losses.log_sum import TINY, log_softplus

INVERSE_LINKS = ("exp", "softplus")


def log_of_positive(scores: Any, inverse_link: str) -> Any:
    """The logarithm of the positive parameter that a score stands for; NumPy or JAX."""
    if inverse_link == "exp":
        return scores
    if namespace(scores) is not np:
        return log_softplus(scores)
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(scores < TINY, scores, np.log(np.logaddexp(0, scores)))


def link_slope(scores: Any, inverse_link: str) -> Any:
    """The derivative of that logarithm in the score: 1, or σ(θ) / log(1 + e^θ)."""
    xp = namespace(scores)
    if inverse_link == "exp":
        return xp.ones_like(scores)
    return xp.exp(-xp.logaddexp(0, -scores) - log_of_positive(scores, inverse_link))


def score_of_positive(values: np.ndarray, inverse_link: str) -> np.ndarray:
    """The score that stands for a positive parameter."""
    if inverse_link == "exp":
        return np.log(values)
    return values + np.log(-np.expm1(-values))
