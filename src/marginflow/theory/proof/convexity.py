"""Convexity at sight, by the rules of convex calculus.

A sum of convex terms is convex.  Convex are affine forms, positive multiples of functions whose
logarithm is convex, of logarithms of such functions and of even powers of a margin.  Sums, products
and positive powers of functions with a convex logarithm have one too; exponentials of convex
functions are such (Boyd & Vandenberghe 2004, Sections 3.2 and 3.5).

Strictness is counted in directions: e^(p·u) is strictly convex along every v with p·v ≠ 0, and the
logarithm of a sum of exponentials along every v on which two of its exponents differ.  A sum is
strictly convex if the p and the differences span the space.
"""

from collections.abc import Iterator
from fractions import Fraction

from marginflow.theory.proof.expression import Base, Expression, is_positive_factor

Direction = tuple[Fraction, ...]


def convex_at_sight(a: Expression) -> list[Direction] | None:
    """Linear forms such that a is strictly convex along all v on which one of them is not zero.

    Returns:
        The forms, which may be none; None if a is not convex at sight.
    """
    found: list[Direction] = []
    for (exponent, factors), c in a.terms.items():
        margins = exponent[:-1]
        if not any(margins) and _affine(factors):
            continue
        if c <= 0:
            return None
        if _log_convex_term(factors):
            found += [margins] if _constant(factors) else []
            continue
        variable = [(base, power) for base, power in factors if not base.is_constant]
        if any(margins) or len(variable) != 1 or not _positive_constants(factors):
            return None
        ((base, power),) = variable
        directions = _of_base(base, power, len(margins))
        if directions is None:
            return None
        found += directions
    return found


def log_convex_at_sight(a: Expression) -> bool:
    """Whether it is positive and its logarithm convex."""
    return bool(a.terms) and all(c > 0 and _log_convex_term(f) for (_, f), c in a.terms.items())


def spans(forms: list[Direction], n: int) -> bool:
    """Whether linear forms in n variables have rank n."""
    rows = [list(form) for form in forms]
    for column in range(n):
        pivot = next((i for i in range(column, len(rows)) if rows[i][column]), None)
        if pivot is None:
            return False
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for i in range(column + 1, len(rows)):
            share = rows[i][column] / rows[column][column]
            rows[i] = [x - share * y for x, y in zip(rows[i], rows[column], strict=True)]
    return True


def _of_base(base: Base, power: Fraction, n: int) -> list[Direction] | None:
    """Of a power of one base."""
    even = power.denominator == 1 and power.numerator % 2 == 0 and power > 0
    if base.kind == "variable":
        unit = tuple(Fraction(int(i == base.argument)) for i in range(n))
        return ([unit] if power == 2 else []) if even else None
    if base.kind == "log" and log_convex_at_sight(base.inner):
        if power == 1:
            return list(_differences(base.inner))
        if power > 1 and is_positive_factor(base):
            return []
    convex = base.kind == "sum" and power >= 1 and base.inner.is_positive
    return [] if convex and convex_at_sight(base.inner) is not None else None


def _differences(a: Expression) -> Iterator[Direction]:
    """Of the exponents of a sum of exponentials; none where a term is more than that."""
    if any(not _constant(factors) for _, factors in a.terms):
        return
    first, *rest = [exponent[:-1] for exponent, _ in a.terms]
    for other in rest:
        yield tuple(p - q for p, q in zip(other, first, strict=True))


def _log_convex_term(factors: tuple) -> bool:
    return all(
        is_positive_factor(base)
        and (
            base.is_constant
            or (base.kind == "sum" and power > 0 and log_convex_at_sight(base.inner))
            or (base.kind == "exp" and power > 0 and convex_at_sight(base.inner) is not None)
        )
        for base, power in factors
    )


def _affine(factors: tuple) -> bool:
    """A constant, or one times a margin."""
    variable = [(base, power) for base, power in factors if not base.is_constant]
    return not variable or (
        len(variable) == 1 and variable[0][0].kind == "variable" and variable[0][1] == 1
    )


def _constant(factors: tuple) -> bool:
    return all(base.is_constant for base, _ in factors)


def _positive_constants(factors: tuple) -> bool:
    return all(is_positive_factor(base) for base, _ in factors if base.is_constant)
