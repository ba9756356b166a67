"""Sums and products of formulas, in which products of exponentials cancel.

The ring of the expressions: a product of terms adds the exponents of e and the powers of bases, and
terms that agree in both are one.  No number is rounded here.
"""

import math
import time
from collections.abc import Iterable, Sequence
from fractions import Fraction

from marginflow.theory.proof.expression import (
    Base,
    CannotError,
    Exponent,
    Expression,
    Factors,
    Key,
)

# Sums with more terms than this are not multiplied out.
TERMS = 3000


class Ring:
    """Sums and products of expressions in n variables η_1, ..., η_n.

    One copy of each base is kept, so that two expressions with the same terms are equal.

    Args:
        n_variables: n.
        deadline: of `time.monotonic`; no product is begun after it.
    """

    def __init__(self, n_variables: int, deadline: float = math.inf):
        self.n, self.deadline = n_variables, deadline
        self._bases: dict[tuple, Base] = {}
        self._flat: Exponent = (Fraction(0),) * (n_variables + 1)

    def constant(self, value: Fraction | int | float) -> Expression:
        """A number."""
        return Expression({(self._flat, ()): Fraction(value)})

    def variable(self, index: int) -> Expression:
        """η of an index from 0."""
        return Expression(
            {(self._flat, ((self._base("variable", index), Fraction(1)),)): Fraction(1)}
        )

    def exponential(self, exponent: Sequence[Fraction]) -> Expression:
        """e^(p·η + β) for (p_1, ..., p_n, β)."""
        return Expression({(tuple(exponent), ()): Fraction(1)})

    def add(self, *parts: Expression) -> Expression:
        """The sum."""
        terms: dict[Key, Fraction] = {}
        for part in parts:
            for key, c in part.terms.items():
                terms[key] = terms.get(key, Fraction(0)) + c
        return Expression(terms)

    def scale(self, a: Expression, factor: Fraction | int) -> Expression:
        """A rational multiple."""
        return Expression({key: c * factor for key, c in a.terms.items()})

    def subtract(self, a: Expression, b: Expression) -> Expression:
        """The difference a − b."""
        return self.add(a, self.scale(b, -1))

    def multiply(self, a: Expression, b: Expression) -> Expression:
        """The product, multiplied out."""
        if len(a.terms) * len(b.terms) > TERMS:
            raise CannotError(f"a product of {len(a.terms)} and {len(b.terms)} terms is too long")
        if time.monotonic() > self.deadline:
            raise CannotError("the time was up while formulas were worked out")
        terms: dict[Key, Fraction] = {}
        extra = []
        for (left, left_factors), c in a.terms.items():
            for (right, right_factors), d in b.terms.items():
                exponent = tuple(p + q for p, q in zip(left, right, strict=True))
                powers = dict(left_factors)
                for base, power in right_factors:
                    powers[base] = powers.get(base, Fraction(0)) + power
                factors, whole = sorted_factors(powers)
                if whole:
                    term = Expression({(exponent, factors): c * d})
                    for base, power in whole:
                        for _ in range(power.numerator):
                            term = self.multiply(term, base.inner)
                    extra.append(term)
                else:
                    key = (exponent, factors)
                    terms[key] = terms.get(key, Fraction(0)) + c * d
        return self.add(Expression(terms), *extra)

    def product(self, parts: Iterable[Expression]) -> Expression:
        """The product of several."""
        result = self.constant(1)
        for part in parts:
            result = self.multiply(result, part)
        return result

    def _base(self, kind: str, argument: Expression | int) -> Base:
        key = (kind, argument)
        if key not in self._bases:
            self._bases[key] = Base(kind, argument, len(self._bases))
        return self._bases[key]

    def _factors(self, powers: dict[Base, Fraction]) -> Expression:
        """The product of powers of bases, those of sums to whole powers multiplied out."""
        factors, whole = sorted_factors(powers)
        term = Expression({(self._flat, factors): Fraction(1)})
        for base, power in whole:
            term = self.product([term, *[base.inner] * power.numerator])
        return term


def sorted_factors(powers: dict[Base, Fraction]) -> tuple[Factors, list[tuple[Base, Fraction]]]:
    """Factors in their order, and apart from them the sums to whole powers, to multiply out."""
    kept, whole = [], []
    for base, power in powers.items():
        if power and base.kind == "sum" and power > 0 and power.denominator == 1:
            whole.append((base, power))
        elif power:
            kept.append((base, power))
    return tuple(sorted(kept, key=factor_order)), whole


def factor_order(factor: tuple[Base, Fraction]) -> int:
    """What factors are sorted by: which base was made first."""
    return factor[0].number
