"""The far tail while more pairs still pull than there are weights.

A basis of their span would be all of the space, and a matrix of their rows larger than the features
are.  So the pairs stay in the margin map of their samples, until most of them have died.
"""

from dataclasses import dataclass

import numpy as np

from marginflow.margins import LinearMarginMap

# Pairs whose pull is below e to this no longer count as alive.
DEAD = -45.0
# A field is thinned once this share of its pairs is alive.
FEW = 0.25
# Curvature below this share of the largest is left out of the Jacobian, which only steers.
LEAST_CURVATURE = 1e-8


@dataclass(frozen=True)
class CrowdedField:
    """dz/ds for the residual ρ = origin + z, over the kept pairs of a margin map.

    Attributes:
        kept: (n, K−1), which of all pairs.
        margin_map: of the samples that have a kept pair.
        origin: the residual at the start.
        offset: (n', K−1), the log pull at the origin without log time; −inf where not kept.
        slack: (n', K−1), û − 1.
        drift: Ŵ/a, flat.
        rate: a.
    """

    kept: np.ndarray
    margin_map: LinearMarginMap
    origin: np.ndarray
    offset: np.ndarray
    slack: np.ndarray
    drift: np.ndarray
    rate: float

    @property
    def start(self) -> np.ndarray:
        """The coordinates at the start, z = 0."""
        return np.zeros_like(self.origin)

    def velocity(self, log_time: float, coordinates: np.ndarray) -> np.ndarray:
        """dz/ds."""
        pulls = np.exp(self._log_pulls(log_time, coordinates))
        return np.asarray(self.margin_map.adjoint(pulls)).ravel() - self.drift

    def jacobian(self, log_time: float, coordinates: np.ndarray) -> np.ndarray:
        """∂(dz/ds)/∂z, negative semidefinite."""
        pulls = np.exp(self._log_pulls(log_time, coordinates))
        bent = np.flatnonzero(pulls.max(axis=1) > LEAST_CURVATURE * pulls.max())
        blocks = pulls[bent, :, None] * np.eye(pulls.shape[1])
        return -self.rate * np.asarray(self.margin_map.take(bent).weighted_gram(blocks))

    def is_thinned(self, log_time: float, coordinates: np.ndarray) -> bool:
        """Whether so few pairs are alive that a smaller field would do."""
        alive = np.sum(self._log_pulls(log_time, coordinates) > DEAD)
        return bool(alive < FEW * np.sum(self.kept))

    def standstill(
        self, log_time: float, coordinates: np.ndarray, atol: float
    ) -> np.ndarray | None:
        """None: pairs outside the support still pull."""
        return None

    def residual(self, coordinates: np.ndarray) -> np.ndarray:
        """ρ of the coordinates z."""
        return self.origin + coordinates

    def _log_pulls(self, log_time: float, coordinates: np.ndarray) -> np.ndarray:
        weights = coordinates.reshape(self.margin_map.weights_shape)
        moved = np.asarray(self.margin_map.margins(weights))
        return np.minimum(self.offset - self.rate * moved - log_time * self.slack, 700.0)
