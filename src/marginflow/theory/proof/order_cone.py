"""Orders of the margins and zero: cones on which every comparison is settled, with bounded charts.

In the order v_0 ≤ v_1 ≤ ... ≤ v_k of zero and the k margins, every margin is a sum of gaps, and

    w_i = e^(−a (v_i − v_{i−1})),   0 < w_i ≤ 1,

are coordinates in which a cone with its infinite ends is a cube.  Exponentials of differences are
products of the w_i, and a sum of exponentials divided by its largest is 1 and more products, so
that losses of margins and their derivatives are bounded in the cube, and do not degenerate at its
faces after their leading product is taken out.  The (k+1)! cones cover all margins; of a symmetric
template those with ascending margins will do, and there are k+1.

Where several of the numbers are equal a cone has a face.  With ties told apart from inequalities
the faces without their borders cover all margins too, and each of them once.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from marginflow.theory.proof.algebra import Algebra
from marginflow.theory.proof.expression import CannotError, Expression

Matrix = list[list[Fraction]]


@dataclass(frozen=True)
class OrderCone:
    """Margins in one order, with zero among them.

    Attributes:
        order: 0 for zero and i for margin i, from the smallest to the largest, in groups of those
            that are equal.
        is_open: whether what is not equal differs; otherwise the border belongs to the cone.
    """

    order: tuple[tuple[int, ...], ...]
    is_open: bool = False

    def matrix(self, rate: Fraction = Fraction(1)) -> Matrix:
        """Margins by the logarithms η_i = log w_i ≤ 0 of the coordinates: u = matrix · η."""
        gaps = len(self.order) - 1
        rows = [[Fraction(0)] * gaps for _ in range(sum(map(len, self.order)) - 1)]
        zero = next(place for place, group in enumerate(self.order) if 0 in group)
        for place, group in enumerate(self.order):
            for margin in group:
                for gap in range(min(place, zero), max(place, zero)):
                    rows[margin - 1][gap] = (-1 if place > zero else 1) / rate
        return rows

    @property
    def ties(self) -> Matrix:
        """The margins by one of each group of equal ones: a projection onto the cone's span."""
        k = sum(map(len, self.order)) - 1
        rows = [[Fraction(0)] * k for _ in range(k)]
        for group in self.order:
            for margin in group:
                if margin and 0 not in group:
                    rows[margin - 1][group[0] - 1] = Fraction(1)
        return rows

    def margins(self, coordinates: np.ndarray, rate: Fraction = Fraction(1)) -> np.ndarray:
        """Margins (..., k) of coordinates w (..., k)."""
        matrix = np.array([[float(entry) for entry in row] for row in self.matrix(rate)])
        return np.log(coordinates) @ matrix.T

    def sign(self, algebra: Algebra, a: Expression) -> tuple[int, bool] | None:
        """±1 if a ≥ 0 or a ≤ 0 on the cone, and whether strictly; None if this cannot be seen."""
        try:
            inside = Algebra(len(self.order) - 1, algebra.deadline)
            found = sign_at_sight(algebra.substitute(a, self.matrix(), inside))
        except CannotError:
            return None
        # without its border no variable of the cone is zero
        return found if found is None else (found[0], found[1] or self.is_open)


def sign_at_sight(a: Expression) -> tuple[int, bool] | None:
    """The sign of a sum whose terms have one sign, in variables that are not positive.

    Returns:
        ±1, or 0 for zero, and whether the sum is never zero; None if this cannot be seen.
    """
    if a.is_zero:
        return 0, True
    signs, strict = set(), False
    for (exponent, factors), c in a.terms.items():
        sign, firm = 1 if c > 0 else -1, True
        rest = []
        for base, power in factors:
            if base.kind == "variable" and power.denominator == 1:
                sign, firm = sign * (-1) ** (power.numerator % 2), False
            else:
                rest.append((base, power))
        if not Expression({(exponent, tuple(rest)): Fraction(1)}).is_positive:
            return None
        signs.add(sign)
        strict = strict or firm
    return (signs.pop(), strict) if len(signs) == 1 else None


def all_cones(n_margins: int) -> Iterator[OrderCone]:
    """Every order of the margins and zero, with its border."""
    for order in itertools.permutations(range(n_margins + 1)):
        yield OrderCone(tuple((entry,) for entry in order))


def ascending_cones(n_margins: int) -> Iterator[OrderCone]:
    """The orders with ascending margins, enough for a symmetric template."""
    margins = tuple((margin,) for margin in range(1, n_margins + 1))
    for place in range(n_margins + 1):
        yield OrderCone((*margins[:place], (0,), *margins[place:]))


def all_faces(n_margins: int) -> Iterator[OrderCone]:
    """Every order with ties, without borders; those without ties first."""
    faces: list[tuple[tuple[int, ...], ...]] = [((0,),)]
    for margin in range(1, n_margins + 1):
        longer = []
        for groups in faces:
            places = range(len(groups) + 1)
            longer += [(*groups[:i], (margin,), *groups[i:]) for i in places]
            longer += [(*groups[:i], (*groups[i], margin), *groups[i + 1 :]) for i in places[:-1]]
        faces = longer
    for groups in sorted(faces, key=len, reverse=True):
        yield OrderCone(groups, is_open=True)
