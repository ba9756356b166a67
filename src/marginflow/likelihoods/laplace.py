"""The Laplace distribution and its lopsided form: absolute error, and the quantile loss."""

import math
from abc import abstractmethod
from types import MappingProxyType

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from marginflow._types import AnyArray
from marginflow.likelihoods.location_scale import LocationScale


class TwoSidedExponential(LocationScale):
    """The base of both: an exponential on each side of the location."""

    @abstractmethod
    def _level(self) -> float:
        """τ, the mass below the location."""

    def _slope(self, residual: AnyArray) -> AnyArray:
        """The derivative of 2 ρ_τ; zero at the kink."""
        slope = jnp.where(residual < 0, 2 * self._level() - 2, 2 * self._level())
        return jnp.where(residual == 0, 0, slope).astype(residual.dtype)

    def _rho(self, z: AnyArray, residual: AnyArray, log_scale: AnyArray) -> AnyArray:
        cost = jnp.where(z == 0, 0, z * self._slope(residual))
        return cost - math.log(2 * self._level() * (1 - self._level()))

    def _pulls(
        self, z: AnyArray, residual: AnyArray, log_scale: AnyArray
    ) -> tuple[AnyArray, AnyArray]:
        slope = self._slope(residual)
        pull = jnp.where(residual == 0, 0, slope * jnp.exp(-log_scale))
        return pull, jnp.where(z == 0, 0, z * slope)

    def _standard_information(self) -> tuple[float, float]:
        return 4 * self._level() * (1 - self._level()), 1.0

    def _standard_entropy(self) -> float:
        return 1 - math.log(2 * self._level() * (1 - self._level()))

    def _standard_mean(self) -> float:
        return (1 - 2 * self._level()) / (2 * self._level() * (1 - self._level()))

    def _standard_cdf(self, z: np.ndarray) -> np.ndarray:
        t = self._level()
        below = t * np.exp(2 * (1 - t) * np.minimum(z, 0))
        return np.where(z < 0, below, 1 - (1 - t) * np.exp(-2 * t * np.maximum(z, 0)))

    def _standard_draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        above = rng.random(n) < 1 - self._level()
        size = rng.standard_exponential(n)
        return np.where(above, size / (2 * self._level()), -size / (2 - 2 * self._level()))

    def _kl(self, coordinates: np.ndarray, others: np.ndarray) -> np.ndarray:
        """In closed form: q's cost of p's exponential sides, cut where q's location lies."""
        (m, s), (n, t) = self._split(coordinates), self._split(others)
        up, down = 2 * self._level(), 2 - 2 * self._level()
        c, ratio = (n - m) * np.exp(-s), np.exp(s - t)
        # E[ρ_q] = ratio · E[up (z − c)₊ + down (c − z)₊] for z of the standard density
        right = (1 - self._level()) / up * np.exp(-up * np.maximum(c, 0))
        left = self._level() / down * np.exp(-down * np.maximum(-c, 0))
        cost_above = up * right + down * (c - self._standard_mean() + right)
        cost_below = down * left + up * (self._standard_mean() - c + left)
        cost = np.where(c > 0, cost_above, cost_below)
        return ratio * cost - 1 - (s - t)

    def _start(self, targets: np.ndarray) -> np.ndarray:
        location = np.quantile(targets, self._level())
        residual = targets - location
        cost = np.mean(residual * np.where(residual < 0, 2 * self._level() - 2, 2 * self._level()))
        return self._started(float(location), float(cost))


class Quantile(TwoSidedExponential):
    """The asymmetric Laplace distribution, whose location is the τ-quantile.

    The loss is 2 ρ_τ((y − μ)/σ) + log σ − log 2τ(1 − τ) with ρ_τ(z) = z (τ − [z < 0]).  The factor
    2 makes the median's loss that of the Laplace distribution; at scale 2 it is ρ_τ itself.

    Args:
        tau: the level τ, between 0 and 1.
        scale: σ if it is fixed; None to learn it.
        inverse_link: of the scale, "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.Quantile(0.9, scale=2.0).score([0.0, 0.0], [1.0, -1.0])
        array([-0.9,  0.1])

    Reference:
        Koenker & Machado 1999, "Goodness of fit and related inference processes for quantile
        regression", section 4.
    """

    tau: float = eqx.field(static=True, default=0.9)
    known_as = MappingProxyType(
        {"scikit-learn": "quantile (scale 2)", "statsmodels": "regression.QuantReg"}
    )

    def __check_init__(self):
        if not 0 < self.tau < 1:
            raise ValueError(f"{self.name}: expected a level tau in (0, 1), got {self.tau}.")

    def _level(self) -> float:
        return self.tau


class Laplace(TwoSidedExponential):
    """The Laplace distribution: |y − μ|/σ + log 2σ.

    Scores are μ and log σ, or μ alone with a fixed scale.

    Args:
        scale: σ if it is fixed; None to learn it.
        inverse_link: of the scale, "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.Laplace(scale=1.0).score([0.0, 0.0], [3.0, -1.0])
        array([-1.,  1.])
    """

    known_as = MappingProxyType(
        {
            "torch": "L1Loss (fixed)",
            "keras": "MeanAbsoluteError (fixed)",
            "scikit-learn": "absolute_error (fixed)",
        }
    )

    def _level(self) -> float:
        return 0.5
