"""What decides the sign of an expression once all that is positive is taken out.

An expression becomes numerator and denominator, and the largest common exponential of the numerator
is taken out, since it is positive and tends to zero at infinite margins.  If the terms that are
left all have one sign nothing is left to do; otherwise the rest is enclosed over boxes.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from marginflow.theory.proof.algebra import Algebra
from marginflow.theory.proof.branch_and_bound import Score
from marginflow.theory.proof.enclosure import Boxes
from marginflow.theory.proof.expression import Expression
from marginflow.theory.proof.intervals import Interval
from marginflow.theory.proof.order_cone import sign_at_sight


@dataclass(frozen=True)
class Parted:
    """An expression as e^(p·η) · rest / denominator.

    Attributes:
        exponent: p.
        rest: what is left of the numerator, with its sign.
        denominator: its bases, which have to be positive.
    """

    exponent: tuple[Fraction, ...]
    rest: Expression
    denominator: tuple[Expression, ...]

    @property
    def open_conditions(self) -> list[Expression]:
        """The bases that are not positive at sight."""
        return [base for base in self.denominator if not base.is_positive]


def parted(algebra: Algebra, a: Expression) -> Parted:
    """An expression that is not zero, in its parts."""
    numerator, denominator = algebra.together(a)
    front, rest = algebra.content(numerator, coefficients=False, factors=False)
    ((exponent, _),) = front.terms
    return Parted(exponent, rest, tuple(base.inner for base, _ in denominator))


def seen_positive(a: Expression, touching: bool) -> bool:
    """Whether every term is positive, in variables that are not."""
    found = sign_at_sight(a)
    return found is not None and (found[0] >= 0 if touching else found[0] > 0 and found[1])


def score_of(parts: Parted) -> Score:
    """Encloses the part of an expression that decides its sign."""

    def score(boxes: Boxes) -> Interval:
        found = boxes.enclose(parts.rest)
        unsure = np.zeros(len(boxes.lo), dtype=bool)
        for condition in parts.open_conditions:
            unsure |= ~(boxes.enclose(condition).lo > 0)
        return Interval(np.where(unsure, -np.inf, found.lo), np.where(unsure, np.inf, found.hi))

    return score
