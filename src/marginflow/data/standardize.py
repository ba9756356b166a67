"""Columns of mean 0 and variance 1, and the constant column that stands in for an intercept.

The theory of implicit bias is about linear maps without an intercept.  A column of ones gives one
whose weight counts in the norm like any other ("penalized").
"""

import numpy as np
from jaxtyping import Float64

from marginflow.data.errors import DataError

CONSTANT = "constant"


def standardize_columns(features: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, "n d"]:
    """Each column minus its mean, over its population standard deviation.

    A column of one repeated value has no deviation to divide by and becomes exactly 0.

    Args:
        features: (n, d), finite.

    Returns:
        (n, d).

    Example:
        >>> import numpy as np
        >>> from marginflow.data.standardize import standardize_columns
        >>> standardize_columns(np.array([[1.0, 0.1], [3.0, 0.1]]))
        array([[-1.,  0.],
               [ 1.,  0.]])
    """
    # A power of two per column changes no digit and keeps squares in range at 1e±300.
    _, exponent = np.frexp(np.abs(features).max(axis=0))
    scaled = np.ldexp(features, -exponent)
    varies = scaled.max(axis=0) > scaled.min(axis=0)
    deviation = np.where(varies, scaled.std(axis=0), 1.0)
    return np.where(varies, (scaled - scaled.mean(axis=0)) / deviation, 0.0)


def prepare(
    features: Float64[np.ndarray, "n d"],
    names: tuple[str, ...],
    *,
    standardize: bool,
    constant: bool,
) -> tuple[Float64[np.ndarray, "n c"], tuple[str, ...], str]:
    """Standardize the columns and append the constant one, as asked.

    Args:
        features: (n, d), finite.
        names: d names.
        standardize: whether to apply `standardize_columns`.
        constant: whether to append a column of ones named "constant".

    Returns:
        The features, their names, and a sentence on what was done ("" for nothing).
    """
    done = []
    if standardize:
        features = standardize_columns(features)
        done.append("columns standardized to mean 0 and variance 1")
    if constant:
        if CONSTANT in names:
            raise DataError(
                f"constant=True appends a column named {CONSTANT!r}, and the data have one already "
                f"(column {names.index(CONSTANT)}, counted from 0); rename it or pass "
                "constant=False."
            )
        features = np.column_stack([features, np.ones(len(features))])
        names = (*names, CONSTANT)
        done.append("a column of ones appended")
    sentence = " and ".join(done)
    return features, names, f"{sentence[:1].upper()}{sentence[1:]}." if done else ""
