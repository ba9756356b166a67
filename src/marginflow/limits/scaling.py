"""Changes of the features that change no product: a power of two, and coordinates.

Multiplying by a power of two rounds nothing, so data in meters and data in nanometers take the same
steps and end in the same digits.  Scaling each feature by its own factor would change the norm that
is minimized, so that is never done.  Where there are far more features than samples, coordinates in
the span of the samples do as well and are far fewer; they round, so proofs look at the features.
"""

from typing import NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Float

from marginflow.data import DataError
from marginflow.limits.linear_algebra import thin_qr
from marginflow.margins import LinearMarginMap

ONE_SIZE = 1e-150  # columns whose largest entries differ by less are of one size


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
        return self._representable(weights, -self.exponent, "weights")

    def dual_out(self, dual: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """The dual in the user's units."""
        return self._representable(dual, -2 * self.exponent, "dual")

    def _representable(self, values: np.ndarray, exponent: int, what: str) -> np.ndarray:
        with np.errstate(over="ignore", under="ignore"):
            moved = np.ldexp(values, exponent)
        if not np.all(np.isfinite(moved)) or np.any((moved == 0) != (values == 0)):
            raise DataError(
                f"expected features whose {what} can be represented in float64 (magnitudes between "
                f"about 1e-150 and 1e150), got {what} of magnitude "
                f"2^{int(np.frexp(np.abs(values).max())[1]) + exponent}; {_remedy(self.maps)}."
            )
        return moved


def take_out_scale(maps: LinearMarginMap) -> Scaled:
    """Divide the features by the power of two that brings their largest magnitude into [1/2, 1)."""
    features = np.asarray(maps.features_t, dtype=np.float64)
    largest = float(np.abs(features).max(initial=0.0))
    exponent = int(np.frexp(largest)[1]) if largest > 0 else 0
    moved = np.ldexp(features, -exponent)
    lossless = exponent <= 0 or bool(np.array_equal(np.ldexp(moved, exponent), features))
    arrays = (moved, np.asarray(maps.labels))
    scaled = eqx.tree_at(lambda tree: (tree.features_t, tree.labels), maps, arrays)
    return Scaled(scaled, exponent, lossless)


class Compressed(NamedTuple):
    """A margin map in the coordinates of its samples' span, and the way back.

    Distances and products are the same there up to rounding, so the solution is as well.
    """

    maps: LinearMarginMap
    directions: Float[np.ndarray, "d k"] | None

    def weights_out(self, weights: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape2"]:
        """The weights for the features as they were."""
        return weights if self.directions is None else self.directions @ weights


def compress(maps: LinearMarginMap) -> Compressed:
    """Replace features by coordinates in the span of the samples where those are far fewer."""
    if maps.n_features <= 2 * maps.n_samples:
        return Compressed(maps, None)
    directions, coordinates = thin_qr(np.asarray(maps.features_t))
    small = eqx.tree_at(lambda tree: tree.features_t, maps, coordinates)
    return Compressed(small, directions)


def _remedy(maps: LinearMarginMap) -> str:
    """What brings features into range: one factor for all where they are of one size."""
    largest = np.abs(np.asarray(maps.features_t)).max(axis=1, initial=0.0)
    column, least = int(np.argmax(largest)), float(np.min(largest[largest > 0], initial=1.0))
    if least > ONE_SIZE:
        return "multiply the features by a power of two"
    return (
        f"feature {column} is more than {1 / ONE_SIZE:g} times as large as another one, so no "
        "factor for all of them helps; give each feature a unit in which it is of the order of "
        "one (the norm of the weights is then another one), or leave such features out"
    )
