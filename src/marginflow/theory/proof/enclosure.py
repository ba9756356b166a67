"""Enclosures of expressions on many boxes at once.

A box bounds the coordinates w_i = e^(η_i) and with them η_i.  Of an expression every term is
enclosed as a product and the terms are summed; powers and functions of sums are kept, as several
expressions share them.
"""

from fractions import Fraction

import numpy as np

from marginflow.theory.proof.constants import Bounds, bounds
from marginflow.theory.proof.expression import Base, Expression
from marginflow.theory.proof.intervals import Interval, between, constant


class Boxes:
    """Boxes in the coordinates w = e^η.

    Args:
        lo: lower ends of w, (m, k), at least 0.
        hi: upper ends.
        logs: η itself, one interval (m,) for each coordinate, where it is known better than w.
    """

    def __init__(self, lo: np.ndarray, hi: np.ndarray, logs: list[Interval] | None = None):
        self.lo, self.hi = lo, hi
        self.coordinates = [Interval(lo[:, i], hi[:, i]) for i in range(lo.shape[1])]
        self.logs = [w.log() for w in self.coordinates] if logs is None else logs
        self._powers: dict[tuple[int, Fraction], Interval] = {}
        self._bases: dict[tuple[Base, Fraction], Interval] = {}

    @classmethod
    def at(cls, points: np.ndarray) -> "Boxes":
        """Single points η (m, k)."""
        logs = [Interval(points[:, i], points[:, i]) for i in range(points.shape[1])]
        found = [eta.exp() for eta in logs]
        lo, hi = np.stack([w.lo for w in found], 1), np.stack([w.hi for w in found], 1)
        return cls(lo, hi, logs)

    def enclose(self, a: Expression) -> Interval:
        """An enclosure of the expression on each box."""
        shape = self.lo.shape[:1]
        total = constant(Fraction(0), shape)
        fixed, moving = _constants_apart(a)
        if fixed is not None:
            total = between(*fixed, shape)
        for (exponent, factors), c in moving:
            term = constant(c, shape)
            if exponent[-1]:
                term = term * constant(exponent[-1], shape).exp()
            for i, p in enumerate(exponent[:-1]):
                if p:
                    term = term * self._power(i, p)
            for base, p in factors:
                term = term * self._base(base, p)
            total = total + term
        return total

    def _power(self, index: int, power: Fraction) -> Interval:
        key = index, power
        if key not in self._powers:
            self._powers[key] = self.coordinates[index].power(power)
        return self._powers[key]

    def _base(self, base: Base, power: Fraction) -> Interval:
        if (base, power) not in self._bases:
            self._bases[base, power] = (
                self._enclose_base(base)
                if power == 1
                else self._base(base, Fraction(1)).power(power)
            )
        return self._bases[base, power]

    def _enclose_base(self, base: Base) -> Interval:
        if base.kind == "variable":
            assert isinstance(base.argument, int)
            return self.logs[base.argument]
        if base.kind == "sum":
            return self.enclose(base.inner)
        if base.kind == "log":
            above = _without_one(base.inner)
            return self.enclose(base.inner).log() if above is None else self.enclose(above).log1p()
        inner = self.enclose(base.inner)
        return {"exp": inner.exp, "sin": inner.sin, "cos": inner.cos}[base.kind]()


def _constants_apart(a: Expression) -> tuple[Bounds | None, list]:
    """Exact bounds on the sum of constant terms, if there are any but a number, and the others."""
    fixed = {
        (exponent, factors): c
        for (exponent, factors), c in a.terms.items()
        if not any(exponent[:-1]) and all(base.is_constant for base, _ in factors)
    }
    if any(exponent[-1] or factors for exponent, factors in fixed):
        found = bounds(Expression(fixed))
        if found is not None:
            return found, [item for item in a.terms.items() if item[0] not in fixed]
    return None, list(a.terms.items())


def _without_one(a: Expression) -> Expression | None:
    """The expression less 1, if 1 is one of its terms."""
    for (exponent, factors), c in a.terms.items():
        if c == 1 and not factors and not any(exponent):
            return Expression({key: d for key, d in a.terms.items() if key != (exponent, factors)})
    return None
