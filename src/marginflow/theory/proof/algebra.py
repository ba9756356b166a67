"""Exact algebra of formulas, in which products of exponentials cancel.

Interval arithmetic on a program as it is written proves little: log(1 + e^(−u)) has slope
−e^(−u)/(1 + e^(−u)), and an interval forgets that numerator and denominator move together.  Losses
of margins are made of exponentials of linear forms, so a program is first turned into an expression
in which products of exponentials cancel exactly, the largest common exponential of a sum is taken
out of its powers and logarithms, derivatives are formulas of the same kind, and a linear change of
variables is a rebuilding.  No number is rounded here.

An `Algebra` builds expressions in so many variables and keeps one copy of each base, so that two
expressions with the same terms are equal.
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
    is_positive_factor,
)

# Sums with more terms than this are not multiplied out.
TERMS = 3000


class Algebra:
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
        self.n, self.deadline = n_variables, deadline
        self._bases: dict[tuple, Base] = {}
        self._derivatives: dict[tuple[Base, int], Expression] = {}
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
                factors, whole = _sorted(powers)
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
            if inner.number != 1:
                parts.append(self._function("log", inner))
        return self.add(*parts)

    def sin(self, a: Expression) -> Expression:
        """The sine."""
        return self._function("sin", a)

    def cos(self, a: Expression) -> Expression:
        """The cosine."""
        return self._function("cos", a)

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
        front = Expression({(exponent, _sorted(common)[0]): divisor})
        terms = {}
        for (expo, _), found, c in zip(keys, powers, a.terms.values(), strict=True):
            left = {
                base: found.get(base, Fraction(0)) - common.get(base, Fraction(0))
                for base in {*found, *common}
            }
            factors_left = tuple(sorted(((b, q) for b, q in left.items() if q), key=_order))
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
        front, rest = self.content(numerator)
        if len(rest.terms) > 1:
            base = self._base("sum", rest)
            if denominator.get(base, 0) >= 1:
                denominator[base] -= 1
                numerator = front
        return numerator, tuple((base, q) for base, q in denominator.items() if q)

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
        memo: dict[Base, Expression] = {}

        def rebuilt(base: Base) -> Expression:
            if base not in memo:
                if base.kind == "variable":
                    assert isinstance(base.argument, int)
                    row = enumerate(matrix[base.argument])
                    parts = [target.scale(target.variable(j), c) for j, c in row]
                    memo[base] = target.add(*parts)
                else:
                    inner = whole(base.inner)
                    memo[base] = inner if base.kind == "sum" else getattr(target, base.kind)(inner)
            return memo[base]

        def whole(a: Expression) -> Expression:
            parts = []
            for (exponent, factors), c in a.terms.items():
                moved = [
                    sum((exponent[i] * matrix[i][j] for i in range(self.n)), Fraction(0))
                    for j in range(target.n)
                ]
                term = target.scale(target.exponential([*moved, exponent[-1]]), c)
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

    def _base(self, kind: str, argument: Expression | int) -> Base:
        key = (kind, argument)
        if key not in self._bases:
            self._bases[key] = Base(kind, argument, len(self._bases))
        return self._bases[key]

    def _function(self, kind: str, inner: Expression) -> Expression:
        return self._factors({self._base(kind, inner): Fraction(1)})

    def _factors(self, powers: dict[Base, Fraction]) -> Expression:
        """The product of powers of bases, those of sums to whole powers multiplied out."""
        factors, whole = _sorted(powers)
        term = Expression({(self._flat, factors): Fraction(1)})
        for base, power in whole:
            term = self.product([term, *[base.inner] * power.numerator])
        return term

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


def _sorted(powers: dict[Base, Fraction]) -> tuple[Factors, list[tuple[Base, Fraction]]]:
    """Factors in their order, and apart from them the sums to whole powers, to multiply out."""
    kept, whole = [], []
    for base, power in powers.items():
        if power and base.kind == "sum" and power > 0 and power.denominator == 1:
            whole.append((base, power))
        elif power:
            kept.append((base, power))
    return tuple(sorted(kept, key=_order)), whole


def _order(factor: tuple[Base, Fraction]) -> int:
    return factor[0].number


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
