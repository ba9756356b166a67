"""Saturation of a layer: how near its outputs are to the ends of the activation's range.

A unit near the ends has a derivative of nearly zero, so that hardly any gradient passes through it.
"""

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

BINS = 10
BEYOND = 0.95


def saturation_measure(
    outputs: ArrayLike, low: float = -1.0, high: float = 1.0, bins: int = BINS
) -> float:
    """The measure φ_B of a layer: 0 if all outputs are in the middle of the range, 1 at its ends.

    With outputs scaled to [−1, 1], ḡ_b the mean of those in bin b and f_b their number:
    φ_B = Σ_b |ḡ_b| f_b / Σ_b f_b.  Outputs that are evenly distributed have 1/2.

    Args:
        outputs: of all units of a layer on all samples, in any shape.
        low: the lower end of the activation's range.
        high: the upper end.
        bins: how many bins the range is cut into.

    Returns:
        φ_B; NaN of no outputs.

    Example:
        >>> import numpy as np
        >>> round(saturation_measure(np.tanh(np.linspace(-9, 9, 1001))), 2)
        0.92

    Rakitianskaia & Engelbrecht 2015, "Measuring saturation in neural networks".
    """
    scaled = _scaled(outputs, low, high)
    place = np.minimum(((scaled + 1) / 2 * bins).astype(np.int64), bins - 1)
    sums = np.bincount(place, weights=scaled, minlength=bins)
    return float(np.abs(sums).sum() / scaled.size) if scaled.size else float("nan")


def saturated_share(
    outputs: ArrayLike, low: float = -1.0, high: float = 1.0, beyond: float = BEYOND
) -> float:
    """The share of outputs that lie beyond a part of the activation's range.

    Args:
        outputs: in any shape.
        low: the lower end of the range.
        high: the upper end.
        beyond: the part, of outputs scaled to [−1, 1].

    Example:
        >>> saturated_share([0.99, 0.5, -0.96, 0.0])
        0.5
    """
    scaled = _scaled(outputs, low, high)
    return float(np.mean(np.abs(scaled) > beyond)) if scaled.size else float("nan")


def dead_units(outputs: Float[np.ndarray, "n units"]) -> Bool[np.ndarray, " units"]:
    """Which units give zero on every sample, as a rectified unit that no sample reaches.

    Args:
        outputs: (n, units), on a fixed set of samples.

    Example:
        >>> import numpy as np
        >>> dead_units(np.array([[0.0, 1.0], [0.0, 0.0]]))
        array([ True, False])
    """
    return np.asarray(~np.any(outputs, axis=0))


def _scaled(outputs: ArrayLike, low: float, high: float) -> np.ndarray:
    """Outputs (any shape) to [−1, 1], in one axis; those that are no numbers are left out."""
    flat = np.ravel(np.asarray(outputs))
    flat = flat[~np.isnan(flat)]
    return np.clip((2 * flat - (low + high)) / (high - low), -1, 1)
