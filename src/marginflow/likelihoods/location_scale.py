"""Families of a location and a scale: p(y) = f((y − μ)/σ)/σ, told by the standard density f.

A family states ρ = −log f at the standardized residual z, and how it pulls at μ and σ.  It gets the
residual and log σ as they are, because the pull at μ can be finite where z is infinite: that of a
Student t is about (ν + 1)/(y − μ) however small σ is.

A fixed scale leaves one score, the location.
"""

import math
from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from marginflow._types import AnyArray
from marginflow.likelihoods.expectation import Nodes, octaves, panel_nodes
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.stable_terms import scaled
from marginflow.likelihoods.support import REAL, Support


class LocationScale(Likelihood):
    """The base of the families of a location and a scale.

    Attributes:
        scale: σ if it is fixed; None if it is a score.
    """

    scale: float | None = eqx.field(static=True, default=None, kw_only=True)

    def __check_init__(self):
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale > 0):
            raise ValueError(
                f"{self.name}: expected a finite scale > 0, or None to learn it; got {self.scale}."
            )

    @property
    def support(self) -> Support:
        return REAL

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("location", "log scale")[: 2 if self.scale is None else 1]

    @property
    def positive(self) -> tuple[bool, ...]:
        return (False, True)[: 2 if self.scale is None else 1]

    # What a standard density states.

    @abstractmethod
    def _rho(self, z: AnyArray, residual: AnyArray, log_scale: AnyArray) -> AnyArray:
        """−log f(z), in JAX."""

    @abstractmethod
    def _pulls(
        self, z: AnyArray, residual: AnyArray, log_scale: AnyArray
    ) -> tuple[AnyArray, AnyArray]:
        """ρ′(z)/σ, which pulls μ towards y, and z ρ′(z), in JAX."""

    @abstractmethod
    def _standard_information(self) -> tuple[float, float]:
        """E[ρ′²] and E[(z ρ′)²] − 1."""

    @abstractmethod
    def _standard_entropy(self) -> float: ...

    @abstractmethod
    def _standard_cdf(self, z: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def _standard_draw(self, n: int, rng: np.random.Generator) -> np.ndarray: ...

    def _standard_mean(self) -> float:
        return 0.0

    def _standard_reach(self) -> float:
        """Beyond which |z| no mass is left that an expectation would see."""
        return 1024.0

    def _standard_kinks(self) -> tuple[float, ...]:
        return ()

    # What follows.

    def _split(self, coordinates: Any) -> tuple[Any, Any]:
        location = coordinates[..., 0]
        if self.scale is None:
            return location, coordinates[..., 1]
        return location, 0 * location + math.log(self.scale)

    def _standardized(
        self, coordinates: AnyArray, targets: AnyArray
    ) -> tuple[AnyArray, AnyArray, AnyArray]:
        location, log_scale = self._split(coordinates)
        residual = targets - location
        return scaled(residual, -log_scale), residual, log_scale

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        location, log_scale = self._split(coordinates)
        return {"location": location, "scale": jnp.exp(log_scale)}

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        parts = self._standardized(coordinates, targets)
        return self._rho(*parts) + parts[2]

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        pull, work = self._pulls(*self._standardized(coordinates, targets))
        if self.scale is not None:
            return -pull[..., None]
        return jnp.stack([-pull, 1 - work], axis=-1)

    def _fisher(self, coordinates: np.ndarray) -> np.ndarray:
        log_scale = self._split(coordinates)[1]
        of_location, of_scale = self._standard_information()
        fisher = np.zeros((len(coordinates), self.n_scores, self.n_scores))
        fisher[:, 0, 0] = of_location * np.exp(-2 * log_scale)
        if self.scale is None:
            fisher[:, 1, 1] = of_scale
        return fisher

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        location, log_scale = self._split(coordinates)
        mean = self._standard_mean()
        return location + (mean * np.exp(log_scale) if mean else 0 * log_scale)

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        return coordinates[:, 0]

    def _entropy(self, coordinates: np.ndarray) -> np.ndarray:
        return self._split(coordinates)[1] + self._standard_entropy()

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        location, log_scale = self._split(coordinates)
        return self._standard_cdf((targets - location) * np.exp(-log_scale))

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        location, log_scale = self._split(coordinates)
        return location + np.exp(log_scale) * self._standard_draw(len(coordinates), rng)

    def _edges(self, coordinates: np.ndarray) -> np.ndarray:
        location, log_scale = self._split(coordinates)
        kinks = np.array((0.0, -1.0, 1.0, *self._standard_kinks()))
        return location[:, None] + np.exp(log_scale)[:, None] * kinks

    def _nodes(self, coordinates: np.ndarray, edges: np.ndarray | None) -> Nodes:
        location, log_scale = self._split(coordinates)
        own = octaves(location, np.exp(log_scale), self._standard_reach())
        merged = np.concatenate([own, self._edges(coordinates)], axis=1)
        if edges is not None:
            low, high = own.min(axis=1, keepdims=True), own.max(axis=1, keepdims=True)
            merged = np.concatenate([merged, np.clip(edges, low, high)], axis=1)
        return panel_nodes(merged, lambda y: self._log_density(coordinates, y))

    def _log_density(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        rows = np.repeat(coordinates, targets.shape[1], axis=0)
        return -self._loss_rows(rows, targets.reshape(-1)).reshape(targets.shape)

    def _start(self, targets: np.ndarray) -> np.ndarray:
        """The median, and a scale from the mean distance to it."""
        location = np.median(targets)
        spread = np.mean(np.abs(targets - location))
        return self._started(float(location), float(spread))

    def _started(self, location: float, scale: float) -> np.ndarray:
        if self.scale is not None:
            return np.array([location])
        # equal targets have no scale: the loss falls without end, and any start will do
        return np.array([location, math.log(scale) if scale > 0 else 0.0])
