"""Enclosures contain what they enclose, judged by mpmath with 60 digits."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marginflow.theory.proof.intervals import Interval, constant

MP = mpmath.mp.clone()
MP.dps = 60

UNARY = {
    "neg": (lambda x: -x, lambda x: -x),
    "exp": (Interval.exp, MP.exp),
    "log": (Interval.log, MP.log),
    "log1p": (Interval.log1p, MP.log1p),
    "sin": (Interval.sin, MP.sin),
    "cos": (Interval.cos, MP.cos),
    "reciprocal": (Interval.reciprocal, lambda x: 1 / x),
    "square": (lambda x: x.power(Fraction(2)), lambda x: x**2),
    "cube": (lambda x: x.power(Fraction(3)), lambda x: x**3),
    "inverse square": (lambda x: x.power(Fraction(-2)), lambda x: x**-2),
    "root": (lambda x: x.power(Fraction(1, 2)), MP.sqrt),
    "power 1/3": (lambda x: x.power(Fraction(1, 3)), lambda x: x ** (MP.mpf(1) / 3)),
    "power -7/3": (lambda x: x.power(Fraction(-7, 3)), lambda x: x ** (-MP.mpf(7) / 3)),
}
BINARY = {
    "+": (lambda x, y: x + y, lambda x, y: x + y),
    "-": (lambda x, y: x - y, lambda x, y: x - y),
    "*": (lambda x, y: x * y, lambda x, y: x * y),
    "/": (lambda x, y: x / y, lambda x, y: x / y),
}
# Only where they are defined: outside an enclosure says nothing.
DOMAIN = {"log": 0, "log1p": -1, "root": 0, "power 1/3": 0, "power -7/3": 0}

numbers = st.one_of(
    st.floats(-30, 30), st.floats(-1e-6, 1e-6), st.sampled_from([0.0, 1.0, -1.0, 700.0, -745.0])
)
trees = st.recursive(
    st.integers(0, 2),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(sorted(UNARY)), inner),
        st.tuples(st.sampled_from(sorted(BINARY)), inner, inner),
    ),
    max_leaves=8,
)


class _UndefinedError(Exception):
    pass


def _enclosed(tree, leaves):
    if isinstance(tree, int):
        return leaves[tree]
    name, *parts = tree
    rule = (UNARY if len(parts) == 1 else BINARY)[name][0]
    return rule(*(_enclosed(part, leaves) for part in parts))


def _exact(tree, leaves):
    if isinstance(tree, int):
        return leaves[tree]
    name, *parts = tree
    values = [_exact(part, leaves) for part in parts]
    if (name in DOMAIN and values[0] <= DOMAIN[name]) or MP.fabs(values[0]) > 1e4:
        raise _UndefinedError
    try:
        return (UNARY if len(parts) == 1 else BINARY)[name][1](*values)
    except ZeroDivisionError as error:
        raise _UndefinedError from error


@settings(max_examples=300)
@given(trees, st.tuples(*[st.tuples(numbers, st.floats(0, 3))] * 3), st.randoms())
def test_random_expressions_stay_inside(tree, ends, random):
    lows = [low for low, _ in ends]
    highs = [low + width for low, width in ends]
    leaves = [Interval(np.array([a]), np.array([b])) for a, b in zip(lows, highs, strict=True)]
    found = _enclosed(tree, leaves)
    for share in (0.0, 1.0, random.random(), random.random()):
        point = [min(max(a + share * (b - a), a), b) for a, b in zip(lows, highs, strict=True)]
        try:
            value = _exact(tree, [MP.mpf(p) for p in point])
        except _UndefinedError:
            continue
        assert MP.mpf(found.lo[0]) <= value <= MP.mpf(found.hi[0])


@pytest.mark.parametrize("name", ["exp", "log", "log1p", "root", "power 1/3", "power -7/3", "cos"])
def test_elementary_functions_over_all_scales(name):
    rng = np.random.default_rng(3)
    x = np.concatenate([10.0 ** rng.uniform(-300, 2.8, 150), 10.0 ** rng.uniform(-3, 2, 350)])
    if name in ("exp", "cos"):
        x = np.concatenate([x, -x])
    enclosed, exact = UNARY[name]
    found = enclosed(Interval(x, x))
    for value, low, high in zip(x, found.lo, found.hi, strict=True):
        truth = exact(MP.mpf(value))
        assert MP.mpf(low) <= truth <= MP.mpf(high), value
        # an exponent that is no float costs more, in proportion to the logarithm
        if name in ("exp", "log", "log1p", "root") and 1e-290 < abs(truth) < 1e290:
            assert high - low <= 40 * np.finfo(float).eps * max(abs(low), abs(high))


def test_what_is_exact_is_not_widened():
    one = constant(Fraction(1), (1,))
    zero = constant(Fraction(0), (1,))
    for found, value in [
        (one.log(), 0.0),
        (zero.log1p(), 0.0),
        (zero.exp(), 1.0),
        (one + one, 2.0),
        (one * zero, 0.0),
        (zero.power(Fraction(1, 2)), 0.0),
        (one.power(Fraction(-5, 3)), 1.0),
    ]:
        assert found.lo[0] == found.hi[0] == value


def test_a_sum_that_is_rounded_is_widened_on_that_side_only():
    x, y = np.array([1.0]), np.array([2.0**-60])
    found = Interval(x, x) + Interval(y, y)
    assert found.lo[0] == 1.0
    assert found.hi[0] == np.nextafter(1.0, 2.0)


def test_no_bound_is_kept_where_there_is_none():
    unbounded = Interval(np.array([0.0]), np.array([np.inf]))
    product = unbounded * Interval(np.array([0.0]), np.array([1.0]))
    assert (product.lo[0], product.hi[0]) == (0.0, np.inf)
    difference = unbounded - unbounded
    assert (difference.lo[0], difference.hi[0]) == (-np.inf, np.inf)
    across = Interval(np.array([-1.0]), np.array([1.0])).reciprocal()
    assert (across.lo[0], across.hi[0]) == (-np.inf, np.inf)
    assert Interval(np.array([800.0]), np.array([900.0])).exp().lo[0] < np.inf


@given(st.fractions())
def test_constants_contain_their_fraction(value):
    found = constant(value, (1,))
    assert Fraction(found.lo[0]) <= value <= Fraction(found.hi[0])
    assert found.hi[0] <= np.nextafter(found.lo[0], np.inf)
