"""Inner products with a known error, in plain float64.

A margin that should be 1 is a sum of products that may be thousands of times larger, and what the
certificate wants is its distance from 1.  Error-free transformations split every product and every
sum into its rounded value and its rounding error, both exact float64 numbers (Dekker 1971; Knuth
1969); adding the errors up at the end gives the inner product as if it had been computed in twice
the precision (Ogita, Rump & Oishi 2005).  They need IEEE arithmetic with rounding to nearest and
nothing of the platform's long double.

The bounds returned here hold for the rounding of every operation that computed them: they are sums
of non-negative terms, computed with far fewer than 2³⁰ operations, and `inflate` more than pays for
their own rounding.
"""

import numpy as np
from jaxtyping import Float

UNIT = 2.0**-53
"""The unit roundoff of float64: rounding to nearest changes a number x by at most UNIT·|x|."""

_SPLITTER = 2.0**27 + 1.0
_TINY = float(np.finfo(np.float64).tiny)
_BLOCK = 2**18


def gamma(operations: int) -> float:
    """γ_k = k u / (1 − k u): the relative error that k roundings can add up to.

    Example:
        >>> gamma(1) < 1.2e-16
        True
    """
    return operations * UNIT / (1.0 - operations * UNIT)


def inflate(bound):
    """A bound made a millionth larger, which covers the rounding in computing the bound itself."""
    return bound * (1.0 + 2.0**-20)


def two_sum(left, right):
    """The rounded sum and its rounding error: left + right = total + error exactly.

    Example:
        >>> two_sum(1.0, 2.0**-60)
        (1.0, 8.673617379884035e-19)
    """
    total = left + right
    shadow = total - left
    return total, (left - (total - shadow)) + (right - shadow)


def two_product(left, right):
    """The rounded product and its rounding error: left · right = product + error exactly.

    Exact unless a factor exceeds 2⁹⁹⁵ or the error is below the smallest float64.

    Example:
        >>> two_product(1.0 + 2.0**-30, 1.0 + 2.0**-30)
        (1.0000000018626451, 8.673617379884035e-19)
    """
    product = left * right
    left_high, left_low = _split(left)
    right_high, right_low = _split(right)
    error = left_high * right_high - product
    error = error + left_high * right_low + left_low * right_high + left_low * right_low
    return product, error


def _split(value):
    scaled = _SPLITTER * value
    high = scaled - (scaled - value)
    return high, value - high


def dot(
    left: Float[np.ndarray, "rows q"],
    right: Float[np.ndarray, " q"],
    start: Float[np.ndarray, " rows"] | float = 0.0,
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    """`start` + left @ right as if in twice the precision, and a bound on its error.

    The products are summed in a tree.  With c_1..c_M the rounding errors of all products and sums,
    the exact value is root + Σ c, so root + fl(Σ c) is off by at most u·|value| + γ_M Σ|c|, in
    whatever order the c are added.

    Args:
        left: (rows, q).
        right: (q,).
        start: a number or (rows,), added exactly.

    Returns:
        The values and their bounds, (rows,) each.

    Example:
        >>> import numpy as np
        >>> value, bound = dot(np.array([[1e16, 1.0, -1e16]]), np.ones(3))
        >>> value, bound < 1e-15
        (array([1.]), array([ True]))
    """
    starts = np.broadcast_to(np.asarray(start, dtype=np.float64), len(left))
    values, bounds = np.empty(len(left)), np.empty(len(left))
    block = max(1, _BLOCK // (left.shape[1] + 1))
    for begin in range(0, len(left), block):
        part = slice(begin, begin + block)
        values[part], bounds[part] = _sum_of_products(left[part].T, right, starts[part])
    return values, bounds


def _sum_of_products(left, right, start):
    """`start` + Σ_j left_j right_j over the first axis, in whichever layout `left` comes."""
    products, errors = two_product(left, right[:, None])
    terms = np.concatenate([start[None], products])
    correction, size = errors.sum(0), np.abs(errors).sum(0)
    count = 2 * len(terms)
    while len(terms) > 1:
        half = len(terms) // 2
        sums, errors = two_sum(terms[:half], terms[half : 2 * half])
        correction = correction + errors.sum(0)
        size = size + np.abs(errors).sum(0)
        terms = np.concatenate([sums, terms[2 * half :]]) if len(terms) % 2 else sums
    value = terms[0] + correction
    return value, inflate(UNIT * np.abs(value) + gamma(count) * size + count * _TINY)
