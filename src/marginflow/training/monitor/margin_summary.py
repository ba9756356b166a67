"""Margins of scores: how far the true class is ahead."""

import numpy as np
from jaxtyping import Float, Int

from marginflow.margins.multiclass import relative_margins

QUANTILES = {
    "margin_q05": 0.05,
    "margin_q25": 0.25,
    "margin_median": 0.5,
    "margin_q75": 0.75,
    "margin_q95": 0.95,
}


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
    """The least margin, quantiles of their distribution, and the share above zero.

    Args:
        margins: (n,) of samples.

    Returns:
        "margin", the 5, 25, 75 and 95 % quantiles as "margin_q05" and so on, "margin_median", and
        "accuracy".

    Example:
        >>> import numpy as np
        >>> summary = margin_summary(np.array([-1.0, 1.0, 3.0, 5.0]))
        >>> summary["margin_median"], summary["accuracy"]
        (2.0, 0.75)
    """
    quantiles = np.quantile(margins, list(QUANTILES.values()))
    return {
        "margin": float(margins.min()),
        **dict(zip(QUANTILES, quantiles.tolist(), strict=True)),
        "accuracy": float(np.mean(margins > 0)),
    }
