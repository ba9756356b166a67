"""Margins of scores: how far the true class is ahead."""

import numpy as np
from jaxtyping import Float, Int

from marginflow.margins.multiclass import relative_margins

QUANTILE = 0.05


def sample_margins(
    scores: Float[np.ndarray, "..."], labels: Int[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Each sample's least relative margin: the true class's score less the best of the others.

    Args:
        scores: (n, K), or (n,) of class 1 where there are two.
        labels: (n,) in 0..K−1.

    Example:
        >>> import numpy as np
        >>> sample_margins(np.array([[3.0, 1.0, 0.0], [0.0, 1.0, 4.0]]), np.array([0, 1]))
        array([ 2., -3.])
    """
    if scores.ndim == 1:
        return np.where(labels == 1, scores, -scores)
    return np.asarray(relative_margins(scores, labels)).min(axis=1)


def margin_summary(margins: Float[np.ndarray, " n"]) -> dict[str, float]:
    """The least margin, its 5 % quantile, the median, and the share above zero.

    Args:
        margins: (n,) of samples.

    Example:
        >>> import numpy as np
        >>> margin_summary(np.array([-1.0, 1.0, 3.0, 5.0]))["accuracy"]
        0.75
    """
    low, middle = np.quantile(margins, [QUANTILE, 0.5])
    return {
        "margin": float(margins.min()),
        "margin_q05": float(low),
        "margin_median": float(middle),
        "accuracy": float(np.mean(margins > 0)),
    }
