"""The potential between L1 and L2 that diagonal linear networks minimize.

    Q_α(w) = Σ α² q(w_i/α²),   q(z) = 2 − √(4 + z²) + z asinh(z/2).

Its gradient is asinh(w/(2α²)), its conjugate Σ α² (2 cosh(s_i) − 2), and its curvature
1/√(4α⁴ + w²): for α² far above the weights that is 1/(2α²), as of a squared L2 norm; far below them
Q_α is about |w| log(1/α²), as an L1 norm.  α may differ from coordinate to coordinate.
"""

import numpy as np
from jaxtyping import Float

Vector = Float[np.ndarray, " d"]


def potential(weights: Vector, scale: Vector) -> float:
    """Q_α(w).

    Example:
        >>> import numpy as np
        >>> potential(np.array([1.0]), np.array([100.0])) * 4e4
        1.0
    """
    square = scale**2
    ratio = weights / square
    root = np.hypot(2.0, ratio)
    return float(np.sum(weights * np.arcsinh(ratio / 2.0) - weights * (ratio / (2.0 + root))))


def mirror(weights: Vector, scale: Vector) -> Vector:
    """∇Q_α(w) = asinh(w/(2α²))."""
    return np.arcsinh(weights / (2.0 * scale**2))


def inverse_mirror(slopes: Vector, scale: Vector) -> Vector:
    """The weights with this gradient, 2α² sinh(s)."""
    return 2.0 * scale**2 * np.sinh(slopes)


def dual_curvature(slopes: Vector, scale: Vector) -> Vector:
    """Their derivative, 2α² cosh(s)."""
    return 2.0 * scale**2 * np.cosh(slopes)


def conjugate(slopes: Vector, scale: Vector) -> float:
    """Q_α*(s) = Σ α² (2 cosh(s_i) − 2)."""
    return float(np.sum(4.0 * scale**2 * np.sinh(slopes / 2.0) ** 2))
