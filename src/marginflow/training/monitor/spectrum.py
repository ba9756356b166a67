"""How many directions a weight matrix uses."""

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


def entropy_rank(singular_values: ArrayLike) -> float:
    """Exp of the entropy of σ_i / Σσ: `mf.effective_rank` from singular values.

    Args:
        singular_values: (r,) of a matrix.

    Returns:
        NaN of the zero matrix.

    Example:
        >>> round(entropy_rank([1.0, 1.0, 0.0]), 12)
        2.0

    Roy & Vetterli 2007, "The effective rank: a measure of effective dimensionality".
    """
    values = np.asarray(singular_values, dtype=np.float64)
    total = values.sum()
    if not total > 0:
        return float("nan")
    share = values[values > 0] / total
    return float(np.exp(-np.sum(share * np.log(share))))
