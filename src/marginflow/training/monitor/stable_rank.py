"""How many directions a weight matrix uses, by its largest singular value."""

import numpy as np
from numpy.typing import ArrayLike


def stable_rank(singular_values: ArrayLike) -> float:
    """Σ σ_i² / max σ_i²: between 1 and the rank, and hardly moved by small singular values.

    Args:
        singular_values: (r,) of a matrix.

    Returns:
        NaN of the zero matrix.

    Example:
        >>> stable_rank([2.0, 2.0, 1.0])
        2.25

    Rudelson & Vershynin 2007, "Sampling from large matrices", section 1.
    """
    values = np.asarray(singular_values, dtype=np.float64)
    largest = values.max(initial=0.0)
    return float(np.sum((values / largest) ** 2)) if largest > 0 else float("nan")
