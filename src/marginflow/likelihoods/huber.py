"""Huber's loss as the density that it stands for: a Gaussian center with Laplace tails."""

import math
from types import MappingProxyType

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr, ndtri

from marginflow._types import AnyArray
from marginflow.likelihoods.location_scale import LocationScale
from marginflow.likelihoods.stable_terms import scaled

_ROOT = math.sqrt(2 * math.pi)


class Huber(LocationScale):
    """Huber's density: ½z² to |z| = δ, δ|z| − ½δ² beyond, with z = (y − μ)/σ, and log σZ.

    Z = √(2π)(2Φ(δ) − 1) + 2 e^(−δ²/2)/δ.  As δ → ∞ it becomes the Gaussian, and as δ → 0 the
    Laplace distribution of scale σ/δ.

    Args:
        threshold: δ > 0; 1.345 is 95 % efficient at the Gaussian.
        scale: σ if it is fixed; None to learn it.
        inverse_link: of the scale, "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.Huber(1.0, scale=1.0).score([0.0, 0.0, 0.0], [0.5, 3.0, -9.0])
        array([-0.5, -1. ,  1. ])

    Reference:
        Huber 1964, "Robust estimation of a location parameter", section 5.
    """

    threshold: float = eqx.field(static=True, default=1.345)
    known_as = MappingProxyType(
        {
            "torch": "HuberLoss (fixed)",
            "keras": "Huber (fixed)",
            "statsmodels": "robust.norms.HuberT",
        }
    )

    def __check_init__(self):
        if not (math.isfinite(self.threshold) and self.threshold > 0):
            raise ValueError(f"{self.name}: expected a finite threshold > 0, got {self.threshold}.")

    def _rho(self, z: AnyArray, residual: AnyArray, log_scale: AnyArray) -> AnyArray:
        delta, size = self.threshold, jnp.abs(z)
        inside = jnp.minimum(size, delta)
        return inside * (size - 0.5 * inside) + math.log(self._normalizer())

    def _pulls(
        self, z: AnyArray, residual: AnyArray, log_scale: AnyArray
    ) -> tuple[AnyArray, AnyArray]:
        clipped = jnp.clip(z, -self.threshold, self.threshold)
        return scaled(clipped, -log_scale), jnp.where(z == 0, 0, z * clipped)

    def _masses(self) -> tuple[float, float]:
        """∫ e^(−ρ) inside and in one tail."""
        delta = self.threshold
        return _ROOT * math.erf(delta / math.sqrt(2)), math.exp(-0.5 * delta**2) / delta

    def _normalizer(self) -> float:
        inside, tail = self._masses()
        return inside + 2 * tail

    def _standard_information(self) -> tuple[float, float]:
        delta, (inside, tail) = self.threshold, self._masses()
        # ∫ z⁴ e^(−ρ) inside, and δ² ∫ z² e^(−ρ) outside
        fourth = 3 * inside - 2 * tail * delta**2 * (delta**2 + 3)
        outer = 2 * tail * (delta**4 + 2 * delta**2 + 2)
        return inside / self._normalizer(), (fourth + outer) / self._normalizer() - 1

    def _standard_entropy(self) -> float:
        delta, (inside, tail) = self.threshold, self._masses()
        cost = 0.5 * (inside - 2 * delta**2 * tail) + tail * (delta**2 + 2)
        return math.log(self._normalizer()) + cost / self._normalizer()

    def _standard_cdf(self, z: np.ndarray) -> np.ndarray:
        delta, tail = self.threshold, self._masses()[1]
        size = -np.abs(z)
        outer = tail * np.exp(delta * np.minimum(size + delta, 0))
        inner = tail + _ROOT * (ndtr(np.maximum(size, -delta)) - ndtr(-delta))
        lower = np.where(size < -delta, outer, inner) / self._normalizer()
        return np.where(z < 0, lower, 1 - lower)

    def _standard_draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        delta, (inside, tail) = self.threshold, self._masses()
        place = rng.random(n) * self._normalizer()
        center = ndtri(ndtr(-delta) + np.clip(place - tail, 0, inside) / _ROOT)
        beyond = delta + rng.standard_exponential(n) / delta
        return np.where(place < tail, -beyond, np.where(place < tail + inside, center, beyond))

    def _standard_reach(self) -> float:
        return 32.0 + 46.0 / self.threshold

    def _standard_kinks(self) -> tuple[float, ...]:
        return (-self.threshold, self.threshold)
