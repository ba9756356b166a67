"""The Gaussian: squared error with a fixed scale, and with a learned one its calibrated form."""

from types import MappingProxyType

import numpy as np
from scipy.special import ndtr

from marginflow._types import AnyArray
from marginflow.likelihoods.location_scale import LocationScale
from marginflow.likelihoods.stable_terms import HALF_LOG_2PI, scaled


class Gaussian(LocationScale):
    """The normal distribution: ½ ((y − μ)/σ)² + log σ + ½ log 2π.

    Scores are μ and log σ, or μ alone with a fixed scale.  With scale 1 the loss is half the
    squared error and a constant: that half changes the length of a step and not the minimizer.

    Args:
        scale: σ if it is fixed; None to learn it.
        inverse_link: of the scale, "exp" or "softplus".

    Example:
        >>> import marginflow as mf
        >>> mf.Gaussian(scale=1.0).score([0.0, 0.0], [3.0, -1.0])
        array([-3.,  1.])
    """

    known_as = MappingProxyType(
        {
            "torch": "GaussianNLLLoss (learned), MSELoss (fixed, times 1/2)",
            "keras": "MeanSquaredError (fixed, times 1/2)",
            "scikit-learn": "squared_error (fixed)",
            "statsmodels": "families.Gaussian",
        }
    )

    def _rho(self, z: AnyArray, residual: AnyArray, log_scale: AnyArray) -> AnyArray:
        return 0.5 * z**2 + HALF_LOG_2PI

    def _pulls(
        self, z: AnyArray, residual: AnyArray, log_scale: AnyArray
    ) -> tuple[AnyArray, AnyArray]:
        return scaled(z, -log_scale), z**2

    def _standard_information(self) -> tuple[float, float]:
        return 1.0, 2.0

    def _standard_entropy(self) -> float:
        return HALF_LOG_2PI + 0.5

    def _standard_cdf(self, z: np.ndarray) -> np.ndarray:
        return ndtr(z)

    def _standard_draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal(n)

    def _standard_reach(self) -> float:
        return 32.0

    def _kl(self, coordinates: np.ndarray, others: np.ndarray) -> np.ndarray:
        (m, s), (n, t) = self._split(coordinates), self._split(others)
        d = 2 * (s - t)
        return 0.5 * (np.expm1(d) - d) + 0.5 * ((m - n) * np.exp(-t)) ** 2

    def _start(self, targets: np.ndarray) -> np.ndarray:
        return self._started(float(np.mean(targets)), float(np.std(targets)))
