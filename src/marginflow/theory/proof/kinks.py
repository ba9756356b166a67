"""Convexity of templates with kinks: hinges, their maxima, and what is patched from pieces.

What is left of a template with kinks is a choice between formulas by the signs of affine forms
(`choice`).  Such a function is convex if

    every formula is convex, and its slope does not fall from one side of a kink to the other:
    where the sign of a form changes, the formulas agree, and their difference does not fall as
    the form grows.

For along almost every line it is then a continuous function that is convex between finitely many
kinks and whose slope does not fall at them, and a continuous function that is convex along these
lines is convex.  Formulas that meet where no margins are have nothing to show: whether a kink is
crossed between two cells is decided exactly, by Fourier-Motzkin elimination.  Where a question is
not affine, a choice of the larger of two convex functions is convex.
"""

from fractions import Fraction

from marginflow.theory.proof.algebra import Algebra
from marginflow.theory.proof.choice import Choice, Question, apply, ends
from marginflow.theory.proof.convexity import convex_at_sight
from marginflow.theory.proof.expression import CannotError, Expression

# Constraints that an elimination may come to.
CONSTRAINTS = 400

Form = tuple[Fraction, ...]


def convex_with_kinks(algebra: Algebra, value: Expression | Choice) -> bool:
    """Whether the rules show a choice between formulas to be convex."""
    try:
        return _larger_of_two(algebra, value) or _patched(algebra, value)
    except CannotError:
        return False


def _larger_of_two(algebra: Algebra, value: Expression | Choice) -> bool:
    """Whether every choice is that of the larger, between what is convex."""
    if not isinstance(value, Choice):
        return convex_at_sight(value) is not None
    if value.zero not in (None, value.negative, value.positive):
        return False
    gap = apply(algebra.subtract, value.positive, value.negative)
    if isinstance(gap, Choice) or gap.is_zero:
        return False
    if not _same_sign(algebra, gap, value.question.about):
        return False
    return all(_larger_of_two(algebra, value.side(sign)) for sign in (-1, 1))


def _same_sign(algebra: Algebra, a: Expression, b: Expression) -> bool:
    """Whether a is a positive multiple of b, as a question is brought to its simplest form."""
    front, rest = algebra.content(a, factors=False)
    return (rest == b and front.is_positive) or (
        algebra.scale(rest, -1) == b and algebra.scale(front, -1).is_positive
    )


def _patched(algebra: Algebra, value: Expression | Choice, path: tuple = ()) -> bool:
    """Whether formulas are convex and slopes do not fall at the kinks between them."""
    if not isinstance(value, Choice):
        return not _possible(path) or _curved(algebra, value, path)
    if affine(value.question.about) is None:
        return False
    if value.zero not in (None, value.negative, value.positive):
        return False
    gap = apply(algebra.subtract, value.positive, value.negative)
    for end, signs in ends(gap):
        cell = (*path, *signs)
        if any(sign == 0 for _, sign in cell) or not _possible(cell, value.question):
            continue
        if not _rises(algebra, end, value.question.about):
            return False
    return all(
        _patched(algebra, value.side(sign), (*path, (value.question, sign))) for sign in (-1, 1)
    )


def _rises(algebra: Algebra, gap: Expression, about: Expression) -> bool:
    """Whether a gap is zero wherever a form is, and does not fall there as the form grows."""
    level = affine(about)
    assert level is not None
    at = next(i for i, x in enumerate(level[:-1]) if x)
    rows = [algebra.variable(i) for i in range(algebra.n)]
    others = algebra.subtract(about, algebra.scale(rows[at], level[at]))
    rows[at] = algebra.scale(others, -1 / level[at])
    if not algebra.composed(gap, rows).is_zero:
        return False
    slope = algebra.composed(algebra.scale(algebra.derivative(gap, at), 1 / level[at]), rows)
    return slope.is_zero or slope.is_positive


def _curved(algebra: Algebra, a: Expression, cell: tuple) -> bool:
    """Whether a formula is convex in a cell: at sight, or with a diagonal Hessian of one sign."""
    if convex_at_sight(a) is not None:
        return True
    for i in range(algebra.n):
        slope = algebra.derivative(a, i)
        for j in range(i + 1):
            second = algebra.derivative(slope, j)
            if second.is_zero or (i == j and second.is_positive):
                continue
            form = affine(second)
            if i != j or form is None or _feasible([*_forms(cell), tuple(-x for x in form)]):
                return False
    return True


def affine(a: Expression) -> Form | None:
    """Coefficients of the margins and the constant of an affine form with rational ones."""
    form: dict[int, Fraction] = {}
    constant, n = Fraction(0), 0
    for (exponent, factors), c in a.terms.items():
        n = len(exponent) - 1
        if any(exponent):
            return None
        if not factors:
            constant = c
        elif len(factors) == 1 and factors[0][0].kind == "variable" and factors[0][1] == 1:
            index = factors[0][0].argument
            assert isinstance(index, int)
            form[index] = c
        else:
            return None
    return (*(form.get(i, Fraction(0)) for i in range(n)), constant)


def _possible(path: tuple, kink: Question | None = None) -> bool:
    """Whether some margins have the signs of a path strictly, on a kink if one is given."""
    forms = _forms(path)
    if kink is not None:
        level = affine(kink.about)
        assert level is not None
        at = next(i for i, x in enumerate(level[:-1]) if x)
        forms = [_without(form, level, at) for form in forms]
    return _feasible(forms)


def _forms(path: tuple) -> list[Form]:
    """What is positive on a path, as far as it is affine."""
    found = [(affine(question.about), sign) for question, sign in path]
    return [tuple(sign * x for x in form) for form, sign in found if form is not None and sign]


def _without(form: Form, level: Form, at: int) -> Form:
    """A form on the level {level = 0}, from which one margin is eliminated."""
    share = form[at] / level[at]
    return tuple(x - share * y for x, y in zip(form, level, strict=True))


def _feasible(forms: list[Form]) -> bool:
    """Whether all forms are positive somewhere, by Fourier-Motzkin elimination."""
    if not forms:
        return True
    for at in range(len(forms[0]) - 1):
        rising = [form for form in forms if form[at] > 0]
        falling = [form for form in forms if form[at] < 0]
        kept = [form for form in forms if not form[at]]
        mixed = [
            tuple(x / up[at] - y / down[at] for x, y in zip(up, down, strict=True))
            for up in rising
            for down in falling
        ]
        forms = list(dict.fromkeys([*kept, *mixed]))
        if len(forms) > CONSTRAINTS:
            return True
    return all(form[-1] > 0 for form in forms)
