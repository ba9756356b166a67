"""One global power of two, taken out of the features and put back into the answer.

Multiplying by a power of two rounds nothing, so data in meters and data in nanometers take the same
steps and end in the same digits.  Scaling each feature by its own factor would change the norm that
is minimized, so that is never done.
"""

from typing import NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Float

from marginflow.margins import LinearMarginMap


class Scaled(NamedTuple):
    """A margin map with features of magnitude at most 1, and the way back.

    With features = 2^exponent · (scaled features), weights scale by 2^−exponent and duals by
    2^(−2 exponent).  `lossless` is False only where entries 2¹⁰²² times smaller than the largest
    lost digits.
    """

    maps: LinearMarginMap
    exponent: int
    lossless: bool

    def weights_in(self, weights: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """The weights for the scaled features."""
        return np.ldexp(weights, self.exponent)

    def dual_in(self, dual: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """The dual for the scaled features."""
        return np.ldexp(dual, 2 * self.exponent)

    def weights_out(self, weights: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """The weights in the user's units."""
        return _representable(weights, -self.exponent, "weights")

    def dual_out(self, dual: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """The dual in the user's units."""
        return _representable(dual, -2 * self.exponent, "dual")


def take_out_scale(maps: LinearMarginMap) -> Scaled:
    """Divide the features by the power of two that brings their largest magnitude into [1/2, 1)."""
    features = np.asarray(maps.features_t, dtype=np.float64)
    largest = float(np.abs(features).max(initial=0.0))
    exponent = int(np.frexp(largest)[1]) if largest > 0 else 0
    moved = np.ldexp(features, -exponent)
    lossless = exponent <= 0 or bool(np.array_equal(np.ldexp(moved, exponent), features))
    return Scaled(eqx.tree_at(lambda tree: tree.features_t, maps, moved), exponent, lossless)


def _representable(values: np.ndarray, exponent: int, what: str) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        moved = np.ldexp(values, exponent)
    if not np.all(np.isfinite(moved)) or np.any((moved == 0) != (values == 0)):
        raise ValueError(
            f"expected features whose {what} can be represented in float64 (magnitudes between "
            f"about 1e-150 and 1e150), got {what} of magnitude "
            f"2^{int(np.frexp(np.abs(values).max())[1]) + exponent}; multiply the features by a "
            "power of two."
        )
    return moved
