"""Losses made of losses follow from their parts."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import marginflow as mf
from marginflow.losses.combinators import slowest_tail

MARGINS = np.random.default_rng(0).normal(size=(40, 3)) * np.array([[0.5], [5.0]] * 20)
PARTS = [mf.CrossEntropy(), mf.SparsemaxLoss(), mf.PolynomialLoss(), mf.LabelSmoothing(0.3)]


def value_of_sum(margins):
    return sum(w * loss.template(margins) for w, loss in zip((1, 2, 3, 0.5), PARTS, strict=True))


def test_sums_are_sums_where_slopes_cancel_too():
    both = mf.SumLoss(PARTS, weights=[1.0, 2.0, 3.0, 0.5])
    slopes = [loss.slope_value(MARGINS) for loss in PARTS]
    total = np.tensordot([1, 2, 3, 0.5], slopes, axes=1)
    assert (total > 0).any()
    assert (total < 0).any()
    sign, log_abs = both.slope(MARGINS)
    np.testing.assert_array_equal(sign, np.sign(total))
    np.testing.assert_allclose(sign * np.exp(log_abs), total, rtol=1e-11)
    np.testing.assert_allclose(both.slope_value(MARGINS), total, rtol=1e-14)
    np.testing.assert_allclose(both.template(MARGINS), value_of_sum(MARGINS), rtol=1e-15)
    np.testing.assert_allclose(
        both.log_template(MARGINS), np.log(value_of_sum(MARGINS)), rtol=1e-14
    )


def test_sums_keep_small_slopes_and_exact_zeros():
    hinges = mf.SumLoss([mf.SparsemaxLoss(), mf.WestonWatkins()])
    sign, log_abs = hinges.slope([3.0, 4.0])
    assert not sign.any()
    assert np.all(log_abs == -np.inf)
    far = mf.SumLoss([mf.CrossEntropy(), mf.SparsemaxLoss()]).slope([1e6, 2e6])[1]
    np.testing.assert_array_equal(far, [-1e6, -2e6])


def test_slopes_of_sums_can_be_differentiated_twice_where_parts_vanish():
    both = mf.SumLoss([mf.CrossEntropy(), mf.SparsemaxLoss(), mf.LabelSmoothing()])

    def of_slopes(margins):
        sign, log_abs = both.slope(margins)
        return jnp.sum(sign * jnp.exp(log_abs))

    with mf.x64():
        margins = jnp.array([[0.3, 0.1, 5.0], [1.0, 1.0, 1.0], [30.0, 900.0, -3.0]])
        hessians = jax.jit(jax.vmap(jax.hessian(of_slopes)))(margins)
        expected = jax.jit(jax.vmap(jax.hessian(lambda u: jnp.sum(both.slope_value(u)))))(margins)
    np.testing.assert_allclose(hessians, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("loss", "template", "slope"),
    [
        (
            mf.ScaledLoss(mf.CrossEntropy(), 3.0),
            lambda u: 3 * mf.CrossEntropy().template(u),
            lambda u: 3 * mf.CrossEntropy().slope_value(u),
        ),
        (
            mf.TemperatureLoss(mf.EntmaxLoss(), 0.5),
            lambda u: mf.EntmaxLoss().template(2 * u),
            lambda u: 2 * mf.EntmaxLoss().slope_value(2 * u),
        ),
        (
            mf.MarginLoss(mf.PairLogLoss(), 0.25),
            lambda u: mf.PairLogLoss().template(u - 0.25),
            lambda u: mf.PairLogLoss().slope_value(u - 0.25),
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_others_are_what_they_say(loss, template, slope):
    np.testing.assert_allclose(loss.template(MARGINS), template(MARGINS), rtol=1e-15)
    np.testing.assert_allclose(loss.slope_value(MARGINS), slope(MARGINS), rtol=1e-15)
    sign, log_abs = loss.slope(MARGINS)
    np.testing.assert_allclose(sign * np.exp(log_abs), slope(MARGINS), rtol=1e-13)
    value = np.asarray(template(MARGINS))
    np.testing.assert_allclose(np.exp(loss.log_template(MARGINS)), value, rtol=1e-13)


def test_constants_of_exponential_tails():
    inner = mf.TemperatureLoss(mf.MarginLoss(mf.CrossEntropy(), 0.5), 4.0)
    tail = mf.ScaledLoss(inner, 8.0).tail(3)
    # 8 ψ(u/4 − ½): slopes 2 e^(½ − u/4)
    assert tail.rate == 0.25
    assert tail.log_constant == pytest.approx(math.log(2) + 0.5, rel=1e-15)
    both = mf.SumLoss([mf.CrossEntropy(), mf.PairLogLoss()], [1.0, 2.0]).tail(3)
    assert both.log_constant == pytest.approx(math.log(3), rel=1e-15)


@pytest.mark.parametrize(
    ("slow", "fast"),
    [
        (mf.LabelSmoothing(), mf.PolynomialLoss()),
        (mf.PolynomialLoss(1.0), mf.PolynomialLoss(2.0)),
        (mf.PolynomialLoss(9.0), mf.StretchedExponential()),
        (mf.StretchedExponential(0.25), mf.StretchedExponential(0.75)),
        (mf.StretchedExponential(), mf.CrossEntropy()),
        (mf.TemperatureLoss(mf.CrossEntropy(), 2.0), mf.CrossEntropy()),
        (mf.CrossEntropy(), mf.SparsemaxLoss()),
    ],
    ids=repr,
)
def test_the_slower_tail_stays(slow, fast):
    expected = slow.tail(4)
    assert mf.SumLoss([slow, fast]).tail(4) == expected
    assert mf.SumLoss([fast, slow]).tail(4) == expected
    assert slowest_tail([fast.tail(4), fast.tail(4), expected]) == expected
    # far enough out nothing is seen of the faster
    margins = np.full((1, 3), 1e6)
    sign, log_abs = slow.slope(margins)
    of_sum = mf.SumLoss([slow, fast]).slope(margins)
    np.testing.assert_array_equal(of_sum[0], sign)
    np.testing.assert_allclose(of_sum[1], log_abs, rtol=1e-5)


def test_what_is_not_known_of_a_part_is_not_known_of_the_sum():
    unknown = mf.TemplateLoss(lambda u: jnp.sum(jnp.exp(-jnp.sqrt(1 + u**2))))
    assert unknown.tail(3) is None
    assert mf.SumLoss([mf.CrossEntropy(), unknown]).tail(3) is None
    assert mf.ScaledLoss(unknown, 2.0).tail(3) is None
    for loss in (
        mf.SumLoss([mf.CrossEntropy(), mf.MulticlassExponential()]),
        mf.ScaledLoss(mf.MulticlassExponential(), 2.0),
        mf.TemperatureLoss(mf.MulticlassExponential(), 2.0),
    ):
        assert loss.smoothness(3) is None


def test_label_smoothing_is_the_mean_over_labels():
    rng = np.random.default_rng(0)
    scores, labels = 3 * rng.normal(size=(20, 4)), rng.integers(4, size=20)
    for loss in (mf.CrossEntropy(), mf.SparsemaxLoss(), mf.NormEntropyLoss()):
        of_all = np.mean([loss(scores, np.full(20, k)) for k in range(4)], axis=0)
        expected = 0.8 * loss(scores, labels) + 0.2 * of_all
        np.testing.assert_allclose(
            mf.LabelSmoothing(0.2, loss)(scores, labels), expected, rtol=1e-13
        )


def test_label_smoothing_has_its_minimum_where_probabilities_are_the_smoothed_labels():
    margin = math.log((1 - 0.1 + 0.025) / 0.025)
    slopes = mf.LabelSmoothing(0.1).slope_value(np.full(3, margin))
    np.testing.assert_allclose(slopes, 0, atol=1e-16)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: mf.SumLoss([]), ValueError, "at least one loss"),
        (lambda: mf.SumLoss([mf.CrossEntropy()], [1.0, 2.0]), ValueError, "1 losses and 2 weights"),
        (lambda: mf.SumLoss([mf.CrossEntropy()], [-1.0]), ValueError, "weight > 0, got -1"),
        (lambda: mf.SumLoss(["cross-entropy"]), TypeError, "Loss"),
        (lambda: mf.ScaledLoss(mf.CrossEntropy(), 0.0), ValueError, "factor > 0"),
        (lambda: mf.ScaledLoss(jnp.sum, 1.0), TypeError, "TemplateLoss|function sum"),
        (lambda: mf.TemperatureLoss(mf.CrossEntropy(), np.inf), ValueError, "temperature > 0"),
        (lambda: mf.MarginLoss(mf.CrossEntropy(), np.nan), ValueError, "finite margin"),
        (lambda: mf.LabelSmoothing(1.0), ValueError, "between 0 and 1, got 1.0"),
        (lambda: mf.LabelSmoothing(0.1, mf.PairLogLoss()), TypeError, "Fenchel-Young loss"),
    ],
)
def test_parts_that_do_not_fit_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
