"""Constants of formulas to far more digits than a float has.

Where a formula touches its bound, as log 2 less the float next to it does zero, sixteen digits do
not tell the sign.  Constants are enclosed between rational numbers instead, by series with bounds
on what is left out, rounded outwards to `BITS` binary places.
"""

import math
from fractions import Fraction

from marginflow.theory.proof.expression import Base, Expression

BITS = 256
_LEAST = Fraction(1, 2**BITS)

Bounds = tuple[Fraction, Fraction]


def bounds(a: Expression) -> Bounds | None:
    """Rational bounds on an expression without variables, or None where they are out of reach."""
    low = high = Fraction(0)
    for (exponent, factors), c in a.terms.items():
        term: Bounds | None = (c, c)
        for part in (
            _exp((exponent[-1], exponent[-1])),
            *(_power(base, power) for base, power in factors),
        ):
            if part is None or term is None:
                return None
            term = _product(term, part)
        low, high = low + term[0], high + term[1]
    return _outward(low, high)


def _power(base: Base, power: Fraction) -> Bounds | None:
    inner = bounds(base.inner)
    if inner is None or base.kind not in ("sum", "log", "exp"):
        return None
    found = {"sum": lambda x: x, "log": _log, "exp": _exp}[base.kind](inner)
    if found is None or found[0] <= 0:
        return None
    if power.denominator > 1:
        logs = _log(found)
        return None if logs is None else _exp(_product(logs, (power, power)))
    low, high = (x**power.numerator for x in found)
    return _outward(min(low, high), max(low, high))


def _product(a: Bounds, b: Bounds) -> Bounds:
    ends = [x * y for x in a for y in b]
    return _outward(min(ends), max(ends))


def _outward(low: Fraction, high: Fraction) -> Bounds:
    return Fraction(math.floor(low / _LEAST)) * _LEAST, Fraction(math.ceil(high / _LEAST)) * _LEAST


def _exp(x: Bounds) -> Bounds | None:
    if x == (0, 0):
        return Fraction(1), Fraction(1)
    if max(abs(end) for end in x) > 600:
        return None
    return _exp_of(x[0])[0], _exp_of(x[1])[1]


def _exp_of(x: Fraction) -> Bounds:
    """By the series at x / 2^12, whose remainder is below twice the first term left out."""
    small, total, term, n = x / 2**12, Fraction(0), Fraction(1), 0
    while abs(term) > _LEAST**2:
        total, n = total + term, n + 1
        term = term * small / n
        term = Fraction(round(term / _LEAST**3)) * _LEAST**3
    slack = 2 * abs(term) + _LEAST**2
    found = total - slack, total + slack
    for _ in range(12):
        found = _finely(found[0] ** 2, found[1] ** 2)
    return found


def _finely(low: Fraction, high: Fraction) -> Bounds:
    scale = _LEAST**6
    return Fraction(math.floor(low / scale)) * scale, Fraction(math.ceil(high / scale)) * scale


def _log(x: Bounds) -> Bounds | None:
    return None if x[0] <= 0 else _outward(_log_of(x[0])[0], _log_of(x[1])[1])


def _log_of(x: Fraction) -> Bounds:
    """By log x = e log 2 + log m with m in [3/4, 3/2]."""
    e = x.numerator.bit_length() - x.denominator.bit_length()
    m = x / Fraction(2) ** e
    while m > Fraction(3, 2):
        m, e = m / 2, e + 1
    while m < Fraction(3, 4):
        m, e = m * 2, e - 1
    (a, b), (c, d) = _artanh((m - 1) / (m + 1)), _artanh(Fraction(1, 3))
    return 2 * a + min(2 * e * c, 2 * e * d), 2 * b + max(2 * e * c, 2 * e * d)


def _artanh(z: Fraction) -> Bounds:
    """Σ z^(2i+1) / (2i+1), for |z| ≤ 1/3: what is left out is below 9/8 of its first term."""
    total, n = Fraction(0), 1
    power = (math.floor(z / _LEAST**2), math.ceil(z / _LEAST**2))
    low, high = (Fraction(end) * _LEAST**2 for end in power)
    sums = [Fraction(0), Fraction(0)]
    for at, end in enumerate((low, high)):
        total, n, term = Fraction(0), 1, end
        while abs(term) > _LEAST**2:
            total, n = total + term / n, n + 2
            term = Fraction(round(term * end**2 / _LEAST**3)) * _LEAST**3
        sums[at] = total
    slack = 2 * _LEAST**2 + BITS * _LEAST**3
    return sums[0] - slack, sums[1] + slack
