"""Direction errors against high precision, where the definitions would cancel."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import marginflow as mf
from marginflow.dynamics import margin_gap
from marginflow.dynamics.direction import euclidean_norm
from marginflow.dynamics.path_observables import path_observables

SCALES = [1.0, 1e-3, 1e-7, 1e-12]


def exact_angle(first, second):
    """In 60 digits, by the half angle between unit vectors."""
    with mpmath.workdps(60):
        a, b = ([mpmath.mpf(float(x)) for x in v.ravel()] for v in (first, second))
        norms = [mpmath.sqrt(mpmath.fsum(x * x for x in v)) for v in (a, b)]
        chord = mpmath.sqrt(
            mpmath.fsum((x / norms[0] - y / norms[1]) ** 2 for x, y in zip(a, b, strict=True))
        )
        angle = 2 * mpmath.asin(min(chord / 2, mpmath.mpf(1)))
        return float(chord), float(angle), float(1 - mpmath.cos(angle))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("shape", [(2,), (5,), (4, 3)])
def test_three_forms_of_one_error(shape, scale):
    generator = np.random.default_rng(0)
    limit = generator.standard_normal(shape)
    weights = 37.0 * (limit + scale * generator.standard_normal(shape))
    error = mf.direction_error(weights, limit)
    chord, angle, one_minus_cos = exact_angle(weights, limit)
    # the unit vectors are rounded, so that the error is known to a few 1e-16 absolutely
    assert error.distance == pytest.approx(chord, rel=1e-14, abs=4e-16)
    assert error.angle == pytest.approx(angle, rel=1e-14, abs=4e-16)
    assert error.one_minus_cos == pytest.approx(one_minus_cos, rel=1e-14, abs=4e-16 * chord)


@pytest.mark.parametrize("factor", [1e-300, 1e-160, 1e160, 1e300])
def test_the_length_does_not_matter(factor):
    weights, limit = np.array([3.0, 4.0, 0.5]), np.array([3.0, 4.1, 0.4])
    plain = mf.direction_error(weights, limit)
    assert mf.direction_error(factor * weights, limit).angle == pytest.approx(
        plain.angle, rel=1e-13
    )
    assert mf.direction_error(weights, factor * limit).angle == pytest.approx(
        plain.angle, rel=1e-13
    )


def test_opposite_and_equal_directions():
    weights = np.array([1.0, -2.0, 0.25])
    back = mf.direction_error(-weights, weights)
    assert back.distance == pytest.approx(2.0, rel=1e-15)
    assert back.angle == pytest.approx(np.pi, rel=1e-7)
    assert back.one_minus_cos == pytest.approx(2.0, rel=1e-15)
    assert mf.direction_error(4 * weights, weights).distance == 0.0


def test_zero_has_no_direction_and_shapes_must_agree():
    assert np.isnan(mf.direction_error(np.zeros(3), np.ones(3)).angle)
    assert np.isnan(mf.direction_error(np.ones(3), np.zeros(3)).one_minus_cos)
    with pytest.raises(ValueError, match=r"one shape, got \(3,\), \(2,\)"):
        mf.direction_error(np.ones(3), np.ones(2))


def test_the_margin_gap_is_the_best_margin_less_the_normalized_one():
    assert margin_gap(np.array([3.0, 4.0]), 2.0, 0.5) == pytest.approx(0.5 - 2.0 / 5.0, rel=1e-15)


@given(arrays(np.float64, st.integers(1, 6), elements=st.floats(-1e307, 1e307)))
def test_the_norm_is_right_where_squares_leave_float64(weights):
    with mpmath.workdps(60):
        wanted = float(mpmath.sqrt(mpmath.fsum(mpmath.mpf(float(x)) ** 2 for x in weights)))
    assert euclidean_norm(weights) == pytest.approx(wanted, rel=1e-15, abs=5e-324)


@pytest.mark.parametrize("factor", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_the_gap_and_the_path_hold_at_any_length(factor):
    weights = factor * np.array([3.0, 4.0])
    assert margin_gap(weights, 2.0 * factor, 0.5) == pytest.approx(0.1, rel=1e-14)


@pytest.mark.parametrize("factor", [1e-300, 1.0, 1e300])
def test_a_path_of_weights_of_any_length_has_their_norm_and_normalized_margin(factor):
    data = mf.soudry_toy()
    limit, unit = mf.max_margin(data), np.array([0.6, 0.8])
    with mf.x64(), np.errstate(over="raise", divide="raise"):
        seen = path_observables(
            mf.BinaryMargins(data), mf.CrossEntropy(), [factor * unit], limit, "sum"
        )
    margin = (np.where(data.labels == 1, 1, -1) * (data.features @ unit)).min()
    assert seen["weights_norm"][0] == pytest.approx(factor, rel=1e-15)
    assert seen["normalized_margin"][0] == pytest.approx(margin, rel=1e-14)
    assert seen["margin_gap"][0] == pytest.approx(limit.margin - margin, rel=1e-13)
