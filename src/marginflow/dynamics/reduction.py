"""The reduction of a risk over its samples: their sum, or their mean."""

import numpy as np

from marginflow.margins import LinearMarginMap


def log_reduction(margin_map: LinearMarginMap, reduction: str) -> float:
    """The logarithm of the factor that the reduction puts before the sum of losses."""
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction: expected 'sum' or 'mean', got {reduction!r}.")
    return -float(np.log(margin_map.n_samples)) if reduction == "mean" else 0.0
