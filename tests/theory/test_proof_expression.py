"""The algebra of formulas changes their form and never their value, judged by mpmath."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marginflow.theory.proof.algebra import Algebra
from marginflow.theory.proof.enclosure import Boxes
from marginflow.theory.proof.expression import CannotError

MP = mpmath.mp.clone()
MP.dps = 50

constants = st.fractions(-3, 3, max_denominator=4)
exponents = st.sampled_from([Fraction(p) for p in ("-1", "-2", "2", "3", "1/2", "-3/2")])
trees = st.recursive(
    st.one_of(st.integers(0, 1), constants.map(lambda c: ("constant", c))),
    lambda inner: st.one_of(
        st.tuples(st.just("exp"), inner),
        st.tuples(st.just("log of one and exp"), inner),
        st.tuples(st.just("log"), inner),
        st.tuples(st.just("sin"), inner),
        st.tuples(st.just("cos"), inner),
        st.tuples(st.just("power"), inner, exponents),
        st.tuples(st.sampled_from(["add", "subtract", "multiply"]), inner, inner),
    ),
    max_leaves=6,
)
points = st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))


class _UndefinedError(Exception):
    pass


def _expression(algebra, tree):
    if isinstance(tree, int):
        return algebra.variable(tree)
    name, *parts = tree
    if name == "constant":
        return algebra.constant(parts[0])
    inner = [_expression(algebra, part) for part in parts if not isinstance(part, Fraction)]
    if name == "power":
        return algebra.power(inner[0], parts[1])
    if name == "log of one and exp":
        return algebra.log(algebra.add(algebra.constant(1), algebra.exp(inner[0])))
    return getattr(algebra, name)(*inner)


def _value(tree, u):
    """The value by mpmath; it has to be defined, and moderate."""
    if isinstance(tree, int):
        return u[tree]
    name, *parts = tree
    if name == "constant":
        return MP.mpf(parts[0].numerator) / parts[0].denominator
    inner = [_value(part, u) for part in parts if not isinstance(part, Fraction)]
    if name in ("log", "power") and not inner[0] > MP.mpf("1e-6"):
        raise _UndefinedError
    found = {
        "exp": lambda: MP.exp(inner[0]),
        "log": lambda: MP.log(inner[0]),
        "log of one and exp": lambda: MP.log(1 + MP.exp(inner[0])),
        "sin": lambda: MP.sin(inner[0]),
        "cos": lambda: MP.cos(inner[0]),
        "power": lambda: inner[0] ** (MP.mpf(parts[1].numerator) / parts[1].denominator),
        "add": lambda: inner[0] + inner[1],
        "subtract": lambda: inner[0] - inner[1],
        "multiply": lambda: inner[0] * inner[1],
    }[name]()
    if abs(found) > 1e3:
        raise _UndefinedError
    return found


def _close(algebra, a, point, value):
    found = Boxes.at(np.array([point])).enclose(a)
    _inside(found, value)


def _inside(found, value, slack="1e-40"):
    """Within the enclosure, but for the rounding of mpmath."""
    slack = MP.mpf(slack) * (1 + abs(value))
    assert MP.mpf(found.lo[0]) - slack <= value <= MP.mpf(found.hi[0]) + slack


@settings(max_examples=120)
@given(trees, points)
def test_every_form_encloses_the_value(tree, point):
    algebra = Algebra(2)
    u = [MP.mpf(p) for p in point]
    try:
        value = _value(tree, u)
        a = _expression(algebra, tree)
    except (_UndefinedError, CannotError):
        return
    _close(algebra, a, point, value)
    slopes = [lambda t: _value(tree, [t, u[1]]), lambda t: _value(tree, [u[0], t])]
    for i, along in enumerate(slopes):
        try:
            slope = MP.diff(along, u[i])
        except _UndefinedError:
            continue
        _inside(Boxes.at(np.array([point])).enclose(algebra.derivative(a, i)), slope, "1e-15")
    if not a.is_zero:
        numerator, denominator = algebra.together(a)
        whole = Boxes.at(np.array([point])).enclose(numerator)
        below = Boxes.at(np.array([point]))
        for base, power in denominator:
            whole = whole * below.enclose(base.inner).power(-power)
        _inside(whole, value)


@settings(max_examples=200)
@given(trees, points)
def test_a_change_of_variables_changes_no_value(tree, point):
    algebra, other = Algebra(2), Algebra(2)
    v = [MP.mpf(p) for p in point]
    matrix = [[Fraction(1), Fraction(1)], [Fraction(0), Fraction(2)]]
    try:
        value = _value(tree, [v[0] + v[1], 2 * v[1]])
        moved = algebra.substitute(_expression(algebra, tree), matrix, other)
    except (_UndefinedError, CannotError):
        return
    _close(other, moved, point, value)


def test_products_of_exponentials_cancel_exactly():
    al = Algebra(2)
    x, y = al.exp(al.variable(0)), al.exp(al.variable(1))
    total = al.add(al.constant(1), x, y)
    share = al.multiply(x, al.power(total, -1))
    rest = al.subtract(al.constant(1), share)
    numerator, denominator = al.together(rest)
    assert numerator == al.add(al.constant(1), y)
    assert [base.inner for base, _ in denominator] == [total]
    assert al.exp(al.log(total)) == total
    assert al.log(al.multiply(x, total)) == al.add(al.variable(0), al.log(total))


def test_a_sum_is_normalized_by_its_largest_common_exponential():
    al = Algebra(1)
    x, inverse = al.exp(al.variable(0)), al.exp(al.scale(al.variable(0), -1))
    left = al.log(al.add(al.constant(1), inverse))
    right = al.subtract(al.log(al.add(al.constant(1), x)), al.variable(0))
    assert left == right


def test_limits_at_infinite_margins_are_exact():
    al = Algebra(2)
    x, y = al.exp(al.variable(0)), al.exp(al.variable(1))
    ratio = al.power(al.add(al.constant(2), x, y), -1)
    assert al.at_zero(ratio, [0, 1]).number == Fraction(1, 2)
    assert al.at_zero(al.subtract(ratio, al.constant(Fraction(1, 2))), [0, 1]).is_zero
    with pytest.raises(CannotError, match="without limit"):
        al.at_zero(al.power(x, -1), [0])
    with pytest.raises(CannotError, match="margin itself"):
        al.at_zero(al.variable(0), [0])


def test_even_powers_do_not_forget_a_sign():
    al = Algebra(1)
    u = al.variable(0)
    root = al.power(al.multiply(u, u), Fraction(1, 2))
    assert root != u
    found = Boxes.at(np.array([[-2.0]])).enclose(root)
    assert found.lo[0] <= 2.0 <= found.hi[0]
    log = al.log(al.multiply(u, u))
    found = Boxes.at(np.array([[-2.0]])).enclose(log)
    assert found.lo[0] <= np.log(4.0) <= found.hi[0]
