"""Exact algebra of formulas, in which products of exponentials cancel.

Interval arithmetic on a program as it is written proves little: log(1 + e^(−u)) has slope
−e^(−u)/(1 + e^(−u)), and an interval forgets that numerator and denominator move together.  Losses
of margins are made of exponentials of linear forms, so a program is first turned into an expression
in which products of exponentials cancel exactly, the largest common exponential of a sum is taken
out of its powers and logarithms, derivatives are formulas of the same kind, and a linear change of
variables is a rebuilding.  No number is rounded here.

An `Algebra` builds expressions in so many variables and keeps one copy of each base, so that two
expressions with the same terms are equal.  Its sums and products are those of a `Ring`, its powers
those of a `Field`; functions, derivatives and changes of variables are here.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from marginflow.theory.proof.expression import (
    Base,
    CannotError,
    Exponent,
    Expression,
    is_positive_factor,
)
from marginflow.theory.proof.field import Field


class Algebra(Field):
    """Expressions in n variables η_1, ..., η_n.

    Args:
        n_variables: n.
        deadline: of `time.monotonic`; no product is begun after it.

    Example:
        >>> from marginflow.theory.proof.algebra import Algebra
        >>> al = Algebra(1)
        >>> x = al.exp(al.variable(0))
        >>> al.multiply(x, al.power(x, -1)) == al.constant(1)
        True
    """

    def __init__(self, n_variables: int, deadline: float = math.inf):
        super().__init__(n_variables, deadline)
        self._derivatives: dict[tuple[Base, int], Expression] = {}

    def exp(self, a: Expression) -> Expression:
        """The exponential: what is linear becomes an exponent, a logarithm becomes a power."""
        exponent, logs, others = list(self._flat), [], {}
        for (expo, factors), c in a.terms.items():
            base, power = factors[0] if len(factors) == 1 else (None, None)
            if any(expo) or (factors and (base is None or power != 1)):
                others[expo, factors] = c
            elif base is None:
                exponent[-1] += c
            elif base.kind == "variable":
                assert isinstance(base.argument, int)
                exponent[base.argument] += c
            elif base.kind == "log":
                logs.append(self.power(base.inner, c))
            else:
                others[expo, factors] = c
        if others:
            # a square stays with its linear part, without which it would be large
            linear = [self.scale(self.variable(i), c) for i, c in enumerate(exponent[:-1])]
            inner = self.add(Expression(others), *linear, self.constant(exponent[-1]))
            return self.product([self._function("exp", inner), *logs])
        return self.product([self.exponential(exponent), *logs])

    def log(self, a: Expression) -> Expression:
        """The logarithm, with exponentials and positive powers taken out."""
        if a.is_zero:
            raise CannotError("the logarithm of zero")
        numerator, denominator = self.together(a) if len(a.terms) > 1 else (a, ())
        if not all(is_positive_factor(base) for base, q in denominator):
            numerator, denominator = a, ()
        front, rest = self.content(numerator, coefficients=len(numerator.terms) == 1)
        if not front.is_positive:
            return self._function("log", a)
        parts = [self.scale(self._log_of_base(base), -q) for base, q in denominator]
        (((exponent, factors), c),) = front.terms.items()
        parts += [self.scale(self._log_of_base(base), q) for base, q in factors]
        parts += [self.scale(self.variable(i), exponent[i]) for i in range(self.n)]
        parts.append(self.constant(exponent[-1]))
        for inner in (self.constant(c), rest):
            number = inner.number
            if number is not None and number < 1:
                parts.append(self.scale(self._function("log", self.constant(1 / number)), -1))
            elif number != 1:
                parts.append(self._function("log", inner))
        return self.add(*parts)

    def sin(self, a: Expression) -> Expression:
        """The sine."""
        return self._function("sin", a)

    def cos(self, a: Expression) -> Expression:
        """The cosine."""
        return self._function("cos", a)

    def derivative(self, a: Expression, index: int) -> Expression:
        """∂a/∂η of an index."""
        parts = []
        for (exponent, factors), c in a.terms.items():
            if exponent[index]:
                parts.append(Expression({(exponent, factors): c * exponent[index]}))
            for at, (base, power) in enumerate(factors):
                inner = self._derivative_of_base(base, index)
                if inner.is_zero:
                    continue
                others = (*factors[:at], *factors[at + 1 :])
                rest = Expression({(exponent, others): c * power})
                lowered = self._factors({base: power - 1}) if power != 1 else None
                parts.append(self.multiply(rest, inner))
                if lowered is not None:
                    parts[-1] = self.multiply(parts[-1], lowered)
        return self.add(*parts)

    def substitute(
        self, a: Expression, matrix: Sequence[Sequence[Fraction]], target: "Algebra"
    ) -> Expression:
        """The expression in other variables: η_i = Σ_j matrix[i][j] η'_j."""
        rows = [
            target.add(*(target.scale(target.variable(j), c) for j, c in enumerate(row)))
            for row in matrix
        ]

        def moved(exponent: Exponent) -> Expression:
            columns = zip(*matrix, strict=True)
            pairs = [zip(exponent, column, strict=False) for column in columns]
            sums = [sum((p * c for p, c in pair), Fraction(0)) for pair in pairs]
            return target.exponential([*sums, exponent[-1]])

        return self._rebuilt(a, target, rows, moved)

    def stretched(self, a: Expression, factor: Expression) -> Expression:
        """The expression with every variable times a constant."""
        return self.composed(a, [self.multiply(self.variable(i), factor) for i in range(self.n)])

    def composed(self, a: Expression, rows: Sequence[Expression]) -> Expression:
        """The expression with other expressions for its variables."""

        def moved(exponent: Exponent) -> Expression:
            parts = [self.scale(row, p) for row, p in zip(rows, exponent, strict=False)]
            return self.exp(self.add(*parts, self.constant(exponent[-1])))

        return self._rebuilt(a, self, rows, moved)

    def _rebuilt(
        self,
        a: Expression,
        target: "Algebra",
        rows: Sequence[Expression],
        moved: Callable[[Exponent], Expression],
    ) -> Expression:
        """The expression with other expressions for the variables and their exponentials."""
        memo: dict[Base, Expression] = {}

        def rebuilt(base: Base) -> Expression:
            if base not in memo:
                if base.kind == "variable":
                    assert isinstance(base.argument, int)
                    memo[base] = rows[base.argument]
                else:
                    inner = whole(base.inner)
                    memo[base] = inner if base.kind == "sum" else getattr(target, base.kind)(inner)
            return memo[base]

        def whole(a: Expression) -> Expression:
            parts = []
            for (exponent, factors), c in a.terms.items():
                term = target.scale(moved(exponent), c)
                for base, power in factors:
                    term = target.multiply(term, target.power(rebuilt(base), power))
                parts.append(term)
            return target.add(*parts)

        return whole(a)

    def at_zero(self, a: Expression, indices: Iterable[int]) -> Expression:
        """The value where w_i = e^(η_i) is zero for some i.

        Raises:
            CannotError: if it has no limit there that can be read off.
        """
        indices = set(indices)
        parts = []
        for (exponent, factors), c in a.terms.items():
            if any(exponent[i] < 0 for i in indices):
                raise CannotError("a term without limit at infinite margins")
            gone = any(exponent[i] > 0 for i in indices)
            term = Expression({(exponent, ()): c})
            for base, power in factors:
                if base.kind == "variable":
                    if base.argument in indices:
                        raise CannotError("a margin itself in the limit of large margins")
                    term = self.multiply(term, self._factors({base: power}))
                    continue
                inner = self.at_zero(base.inner, indices)
                if inner.is_zero and (power < 0 or base.kind == "log"):
                    raise CannotError("a division by zero in the limit of large margins")
                value = inner if base.kind == "sum" else getattr(self, base.kind)(inner)
                term = self.multiply(term, self.power(value, power))
            if not gone:
                parts.append(term)
        return self.add(*parts)

    def _function(self, kind: str, inner: Expression) -> Expression:
        return self._factors({self._base(kind, inner): Fraction(1)})

    def _log_of_base(self, base: Base) -> Expression:
        if base.kind == "exp":
            return base.inner
        if base.kind == "sum":
            return self._function("log", base.inner)
        return self._function("log", self._factors({base: Fraction(1)}))

    def _derivative_of_base(self, base: Base, index: int) -> Expression:
        if base.kind == "variable":
            return self.constant(int(base.argument == index))
        found = self._derivatives.get((base, index))
        if found is None:
            found = self.derivative(base.inner, index)
            if not found.is_zero and base.kind != "sum":
                found = self.multiply(found, self._rule(base))
            self._derivatives[base, index] = found
        return found

    def _rule(self, base: Base) -> Expression:
        """The derivative of a function in its argument."""
        if base.kind == "log":
            return self.power(base.inner, -1)
        if base.kind == "exp":
            return self._factors({base: Fraction(1)})
        if base.kind == "sin":
            return self.cos(base.inner)
        return self.scale(self.sin(base.inner), -1)
