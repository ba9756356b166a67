"""Student's t with given degrees of freedom: a loss that grows as a logarithm."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import betaln, digamma, stdtr

from marginflow._types import AnyArray
from marginflow.likelihoods.location_scale import LocationScale


class StudentT(LocationScale):
    """Student's t: ½(ν + 1) log(1 + z²/ν) + log σ + log √ν B(½, ν/2) with z = (y − μ)/σ.

    Scores are μ and log σ, or μ alone with a fixed scale.  As ν → ∞ it becomes the Gaussian.

    Args:
        degrees: ν > 0.
        scale: σ if it is fixed; None to learn it.
        inverse_link: of the scale, "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.StudentT(3.0).score([0.0, -1e4], 1.0)
        array([-4., -3.])
    """

    degrees: float = eqx.field(static=True, default=4.0)

    def __check_init__(self):
        if not (math.isfinite(self.degrees) and self.degrees > 0):
            raise ValueError(f"{self.name}: expected finite degrees > 0, got {self.degrees}.")

    def _log_square(self, residual: AnyArray, log_scale: AnyArray) -> AnyArray:
        """The logarithm of z²/ν."""
        return 2 * (jnp.log(jnp.abs(residual)) - log_scale) - math.log(self.degrees)

    def _rho(self, z: AnyArray, residual: AnyArray, log_scale: AnyArray) -> AnyArray:
        # z² itself where it is small against ν, so that a large ν leaves the Gaussian's digits
        moderate = jnp.abs(z) < math.sqrt(self.degrees)
        near = jnp.log1p(jnp.where(moderate, z, 0) ** 2 / self.degrees)
        far = jax.nn.softplus(self._log_square(residual, log_scale))
        growth = 0.5 * (self.degrees + 1) * jnp.where(moderate, near, far)
        return growth + self._log_normalizer()

    def _pulls(
        self, z: AnyArray, residual: AnyArray, log_scale: AnyArray
    ) -> tuple[AnyArray, AnyArray]:
        nu, log_residual = self.degrees, jnp.log(jnp.abs(residual))
        log_total = jnp.logaddexp(math.log(nu) + 2 * log_scale, 2 * log_residual)
        size = jnp.exp(math.log(nu + 1) + log_residual - log_total)
        # (z²/ν)/(1 + z²/ν), without the logarithm where z is moderate
        moderate = jnp.abs(z) < math.sqrt(nu)
        square = jnp.where(moderate, z, 0) ** 2 / nu
        share = jnp.where(
            moderate,
            square / (1 + square),
            jax.nn.sigmoid(self._log_square(residual, log_scale)),
        )
        return jnp.where(residual == 0, 0, jnp.sign(residual) * size), (nu + 1) * share

    def _log_normalizer(self) -> float:
        return 0.5 * math.log(self.degrees) + float(betaln(0.5, 0.5 * self.degrees))

    def _standard_information(self) -> tuple[float, float]:
        nu = self.degrees
        return (nu + 1) / (nu + 3), 2 * nu / (nu + 3)

    def _standard_entropy(self) -> float:
        half = 0.5 * self.degrees
        # ψ(ν/2 + ½) − ψ(ν/2), a difference of near equals where ν is large
        if half > 1e3:
            gap = 1 / (2 * half) + 1 / (8 * half**2) - 1 / (64 * half**4)
        else:
            gap = float(digamma(half + 0.5) - digamma(half))
        return (half + 0.5) * gap + self._log_normalizer()

    def _standard_mean(self) -> float:
        return 0.0 if self.degrees > 1 else math.nan

    def _standard_cdf(self, z: np.ndarray) -> np.ndarray:
        return stdtr(self.degrees, z)

    def _standard_draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_t(self.degrees, n)

    def _standard_reach(self) -> float:
        # beyond it is a mass of about e^(−46), or what the format can hold of it
        return max(32.0, min(math.exp(46.0 / self.degrees), 2.0**500))

    def _standard_kinks(self) -> tuple[float, ...]:
        root = math.sqrt(self.degrees)
        return (-root, root)
