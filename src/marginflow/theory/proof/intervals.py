"""Interval arithmetic on arrays of float64: enclosures that rounding cannot break.

A proof over boxes needs some hundred million operations on intervals.  Libraries with proved
elementary functions exist, but they take one interval at a time: measured on one machine an
operation costs 3 to 8 microseconds in `mpmath.iv` and 0.1 to 0.3 in Arb, before the loop in Python
around it, and 0.03 for an entry of an array here (0.18 for products of mixed sign).

Rounding goes outwards.  The sum of two floats is compared with its exact value (Knuth's two-sum)
and moved by a neighbour where it was rounded to the wrong side; products and quotients are moved by
a neighbour unless they are exact at sight.  Elementary functions are moved by `ULPS` units in the
last place: NumPy states errors of at most 4 for its float64 loops.  Where nothing was rounded
nothing is moved, so that log 1 is exactly 0, and a bound that is touched can be proved.

An end at infinity means that there is no bound: the numbers inside are finite, and 0 · ∞ is 0.
"""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

ULPS = 8
_EPS = float(np.finfo(np.float64).eps)
_TINY = 5e-324
_LARGEST = float(np.finfo(np.float64).max)


class Interval:
    """An array of intervals [lo, hi].

    Args:
        lo: lower ends; NaN stands for no bound.
        hi: upper ends, of the same shape; NaN stands for no bound.

    Example:
        >>> import numpy as np
        >>> from marginflow.theory.proof.intervals import Interval
        >>> x = Interval(np.array([0.0]), np.array([2.0]))
        >>> y = x * x - x
        >>> y.lo, y.hi
        (array([-2.]), array([4.]))
    """

    __slots__ = ("hi", "lo")

    def __init__(self, lo: np.ndarray, hi: np.ndarray):
        self.lo = np.where(np.isnan(lo), -np.inf, np.minimum(lo, _LARGEST))
        self.hi = np.where(np.isnan(hi), np.inf, np.maximum(hi, -_LARGEST))

    def __add__(self, other: "Interval") -> "Interval":
        return Interval(_sum_down(self.lo, other.lo), -_sum_down(-self.hi, -other.hi))

    def __neg__(self) -> "Interval":
        return Interval(-self.hi, -self.lo)

    def __sub__(self, other: "Interval") -> "Interval":
        return self + (-other)

    def __mul__(self, other: "Interval") -> "Interval":
        if _nonnegative(self) and _nonnegative(other):
            least = np.maximum(_product_down(self.lo, other.lo), 0.0)
            return Interval(least, -_product_down(-self.hi, other.hi))
        ends = [(self.lo, other.lo), (self.lo, other.hi), (self.hi, other.lo), (self.hi, other.hi)]
        lows = [_product_down(a, b) for a, b in ends]
        highs = [_product_down(-a, b) for a, b in ends]
        return Interval(np.minimum.reduce(lows), -np.minimum.reduce(highs))

    def __truediv__(self, other: "Interval") -> "Interval":
        return self * other.reciprocal()

    def reciprocal(self) -> "Interval":
        """1/x; no bound where zero lies inside."""
        with np.errstate(all="ignore"):
            below, above = 1 / self.hi, 1 / self.lo
        exact_below, exact_above = np.abs(self.hi) == 1, np.abs(self.lo) == 1
        lo = np.where(exact_below, below, np.nextafter(below, -np.inf))
        hi = np.where(exact_above, above, np.nextafter(above, np.inf))
        positive, negative = self.lo >= 0, self.hi <= 0
        # 1/0 is infinite on the side from which the interval comes
        hi = np.where(positive & (self.lo == 0), np.inf, hi)
        lo = np.where(negative & (self.hi == 0), -np.inf, lo)
        lo = np.where(positive, np.maximum(lo, 0.0), lo)
        hi = np.where(negative, np.minimum(hi, -0.0), hi)
        whole = positive == negative
        return Interval(np.where(whole, -np.inf, lo), np.where(whole, np.inf, hi))

    def power(self, exponent: Fraction) -> "Interval":
        """A rational power; of negative numbers only whole ones."""
        if exponent == 0:
            return constant(Fraction(1), self.lo.shape)
        if exponent < 0:
            return self.power(-exponent).reciprocal()
        if exponent == 1:
            return self
        p = float(exponent)
        exact = Fraction(p) == exponent
        whole = exponent.denominator == 1
        at_lo, at_hi = np.maximum(self.lo, 0.0), np.maximum(self.hi, 0.0)
        low, high = _power(at_lo, p, exact), _power(at_hi, p, exact)
        if not whole:
            undefined = self.lo < 0
            return Interval(
                np.where(undefined, -np.inf, low.lo), np.where(undefined, np.inf, high.hi)
            )
        if _nonnegative(self):
            return Interval(low.lo, high.hi)
        minus_lo, minus_hi = np.maximum(-self.lo, 0.0), np.maximum(-self.hi, 0.0)
        below, above = _power(minus_lo, p, exact), _power(minus_hi, p, exact)
        if exponent.numerator % 2:
            lo = np.where(self.lo < 0, -below.hi, low.lo)
            hi = np.where(self.hi < 0, -above.lo, high.hi)
            return Interval(lo, hi)
        least = np.where(self.lo > 0, low.lo, np.where(self.hi < 0, above.lo, 0.0))
        return Interval(least, np.maximum(high.hi, below.hi))

    def exp(self) -> "Interval":
        """e^x."""
        return _monotone(np.exp, self, at=0.0, value=1.0, least=0.0)

    def log(self) -> "Interval":
        """The logarithm; no lower bound where x reaches zero, none at all where x is negative."""
        safe = Interval(np.maximum(self.lo, 0.0), np.maximum(self.hi, 0.0))
        found = _monotone(np.log, safe, at=1.0, value=0.0)
        return Interval(found.lo, np.where(self.hi <= 0, np.inf, found.hi))

    def log1p(self) -> "Interval":
        """log(1 + x), right for small x."""
        safe = Interval(np.maximum(self.lo, -1.0), np.maximum(self.hi, -1.0))
        found = _monotone(np.log1p, safe, at=0.0, value=0.0)
        return Interval(found.lo, np.where(self.hi <= -1, np.inf, found.hi))

    def cos(self) -> "Interval":
        """The cosine."""
        with np.errstate(all="ignore"):
            ends = np.stack([np.cos(self.lo), np.cos(self.hi)])
            # a turn may lie inside wherever rounding leaves it open
            doubt = 1e-9 * (1 + np.maximum(np.abs(self.lo), np.abs(self.hi)))
            first, last = (self.lo - doubt) / np.pi, (self.hi + doubt) / np.pi
            even = np.floor(last / 2) - np.ceil(first / 2) >= 0
            odd = np.floor((last - 1) / 2) - np.ceil((first - 1) / 2) >= 0
            far = ~(doubt < 1e-4)
        slack = ULPS * _EPS
        hi = np.where(even | far, 1.0, np.minimum(ends.max(axis=0) + slack, 1.0))
        lo = np.where(odd | far, -1.0, np.maximum(ends.min(axis=0) - slack, -1.0))
        return Interval(lo, hi)

    def sin(self) -> "Interval":
        """The sine."""
        quarter = constant(Fraction(884279719003555, 562949953421312), self.lo.shape)
        beside = Interval(np.full(self.lo.shape, -1e-15), np.full(self.lo.shape, 1e-15))
        return (self - quarter + beside).cos()

    def intersect(self, other: "Interval") -> "Interval":
        """Of two enclosures of the same numbers, the part in both."""
        return Interval(np.maximum(self.lo, other.lo), np.minimum(self.hi, other.hi))


def constant(value: Fraction, shape: tuple[int, ...]) -> Interval:
    """An exact rational number, as often as wanted."""
    try:
        nearest = float(value)
    except OverflowError:
        nearest = np.inf if value > 0 else -np.inf
    lo = hi = nearest
    if not np.isfinite(nearest) or Fraction(nearest) > value:
        lo = np.nextafter(nearest, -np.inf) if nearest != -np.inf else nearest
    if not np.isfinite(nearest) or Fraction(nearest) < value:
        hi = np.nextafter(nearest, np.inf) if nearest != np.inf else nearest
    return Interval(np.full(shape, lo), np.full(shape, hi))


def between(low: Fraction, high: Fraction, shape: tuple[int, ...]) -> Interval:
    """An interval around two exact rational numbers, as often as wanted."""
    return Interval(constant(low, shape).lo, constant(high, shape).hi)


def _nonnegative(x: Interval) -> bool:
    return bool((x.lo >= 0).all())


def _sum_down(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The largest float known to be at most a + b."""
    with np.errstate(all="ignore"):
        total = a + b
        part = total - a
        rest = (a - (total - part)) + (b - part)
        return np.where(rest >= 0, total, np.nextafter(total, -np.inf))


def _product_down(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A float that is at most a·b; 0 · ∞ is 0."""
    with np.errstate(all="ignore"):
        product = a * b
        zero = (a == 0) | (b == 0)
        exact = zero | (np.abs(a) == 1) | (np.abs(b) == 1)
        product = np.where(zero, 0.0, product)
        return np.where(exact, product, np.nextafter(product, -np.inf))


def _widened(value: np.ndarray, ulps: int = ULPS) -> Interval:
    with np.errstate(all="ignore"):
        slack = ulps * (_EPS * np.abs(value) + _TINY)
        slack = np.where(np.isfinite(value), slack, 0.0)
        # what overflowed was large, if only just
        low = np.where(np.isposinf(value), _LARGEST * (1 - 2.0**-40), value - slack)
        return Interval(low, value + slack)


def _monotone(
    function: Callable[[np.ndarray], np.ndarray],
    x: Interval,
    at: float,
    value: float,
    least: float = -np.inf,
) -> Interval:
    """A rising function of intervals, exact at one argument."""
    with np.errstate(all="ignore"):
        low, high = _widened(function(x.lo)), _widened(function(x.hi))
    lo = np.where(x.lo == at, value, np.maximum(low.lo, least))
    hi = np.where(x.hi == at, value, high.hi)
    return Interval(lo, hi)


def _power(base: np.ndarray, exponent: float, exact: bool) -> Interval:
    """Base ≥ 0 to a positive power that is a float or within half a unit of one."""
    with np.errstate(all="ignore"):
        value = np.power(base, exponent)
        found = _widened(value)
        if not exact:
            doubt = 2 * _EPS * exponent * np.abs(np.log(np.where(base > 0, base, 1.0)))
            doubt = np.where(np.isfinite(doubt), doubt, 0.0)
            found = Interval(found.lo * (1 - doubt), found.hi * (1 + doubt))
    known = (base == 0) | (base == 1) | np.isinf(base)
    lo = np.where(known, value, np.maximum(found.lo, 0.0))
    return Interval(lo, np.where(known, value, found.hi))
