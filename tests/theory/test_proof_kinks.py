"""Templates with kinks: convex ones are proved, and a slope that falls anywhere is not."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marginflow.theory.proof import prove
from marginflow.theory.proof.algebra import Algebra
from marginflow.theory.proof.constants import bounds

MP = mpmath.mp.clone()
MP.dps = 120

CONVEX = {
    "hinges": lambda u: jax.nn.relu(1 - u).sum(),
    "the largest hinge": lambda u: jnp.max(jnp.maximum(0, 1 - u)),
    "Crammer-Singer": lambda u: jnp.maximum(0, 1 - jnp.min(u)),
    "squared hinges": lambda u: jnp.sum(jnp.where(u < 1, (1 - u) ** 2, 0.0)),
    "cubed hinges": lambda u: jnp.sum(jnp.maximum(0, 1 - u) ** 3),
    "smoothed hinges": lambda u: jnp.sum(
        jnp.where(u >= 1, 0.0, jnp.where(u <= 0, 0.5 - u, 0.5 * (1 - u) ** 2))
    ),
    "largest two": lambda u: jnp.sum(jax.nn.relu(1 - jnp.sort(u)[:2])),
    "a patched tail": lambda u: jnp.sum(jnp.where(u > 0, jnp.exp(-u), 1 - u)),
    "a larger logarithm": lambda u: jnp.maximum(0.0, jax.nn.logsumexp(-u)),
}
# Every one of them is false, most of them by little or in a thin region.
FALSE = {
    "a ramp": lambda u: jnp.sum(jnp.clip(1 - u, 0, 1)),
    "a jump": lambda u: jnp.sum(jnp.where(u < 1, 1.5 - u, 0.0)),
    "a point": lambda u: jnp.where(u[0] == 1, -7.0, jax.nn.relu(1 - u).sum()),
    "a falling slope": lambda u: jnp.sum(jnp.where(u > 0, jnp.exp(-u), 1 - 0.99999 * u)),
    "a band": lambda u: (
        jax.nn.relu(1 - u).sum() - 1e-6 * jax.nn.relu(1e-3 - jnp.abs(u - 3.7)).sum()
    ),
    "a dent at 40": lambda u: jnp.exp(-u).sum() - 1e-6 * jax.nn.relu(1e-6 - (u - 40.0) ** 2).sum(),
    "a turn in a corner": lambda u: (
        jax.nn.relu(1 - u).sum() - 1e-9 * jax.nn.relu(jnp.minimum(u[0], u[1]) - 2)
    ),
    "a tail that ends": lambda u: jnp.sum(jnp.where(u < 60, jnp.exp(-u), 0.0)),
    "the smallest hinge": lambda u: jnp.min(jax.nn.relu(1 - u)),
    "a product": lambda u: jnp.prod(jax.nn.relu(1 - u)),
    "concave by a hair": lambda u: jax.nn.relu(1 - u).sum() - 1e-12 * u[0] ** 2,
}


@pytest.mark.parametrize("name", CONVEX)
def test_kinks_are_proved_convex(name):
    found = prove(CONVEX[name], 3, "convex", 60)
    assert found.verdict == "proved", found
    assert "for all margins" in found.evidence


@pytest.mark.parametrize("name", FALSE)
def test_nothing_false_is_proved_of_kinks(name):
    found = prove(FALSE[name], 3, "convex", 1)
    assert found.verdict != "proved" or found.figures["within"] <= 30, found


quarters = st.integers(-6, 6).map(lambda x: x / 4)
forms = st.lists(st.tuples(quarters, quarters, quarters), min_size=2, max_size=3)


@settings(max_examples=15)
@given(forms, forms, st.sampled_from([1.0, -1.0, 0.5]))
def test_maxima_of_forms_are_judged_rightly(first, second, sign):
    def compute(u, largest, stack):
        parts = [stack([a * u[0] + b * u[1] + c for a, b, c in rows]) for rows in (first, second)]
        return largest(parts[0]) + sign * largest(parts[1])

    found = prove(lambda u: compute(u, jnp.max, jnp.stack), 3, "convex", 20)
    if found.verdict != "proved":
        return
    rng = np.random.default_rng(0)
    ends = rng.integers(-24, 25, (400, 2, 2)) / 4
    left, right = ([compute(u, np.max, np.array) for u in ends[:, i]] for i in (0, 1))
    middle = [compute(u, np.max, np.array) for u in ends.mean(axis=1)]
    assert (np.array(middle) <= (np.array(left) + np.array(right)) / 2 + 1e-12).all()


@settings(max_examples=60)
@given(
    st.fractions(Fraction(1, 40), 50, max_denominator=40),
    st.fractions(-20, 20, max_denominator=12),
    st.sampled_from([Fraction(1), Fraction(-2), Fraction(1, 3), Fraction(5, 2)]),
)
def test_constants_are_enclosed_to_many_digits(a, b, power):
    al = Algebra(1)
    inner = al.add(al.exp(al.constant(b)), al.constant(a))
    whole = al.add(al.power(inner, power), al.log(inner), al.log(al.constant(a)))
    x = MP.exp(MP.mpf(b.numerator) / b.denominator) + MP.mpf(a.numerator) / a.denominator
    exponent = MP.mpf(power.numerator) / power.denominator
    truth = x**exponent + MP.log(x) + MP.log(MP.mpf(a.numerator) / a.denominator)
    found = bounds(whole)
    assert found is not None
    low, high = (MP.mpf(end.numerator) / end.denominator for end in found)
    slack = MP.mpf(10) ** -100 * (1 + abs(truth))
    assert low - slack <= truth <= high + slack
    assert high - low <= MP.mpf(10) ** -55 * (1 + abs(truth))
