"""Methods whose step is linear in past iterates and gradients, with constant coefficients.

Such a method is a pair of polynomials in the shift E, which takes the iterate k to k+1:

    (E − 1) τ(E) X = −η σ(E) ∇L(X).

    gradient descent   τ = 1        σ = 1
    heavy ball         τ = E − β    σ = E
    Nesterov           τ = E − β    σ = (1+β) E − β    X: where the gradient is taken

With D = d/dk the shift is e^D, and on the slow manifold, where what oscillates or dies like β^k is
gone, the iterates are the values at whole k of a solution of

    dX/dk = −h C(D) ∇L(X),   C(D) = (η/h) D σ(e^D) / ((e^D − 1) τ(e^D)) = 1 + c₁ D + c₂ D² + …,

with h = η σ(1)/τ(1).  Each derivative of ∇L along the path costs another factor h ∇²L, so that a
few coefficients give the modified equation to any order (backward error analysis of linear
multistep methods: Hairer, Lubich & Wanner 2006, Geometric Numerical Integration, chapter XV).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# So many coefficients of each series.
LENGTH = 4
# (e^D − 1)/D
DIFFERENCE = np.array([1 / math.factorial(n + 1) for n in range(LENGTH)])


@dataclass(frozen=True)
class LinearMethod:
    """What the modified equation needs of a method.

    Attributes:
        gain: h/η, the effective step over the learning rate.
        lag: c₁; −1/2 for gradient descent, and about −1/(1−β) for momentum.
        bend: c₂.
    """

    gain: float
    lag: float
    bend: float


def linear_method(iterates: Sequence[float], gradients: Sequence[float]) -> LinearMethod:
    """The method of two polynomials in the shift.

    Args:
        iterates: the coefficients of τ, the constant first.
        gradients: those of σ.

    Example:
        >>> from marginflow.dynamics.linear_method import linear_method
        >>> linear_method([-0.5, 1.0], [0.0, 1.0])
        LinearMethod(gain=2.0, lag=-1.5, bend=2.0833333333333335)
    """
    series = quotient(quotient(shifted(gradients), shifted(iterates)), DIFFERENCE)
    return LinearMethod(float(series[0]), *(float(c) for c in series[1:3] / series[0]))


def shifted(polynomial: Sequence[float]) -> np.ndarray:
    """The power series in D of a polynomial in e^D."""
    powers = np.arange(len(polynomial))
    return np.array(
        [np.dot(polynomial, powers**n) / math.factorial(n) for n in range(LENGTH)], dtype=float
    )


def quotient(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """The quotient of two power series, as long as the shorter."""
    length = min(len(over), len(under))
    found = np.zeros(length)
    for n in range(length):
        found[n] = (over[n] - found[:n] @ under[n:0:-1]) / under[0]
    return found
