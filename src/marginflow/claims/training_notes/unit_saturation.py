"""How saturated units of a bounded range are: three measures.

share    of outputs within 2.5 % of the range of its ends, |u| > .95 for u scaled to [−1, 1]
φ_B      the mean |u| after averaging u within each of B bins of the range; of even B it is 0 at the
         middle and 1 at the ends, and no bin averages positive with negative outputs
slope    the mean |φ'| of the units, over its largest value
"""

import numpy as np

NEAR_END = 0.95


def binned_saturation(scaled: np.ndarray, bins: int = 10) -> float:
    """φ_B of outputs scaled to [−1, 1]: Σ_b |mean of bin b| · count of bin b over all counts.

    Rakitianskaia & Engelbrecht 2015, Measuring saturation in neural networks.
    """
    place = np.clip(np.floor((scaled + 1.0) / 2.0 * bins), 0, bins - 1).astype(int)
    sums = np.bincount(place.ravel(), weights=scaled.ravel(), minlength=bins)
    return float(np.abs(sums).sum() / scaled.size)


def share_near_ends(scaled: np.ndarray) -> float:
    """The share of outputs with |u| > .95."""
    return float(np.mean(np.abs(scaled) > NEAR_END))
