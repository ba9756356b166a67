"""Stacks of random layers: what a signal becomes on its way up, and a gradient on its way down.

    z_l = a_(l−1) W_l + b,   a_l = φ(z_l),   W_l of n × n Gaussian entries of variance σ²/n

In wide layers the squared gradient with respect to z_l is multiplied by χ = σ² E[φ'(z)²] in each
layer, z Gaussian with mean b and the variance σ² E[φ(z)²] that reproduces itself (Schoenholz et al.
2017, arXiv 1611.01232, section 4).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.special import expit

WIDTH, N_SAMPLES, N_NODES = 100, 200, 200


class Unit(NamedTuple):
    """A unit φ, its slope as a function of its output, the ends of its range, its usual scale."""

    output: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    ends: tuple[float, float]
    usual_scale: float


UNITS = {
    "sigmoid": Unit(expit, lambda a: a * (1.0 - a), (0.0, 1.0), 1.0),
    "tanh": Unit(np.tanh, lambda a: 1.0 - a**2, (-1.0, 1.0), 1.0),
    "relu": Unit(
        lambda z: np.maximum(z, 0.0), lambda a: np.where(a > 0, 1.0, 0.0), (0.0, np.inf), 2.0**0.5
    ),
}


@dataclass(frozen=True)
class Stack:
    """A stack that a batch has gone through, up and down.

    Attributes:
        outputs: (L, n, width) of each layer.
        slopes: φ' at them.
        gradients: (L,) the root mean square of a gradient with respect to z_l, in units of that of
            the last layer, for a Gaussian gradient at its outputs.
        unit: of the stack.
    """

    outputs: np.ndarray
    slopes: np.ndarray
    gradients: np.ndarray
    unit: Unit

    @property
    def scaled(self) -> np.ndarray:
        """The outputs in [−1, 1]."""
        low, high = self.unit.ends
        return 2.0 * (self.outputs - low) / (high - low) - 1.0


@cache
def stack(name: str, depth: int, scale: float | None = None, offset: float = 0.0) -> Stack:
    """A stack of units of that name; the scale σ is the unit's usual one by default."""
    unit, rng = UNITS[name], np.random.default_rng(0)
    spread = (unit.usual_scale if scale is None else scale) / np.sqrt(WIDTH)
    layers = spread * rng.standard_normal((depth, WIDTH, WIDTH))
    signal, outputs = rng.standard_normal((N_SAMPLES, WIDTH)), []
    for layer in layers:
        signal = unit.output(signal @ layer + offset)
        outputs.append(signal)
    slopes = unit.slope(np.array(outputs))
    pull, sizes = rng.standard_normal((N_SAMPLES, WIDTH)), []
    for layer, slope in zip(layers[::-1], slopes[::-1], strict=True):
        pull = pull * slope
        sizes.append(np.sqrt(np.mean(pull**2)))
        pull = pull @ layer.T
    gradients = np.array(sizes[::-1])
    return Stack(np.array(outputs), slopes, gradients / gradients[-1], unit)


def wide_factor(name: str, scale: float | None = None) -> float:
    """√χ, by which a gradient is multiplied in each layer of wide stacks, without offset."""
    unit = UNITS[name]
    sigma = unit.usual_scale if scale is None else scale
    nodes, weights = np.polynomial.hermite_e.hermegauss(N_NODES)
    weights = weights / weights.sum()
    variance = sigma**2
    for _ in range(2000):
        variance = sigma**2 * float(weights @ unit.output(np.sqrt(variance) * nodes) ** 2)
    slopes = unit.slope(unit.output(np.sqrt(variance) * nodes))
    return sigma * float(np.sqrt(weights @ slopes**2))
