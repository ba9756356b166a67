"""The bound on the learning rate: by its formula, and by what happens on both sides of it."""

import mpmath
import numpy as np
import pytest

import marginflow as mf
import marginflow.dynamics as dynamics

GENERATOR = np.random.default_rng(0)
FEATURES = GENERATOR.standard_normal((30, 4))
MULTICLASS = (FEATURES, np.arange(30) % 3)
BINARY = (FEATURES, np.arange(30) % 2)


NAMES = ["cross-entropy", "pair-log-loss", "polynomial", "multiclass-exponential"]
CASES = [(name, data, "sum") for name in NAMES for data in (MULTICLASS, BINARY)]
CASES += [("cross-entropy", MULTICLASS, "mean"), ("multiclass-exponential", BINARY, "mean")]


@pytest.mark.parametrize(("name", "data", "reduction"), CASES, ids=range(len(CASES)))
def test_below_the_bound_the_risk_never_grows(name, data, reduction):
    maps = mf.BinaryMargins(data) if data is BINARY else mf.MulticlassMargins(data)
    initial = 0.2 * np.random.default_rng(1).standard_normal(maps.weights_shape)
    bound = dynamics.step_bound(maps, mf.get_loss(name), initial, reduction)
    assert bound is not None
    run = dynamics.gradient_descent(
        maps,
        name,
        learning_rate=0.999 * bound.value,
        steps=300,
        initial=initial,
        reduction=reduction,
        record=dynamics.every(1),
    )
    risk = run.observables["risk"]
    assert np.all(np.diff(risk) <= 1e-15 * risk[:-1])


def test_the_bound_is_sharp_for_binary_logistic_loss_at_zero():
    # at W = 0 the curvature is its largest, 1/4: past the bound a symmetric start overshoots
    features = np.array([[1.0], [1.0]])
    bound = dynamics.step_bound(
        mf.BinaryMargins((features, [0, 1])), mf.CrossEntropy(), np.zeros(1)
    )
    assert bound.value == pytest.approx(2 / (0.25 * 2), rel=1e-15)
    for factor, grows in ((0.99, False), (1.01, True)):
        run = dynamics.gradient_descent(
            (features, [0, 1]),
            "cross-entropy",
            learning_rate=factor * bound.value,
            steps=2,
            initial=[1e-4],
        )
        assert (abs(run.weights[0]) > 1e-4) == grows


@pytest.mark.parametrize("name", ["crammer-singer", "weston-watkins"])
def test_a_loss_without_smoothness_has_no_bound(name):
    maps = mf.MulticlassMargins(MULTICLASS)
    assert dynamics.step_bound(maps, mf.get_loss(name), np.zeros((4, 3))) is None


def test_wide_data_have_the_bound_of_their_largest_singular_value():
    wide = GENERATOR.standard_normal((5, 40))
    bound = dynamics.step_bound(
        mf.MulticlassMargins((wide, [0, 1, 2, 0, 1])), mf.CrossEntropy(), np.zeros((40, 3))
    )
    assert bound.value == pytest.approx(2 / (0.5 * np.linalg.norm(wide, 2) ** 2), rel=1e-12)


@pytest.mark.parametrize("name", ["cross-entropy", "multiclass-exponential"])
@pytest.mark.parametrize("power", [-1000, -530, -400, 0, 400, 505, 530, 1000])
def test_the_bound_of_features_of_any_size_is_rounded_once(name, power):
    """By 4^−power, as numbers of any exponent; what leaves float64 is 0 or inf."""
    plain = mf.step_bound((FEATURES, BINARY[1]), name).value
    found = mf.step_bound((np.ldexp(FEATURES, power), BINARY[1]), name).value
    with mpmath.workprec(53):
        wanted = float(mpmath.ldexp(mpmath.mpf(plain), -2 * power))
    assert found == wanted
    assert (found == 0, found == np.inf) == (power > 530, power <= -530)


@pytest.mark.parametrize("size", [-900.0, -600.0, 600.0, 900.0])
def test_the_bound_on_a_level_set_whose_risk_leaves_float64(size):
    features = np.array([[1.0, 0.0], [0.9, 0.5]]) * 2.0 ** (size / 2)
    initial = np.array([size, 0.0]) / 2.0 ** (size / 2)
    found = mf.step_bound((features, [1, 1 - 1]), "multiclass-exponential", initial).value
    signs = [1, -1]
    with mpmath.workdps(60):
        margins = [
            s * mpmath.fdot(map(mpmath.mpf, row), map(mpmath.mpf, initial))
            for s, row in zip(signs, features, strict=True)
        ]
        risk = mpmath.fsum(mpmath.exp(-u) for u in margins)
        longest = max(mpmath.fsum(mpmath.mpf(x) ** 2 for x in row) for row in features)
        wanted = 2 / (longest * risk)
    assert found == pytest.approx(float(wanted), rel=1e-12)


def test_features_that_are_zero_bound_no_step():
    assert mf.step_bound((np.zeros((2, 3)), [0, 1]), "cross-entropy").value == np.inf
