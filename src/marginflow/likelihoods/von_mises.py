"""The von Mises distribution of angles, told by the vector that points where they gather.

Natural scores (κ cos μ, κ sin μ) have no seam at ±π and no link: the loss is convex in them.
Everything is formed from the part of the vector along the target and the part across it, since
κ − s·u cancels where they agree.
"""

import math

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import i0e, i1e
from scipy import special, stats

from marginflow._types import AnyArray
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.support import ANGLE, Support

# From 20 on, where Bessel functions are given by their asymptotic series to rounding.
_FAR, _TERMS = 20.0, 30


def _bessel_coefficients(order: int) -> list[float]:
    """Of I_order(κ) e^(−κ) √(2πκ) in powers of 1/κ."""
    coefficients = [1.0]
    for k in range(1, _TERMS):
        factor = ((2 * k - 1) ** 2 - 4 * order**2) / (8 * k)
        coefficients.append(coefficients[-1] * factor)
    return coefficients


_I0 = _bessel_coefficients(0)
_I0_MINUS_I1 = [a - b for a, b in zip(_I0, _bessel_coefficients(1), strict=True)]


class VonMises(Likelihood):
    """An angle: −s·(cos y, sin y) + log 2πI₀(|s|), with two scores, the vector s.

    The direction of s is the mean direction μ and its length the concentration κ.  As κ grows it
    becomes a Gaussian of variance 1/κ.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> mf.VonMises().mean([[0.0, 2.0]]) / np.pi
        array([0.5])

    Reference:
        Mardia & Jupp 2000, "Directional Statistics", section 3.5.4.
    """

    @property
    def support(self) -> Support:
        return ANGLE

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("kappa cos mu", "kappa sin mu")

    @property
    def positive(self) -> tuple[bool, ...]:
        return (False, False)

    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        direction = jnp.arctan2(coordinates[..., 1], coordinates[..., 0])
        return {"direction": direction, "concentration": _length(coordinates)}

    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        kappa = _length(coordinates)
        along, across = _parts(coordinates, targets)
        # κ − s·u = (s×u)² / (κ + s·u) where they agree
        total = kappa + along
        near = jnp.where(along > 0, across, 0) * (across / jnp.where(along > 0, total, 1))
        off = jnp.where(along > 0, near, kappa - along)
        return off + jnp.log(2 * math.pi * i0e(kappa))

    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        kappa = _length(coordinates)
        unit = coordinates / jnp.where(kappa == 0, 1, kappa)[..., None]
        cosine, sine = _parts(unit, targets)
        # A − cos in two parts that are small where the angle is
        apart = jnp.where(cosine > 0, sine**2 / (1 + jnp.maximum(cosine, 0)), 1 - cosine)
        radial = apart - _one_minus_ratio(kappa)
        turned = jnp.stack([-unit[..., 1], unit[..., 0]], axis=-1)
        pull = radial[..., None] * unit - sine[..., None] * turned
        free = -jnp.stack([jnp.cos(targets), jnp.sin(targets)], axis=-1)
        return jnp.where((kappa == 0)[..., None], free, pull)

    def _fisher(self, coordinates: np.ndarray) -> np.ndarray:
        kappa = np.hypot(*coordinates.T)
        flat = kappa == 0
        unit = coordinates / np.where(flat, 1, kappa)[:, None]
        ratio = special.i1e(kappa) / special.i0e(kappa)
        across = np.where(flat, 0.5, ratio / np.where(flat, 1, kappa))
        gap = np.asarray(_one_minus_ratio_of(kappa))
        along = np.where(flat, 0.5, gap * (1 + ratio) - across)
        radial = unit[:, :, None] * unit[:, None, :]
        return across[:, None, None] * np.eye(2) + (along - across)[:, None, None] * radial

    def _mean(self, coordinates: np.ndarray) -> np.ndarray:
        return np.arctan2(coordinates[:, 1], coordinates[:, 0])

    def _mode(self, coordinates: np.ndarray) -> np.ndarray:
        return self._mean(coordinates)

    def _entropy(self, coordinates: np.ndarray) -> np.ndarray:
        kappa = np.hypot(*coordinates.T)
        return np.log(2 * np.pi * special.i0e(kappa)) + kappa * _one_minus_ratio_of(kappa)

    def _kl(self, coordinates: np.ndarray, others: np.ndarray) -> np.ndarray:
        """E_p of the losses' difference, which is linear in the mean vector A ŝ."""
        kappa, other = np.hypot(*coordinates.T), np.hypot(*others.T)
        unit = coordinates / np.where(kappa == 0, 1, kappa)[:, None]
        along = np.sum(unit * others, axis=1)
        gap = _one_minus_ratio_of(kappa)
        normalizers = np.log(special.i0e(other)) - np.log(special.i0e(kappa))
        return (other - along) + normalizers + gap * (along - kappa)

    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """P(−π < Y ≤ y), for y taken to (−π, π]."""
        kappa, direction = np.hypot(*coordinates.T), self._mean(coordinates)
        wrapped = -np.remainder(np.pi - targets, 2 * np.pi) + np.pi
        at_end = stats.vonmises.cdf(-np.pi - direction, kappa)
        value = np.asarray(stats.vonmises.cdf(wrapped - direction, kappa) - at_end)
        return np.where(kappa == 0, (wrapped + np.pi) / (2 * np.pi), value)

    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return rng.vonmises(self._mean(coordinates), np.hypot(*coordinates.T))

    def _start(self, targets: np.ndarray) -> np.ndarray:
        """The mean vector, and κ by Newton's method on A(κ) = its length; exact."""
        vector = np.array([np.mean(np.cos(targets)), np.mean(np.sin(targets))])
        length = float(np.hypot(*vector))
        if length == 0:
            return np.zeros(2)
        gap = max(1 - length, np.finfo(np.float64).eps)
        kappa = max(length * (2 - length**2) / (gap * (1 + length)), 1e-300)
        for _ in range(30):
            ratio = special.i1e(kappa) / special.i0e(kappa)
            below = float(_one_minus_ratio_of(np.array(kappa)))
            slope = below * (1 + ratio) - ratio / kappa
            kappa = max(kappa + (below - gap) / slope, 0.5 * kappa)
        return kappa * vector / length


def _length(vector: AnyArray) -> AnyArray:
    return jnp.hypot(vector[..., 0], vector[..., 1])


def _parts(vector: AnyArray, targets: AnyArray) -> tuple[AnyArray, AnyArray]:
    """The parts of a vector along the target's direction, and of the target across the vector."""
    cosine, sine = jnp.cos(targets), jnp.sin(targets)
    along = vector[..., 0] * cosine + vector[..., 1] * sine
    return along, vector[..., 0] * sine - vector[..., 1] * cosine


def _one_minus_ratio(kappa: AnyArray) -> AnyArray:
    """1 − I₁(κ)/I₀(κ), about 1/2κ for large κ."""
    low = jnp.minimum(kappa, _FAR)
    inverse = 1 / jnp.maximum(kappa, _FAR)
    far = _polynomial(inverse, _I0_MINUS_I1) / _polynomial(inverse, _I0)
    return jnp.where(kappa < _FAR, (i0e(low) - i1e(low)) / i0e(low), far)


def _one_minus_ratio_of(kappa: np.ndarray) -> np.ndarray:
    low, inverse = np.minimum(kappa, _FAR), 1 / np.maximum(kappa, _FAR)
    near = 1 - special.i1e(low) / special.i0e(low)
    far = np.polyval(_I0_MINUS_I1[::-1], inverse) / np.polyval(_I0[::-1], inverse)
    return np.where(kappa < _FAR, near, far)


def _polynomial(x: AnyArray, coefficients: list[float]) -> AnyArray:
    total = jnp.zeros_like(x)
    for coefficient in reversed(coefficients):
        total = total * x + coefficient
    return total
