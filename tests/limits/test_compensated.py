"""Error-free transformations are exact, and inner products lie within their bounds."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from marginflow.limits.compensated import UNIT, dot, two_product, two_sum

moderate = st.floats(-1e100, 1e100, allow_subnormal=False).filter(
    lambda value: value == 0 or abs(value) > 1e-100
)


@given(moderate, moderate)
def test_a_sum_and_its_error_are_the_exact_sum(left, right):
    total, error = two_sum(left, right)
    assert Fraction(total) + Fraction(error) == Fraction(left) + Fraction(right)
    assert abs(error) <= UNIT * abs(total)


@given(moderate, moderate)
def test_a_product_and_its_error_are_the_exact_product(left, right):
    product, error = two_product(left, right)
    assert Fraction(product) + Fraction(error) == Fraction(left) * Fraction(right)
    assert abs(error) <= UNIT * abs(product)


@st.composite
def cancelling_products(draw):
    """Rows and a vector of sizes far apart, and a start that cancels the leading digits."""
    count, size = draw(st.integers(1, 4)), draw(st.integers(1, 40))
    elements = st.floats(-1, 1, allow_subnormal=False, width=64)
    rows = draw(hnp.arrays(np.float64, (count, size), elements=elements))
    powers = draw(hnp.arrays(np.int64, size, elements=st.integers(-60, 60)))
    vector = np.ldexp(draw(hnp.arrays(np.float64, size, elements=elements)), powers)
    return rows, vector, -(rows @ vector)


@given(cancelling_products())
def test_products_lie_within_their_bounds_and_the_bounds_are_small(problem):
    rows, vector, start = problem
    values, bounds = dot(rows, vector, start)
    for row, begin, value, bound in zip(rows, start, values, bounds, strict=True):
        products = [Fraction(a) * Fraction(b) for a, b in zip(row, vector, strict=True)]
        exact = Fraction(begin) + sum(products)
        assert abs(exact - Fraction(value)) <= Fraction(bound)
        size = abs(begin) + float(sum(map(abs, products)))
        assert bound <= 1.01 * UNIT * abs(value) + 2 * len(row) ** 2 * 40 * UNIT**2 * size + 1e-300


def test_blocks_of_rows_do_not_change_the_result():
    rng = np.random.default_rng(0)
    rows, vector = rng.standard_normal((3000, 200)), rng.standard_normal(200)
    values, bounds = dot(rows, vector, 1.0)
    for i in (0, 1, 1304, 2999):
        assert dot(rows[i : i + 1], vector, 1.0) == (values[i], bounds[i])
