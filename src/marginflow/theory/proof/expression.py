"""Formulas of templates: exact sums of products of exponentials, their powers and logarithms.

    Σ coefficient · e^(p·η + β) · Π base^power

with rational coefficients and exponents.  A base is a variable, or a sum, a logarithm or what else
a template contains of another such expression.  `Algebra` builds them.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property


class CannotError(Exception):
    """A template, or a step of a proof, that these formulas do not cover; the message says why."""


@dataclass(eq=False, frozen=True)
class Base:
    """What is raised to powers: a variable, or a function ("sum", "log", ...) of an expression."""

    kind: str
    argument: "Expression | int"
    number: int

    @property
    def inner(self) -> "Expression":
        """The expression inside."""
        assert isinstance(self.argument, Expression)
        return self.argument

    @cached_property
    def is_constant(self) -> bool:
        """Whether no variable is inside."""
        return self.kind != "variable" and self.inner.is_constant


Exponent = tuple[Fraction, ...]
Factors = tuple[tuple[Base, Fraction], ...]
Key = tuple[Exponent, Factors]


class Expression:
    """A sum of terms: rational coefficients by (exponents of e, powers of bases)."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: dict[Key, Fraction]):
        self.terms = {key: c for key, c in terms.items() if c}
        self._hash: int | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.terms == other.terms

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    @property
    def is_zero(self) -> bool:
        """Whether no term is left."""
        return not self.terms

    @property
    def number(self) -> Fraction | None:
        """Its value if it is a rational number."""
        if not self.terms:
            return Fraction(0)
        ((exponent, factors), coefficient), *rest = self.terms.items()
        return None if rest or factors or any(exponent) else coefficient

    @property
    def is_constant(self) -> bool:
        """Whether it has no variable."""
        return all(
            not any(exponent[:-1]) and all(base.is_constant for base, _ in factors)
            for exponent, factors in self.terms
        )

    @property
    def is_positive(self) -> bool:
        """Whether it is positive at sight: a sum of positive terms."""
        return bool(self.terms) and all(
            c > 0 and all(is_positive_factor(base) for base, _ in factors)
            for (_, factors), c in self.terms.items()
        )


def is_positive_factor(base: Base) -> bool:
    """Whether a base, and so any power of it, is positive at sight."""
    if base.kind == "exp":
        return True
    if base.kind == "sum":
        return base.inner.is_positive
    if base.kind == "log":
        if base.inner.number is not None:
            return base.inner.number > 1
        one = [(key, c) for key, c in base.inner.terms.items() if not key[1] and not any(key[0])]
        return base.inner.is_positive and len(base.inner.terms) > 1 and any(c >= 1 for _, c in one)
    return False
