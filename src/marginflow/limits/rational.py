"""Non-negative dependences between rows, in exact arithmetic.

A float64 number is an integer times a power of two, so the equations Aᵀα = 0 have integer
coefficients once each is multiplied by a power of two.  Fraction-free elimination (Bareiss 1968)
keeps them integers: the numbers grow by one row's length at each step instead of doubling.
"""

from fractions import Fraction
from math import gcd, lcm

import numpy as np
from jaxtyping import Float

from marginflow.limits.linear_algebra import pivoted_qr


def exact_dependence(
    rows: Float[np.ndarray, "m p"], weights: Float[np.ndarray, " m"]
) -> tuple[int, ...] | None:
    """Integers α ≥ 0, not all zero, with Σ_j α_j rows_j = 0 exactly, near the given weights.

    Where the rows have several dependences, the weights of the free rows are taken as they are.

    Args:
        rows: float64 numbers, taken as exact.
        weights: approximate positive weights.

    Returns:
        The integers without common factor, or None if the exact weights are not all non-negative
        or there are none.

    Example:
        >>> import numpy as np
        >>> rows = np.array([[1.0, 0.0], [-0.5, 1.0], [0.0, -2.0]])
        >>> exact_dependence(rows, np.array([0.25, 0.5, 0.25]))
        (1, 2, 1)
    """
    equations = [_integers(column) for column in rows.T]
    leading = [equations[i][:] for i in _independent_columns(rows)]
    pivots, value = _eliminate(leading)
    free = [j for j in range(len(rows)) if j not in pivots]
    if not free:
        return None
    chosen = {j: Fraction(float(weights[j])) for j in free}
    for equation, j in zip(leading, pivots, strict=True):
        chosen[j] = -sum((equation[k] * chosen[k] for k in free), Fraction(0)) / value
    scale = lcm(*(number.denominator for number in chosen.values()))
    exact = [int(chosen[j] * scale) for j in range(len(rows))]
    common = gcd(*exact)
    if min(exact) < 0 or common == 0:
        return None
    exact = [number // common for number in exact]
    if any(sum(a * b for a, b in zip(equation, exact, strict=True)) for equation in equations):
        return None
    return tuple(exact)


def _integers(values: Float[np.ndarray, " m"]) -> list[int]:
    """The numbers times one power of two that makes them all integers."""
    ratios = [value.as_integer_ratio() for value in values.tolist()]
    scale = max(denominator for _, denominator in ratios)
    return [numerator * (scale // denominator) for numerator, denominator in ratios]


def _independent_columns(rows: Float[np.ndarray, "m p"]) -> list[int]:
    """Columns that span all others up to rounding."""
    sizes = np.abs(rows).max(axis=0)
    unit = rows / np.where(sizes > 0, sizes, 1.0)
    _, r, order = pivoted_qr(unit)
    diagonal = np.abs(np.diag(r))
    rank = int(np.sum(diagonal > 1e-10 * diagonal.max(initial=0.0)))
    return order[:rank].tolist()


def _eliminate(equations: list[list[int]]) -> tuple[list[int], int]:
    """Fraction-free Gauss–Jordan elimination in place.

    Returns:
        The pivot column of each equation, and the value that stands at every pivot.  Equations that
        became zero are removed.
    """
    pivots: list[int] = []
    last = 1
    for column in range(len(equations[0]) if equations else 0):
        done = len(pivots)
        found = next((i for i in range(done, len(equations)) if equations[i][column]), None)
        if found is None:
            continue
        equations[done], equations[found] = equations[found], equations[done]
        pivot_row = equations[done]
        pivot = pivot_row[column]
        for i, row in enumerate(equations):
            if i != done:
                factor = row[column]
                equations[i] = [
                    (pivot * a - factor * b) // last for a, b in zip(row, pivot_row, strict=True)
                ]
        pivots.append(column)
        last = pivot
    del equations[len(pivots) :]
    return pivots, last
