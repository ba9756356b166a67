"""Powers of formulas: quotients, roots, common factors and common denominators.

A power of a sum is a base of its own.  So that equal powers are seen to be equal, the largest
common exponential and divisor of the sum are taken out first, and sums that are divided by are
brought to one denominator.
"""

import math
from collections.abc import Iterable
from fractions import Fraction

from marginflow.theory.proof.expression import (
    Base,
    CannotError,
    Exponent,
    Expression,
    Factors,
    Key,
    is_positive_factor,
)
from marginflow.theory.proof.ring import Ring, factor_order, sorted_factors

# Numerators with more terms are not divided.
LONG = 400


class Field(Ring):
    """Quotients and rational powers too."""

    def power(self, a: Expression, power: Fraction | int) -> Expression:
        """A rational power; of a sum after taking out its largest common exponential."""
        power = Fraction(power)
        if power == 0:
            return self.constant(1)
        if power == 1:
            return a
        if a.is_zero:
            if power > 0:
                return a
            raise CannotError("a division by zero")
        whole = power.denominator == 1
        if len(a.terms) == 1:
            return self._power_of_term(a, power)
        if whole and power > 0:
            return self.product([a] * power.numerator)
        numerator, denominator = self.together(a)
        if numerator.is_zero:
            return self.power(numerator, power)
        if denominator:
            below = self._factors({base: -q for base, q in denominator})
            if whole or below.is_positive:
                return self.multiply(
                    self.power(numerator, power), self._power_of_term(below, power)
                )
            numerator = a
        front, rest = self.content(numerator, coefficients=whole)
        if len(rest.terms) == 1:
            return self.power(self.multiply(front, rest), power)
        if not whole and not front.is_positive:
            return self._factors({self._base("sum", numerator): power})
        base = self._factors({self._base("sum", rest): power})
        return self.multiply(self._power_of_term(front, power), base)

    def content(
        self, a: Expression, coefficients: bool = True, factors: bool = True
    ) -> tuple[Expression, Expression]:
        """A term and a rest whose product is a: the largest common exponential, power and divisor.

        Args:
            a: not zero.
            coefficients: whether the common divisor of the coefficients is taken out, with the
                sign where all have the same.
            factors: whether common powers of bases are taken out.
        """
        keys = list(a.terms)
        exponent = tuple(min(column) for column in zip(*(expo for expo, _ in keys), strict=True))
        powers = [dict(f) for _, f in keys]
        bases = {base for found in powers for base in found} if factors else set()
        common = {base: min(p.get(base, Fraction(0)) for p in powers) for base in bases}
        divisor = _divisor(a.terms.values()) if coefficients else Fraction(1)
        front = Expression({(exponent, sorted_factors(common)[0]): divisor})
        terms = {}
        for (expo, _), found, c in zip(keys, powers, a.terms.values(), strict=True):
            left = {
                base: found.get(base, Fraction(0)) - common.get(base, Fraction(0))
                for base in {*found, *common}
            }
            factors_left = tuple(sorted(((b, q) for b, q in left.items() if q), key=factor_order))
            moved = tuple(p - q for p, q in zip(expo, exponent, strict=True))
            terms[moved, factors_left] = c / divisor
        rest = Expression(terms)
        # a power that was left over may be one that has to be multiplied out
        return front, self.multiply(rest, self.constant(1))

    def together(self, a: Expression) -> tuple[Expression, Factors]:
        """Numerator and denominator: every sum in a denominator is multiplied into the other terms.

        Returns:
            A numerator and the (base, power) of the denominator, with positive powers.
        """
        lowest: dict[Base, Fraction] = {}
        for _, factors in a.terms:
            for base, power in factors:
                if power < 0 and base.kind == "sum":
                    lowest[base] = min(power, lowest.get(base, Fraction(0)))
        for base, low in list(lowest.items()):
            powers = [dict(factors).get(base, Fraction(0)) for _, factors in a.terms]
            if any((power - low).denominator != 1 for power in powers):
                del lowest[base]
        if not lowest:
            return a, ()
        try:
            numerator = self.add(*(self._raised(key, c, lowest) for key, c in a.terms.items()))
        except CannotError:
            return a, ()
        if numerator.is_zero:
            return numerator, ()
        denominator = {base: -low for base, low in lowest.items()}
        for base in denominator:
            while denominator[base] >= 1:
                shorter = self.quotient(numerator, base.inner)
                if shorter is None:
                    break
                numerator, denominator[base] = shorter, denominator[base] - 1
        front, rest = self.content(numerator)
        if len(rest.terms) > 1:
            base = self._base("sum", rest)
            if denominator.get(base, 0) >= 1:
                denominator[base] -= 1
                numerator = front
        return numerator, tuple((base, q) for base, q in denominator.items() if q)

    def quotient(self, a: Expression, b: Expression) -> Expression | None:
        """a/b if a is a multiple of a sum b of exponentials, by long division."""
        if len(a.terms) > LONG or any(factors for _, factors in b.terms):
            return None
        divisor = {exponent: c for (exponent, _), c in b.terms.items()}
        first, last = max(divisor), min(divisor)
        terms: dict[Key, Fraction] = {}
        groups: dict[Factors, dict[Exponent, Fraction]] = {}
        for (exponent, factors), c in a.terms.items():
            groups.setdefault(factors, {})[exponent] = c
        for factors, left in groups.items():
            least = tuple(p - q for p, q in zip(min(left), last, strict=True))
            for _ in range(LONG):
                if not left:
                    break
                top = max(left)
                step = tuple(p - q for p, q in zip(top, first, strict=True))
                if step < least:
                    return None
                share = left[top] / divisor[first]
                terms[step, factors] = share
                for exponent, c in divisor.items():
                    at = tuple(p + q for p, q in zip(exponent, step, strict=True))
                    left[at] = left.get(at, Fraction(0)) - share * c
                    if not left[at]:
                        del left[at]
            if left:
                return None
        return Expression(terms)

    def _raised(self, key: Key, c: Fraction, lowest: dict[Base, Fraction]) -> Expression:
        """A term over the powers of some bases."""
        (exponent, factors), powers = key, {base: -power for base, power in lowest.items()}
        for base, power in factors:
            powers[base] = powers.get(base, Fraction(0)) + power
        return self.multiply(Expression({(exponent, ()): c}), self._factors(powers))

    def _power_of_term(self, a: Expression, power: Fraction) -> Expression:
        (((exponent, factors), c),) = a.terms.items()
        raised = tuple(p * power for p in exponent)
        if power.denominator == 1:
            powers = {base: q * power for base, q in factors}
            front = Expression({(raised, ()): c**power.numerator})
            return self.multiply(front, self._factors(powers))
        if not (c > 0 and all(is_positive_factor(base) for base, q in factors)):
            return self._factors({self._base("sum", a): power})
        powers = {base: q * power for base, q in factors}
        root = _root(c, power)
        if root is None:
            front = self._base("sum", self.constant(c))
            powers[front] = powers.get(front, Fraction(0)) + power
        term = Expression({(raised, ()): Fraction(1) if root is None else root})
        return self.multiply(term, self._factors(powers))


def _divisor(coefficients: Iterable[Fraction]) -> Fraction:
    """The greatest common divisor, negative if all are."""
    values = list(coefficients)
    numerator = math.gcd(*(c.numerator for c in values))
    denominator = math.lcm(*(c.denominator for c in values))
    sign = -1 if all(c < 0 for c in values) else 1
    return Fraction(sign * numerator, denominator)


def _root(value: Fraction, power: Fraction) -> Fraction | None:
    """A rational power of a positive number if it is rational."""
    if value == 1:
        return Fraction(1)
    degree = power.denominator
    parts = []
    for part in (value.numerator, value.denominator):
        try:
            near = round(part ** (1 / degree))
        except OverflowError:
            return None
        if near**degree != part:
            return None
        parts.append(near)
    return Fraction(parts[0], parts[1]) ** power.numerator
