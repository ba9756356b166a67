"""Fenchel–Young losses beyond the registered ones: every order, and what defines them."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from mpmath import mpf
from tests.losses.fenchel_young_oracles import norm, tsallis

import marginflow as mf
from marginflow.losses import (
    GiniNegentropy,
    Negentropy,
    NormNegentropy,
    ShannonNegentropy,
    TsallisNegentropy,
)
from marginflow.losses.tsallis_probabilities import log_probabilities

ORDERS = ["0.1", "0.5", "0.95", "1.0001", "1.25", "1.4", "2", "3"]
NEGENTROPIES = [
    ShannonNegentropy(),
    GiniNegentropy(),
    *(TsallisNegentropy(alpha) for alpha in (0.5, 1.0, 1.25, 1.5, 3.0)),
    *(NormNegentropy(q) for q in (1.25, 2.0, 5.0)),
]
every_negentropy = pytest.mark.parametrize("negentropy", NEGENTROPIES, ids=repr)


def some_margins(n_columns: int) -> np.ndarray:
    rng = np.random.default_rng(n_columns)
    ordinary = rng.normal(size=(6, n_columns)) * 10.0 ** rng.uniform(-3, 1.5, size=(6, 1))
    extreme = rng.choice([-1e3, -1.0, 0.0, 1e-9, 0.5, 22.0, 1e3, 1e6], size=(4, n_columns))
    return np.concatenate([ordinary, extreme])


@pytest.mark.parametrize("alpha", [*ORDERS, "8"])
@pytest.mark.parametrize("n_columns", [1, 7])
def test_every_order_is_right_to_rounding(alpha, n_columns):
    oracle, loss = tsallis(alpha), mf.TsallisLoss(float(alpha))
    order_is_rounded = mpf(alpha) != mpf(float(alpha))
    oracle = tsallis(mpmath.nstr(mpf(float(alpha)), 60)) if order_is_rounded else oracle
    margins = some_margins(n_columns)
    log_abs, log_values = loss.slope(margins)[1], loss.log_template(margins)
    for point, logs, log_value in zip(margins, log_abs, log_values, strict=True):
        exact = [mpf(float(margin)) for margin in point]
        slopes, value = oracle.slopes(exact), oracle.template(exact)
        for computed, slope, conditioning in zip(
            logs, slopes, oracle.conditioning(exact), strict=True
        ):
            expected = float(mpmath.log(-slope)) if slope else -np.inf
            allowed = 5e-14 * max(1, abs(expected) if slope else 1, conditioning)
            assert computed == pytest.approx(expected, rel=0, abs=allowed)
        if not value:
            # zero, or beyond the oracle's digits
            assert log_value < -110
            continue
        expected = float(mpmath.log(value))
        moved = mpmath.fsum(abs(u * slope) for u, slope in zip(exact, slopes, strict=True))
        allowed = 5e-14 * max(1, abs(expected), float(moved / value))
        assert log_value == pytest.approx(expected, rel=0, abs=allowed)


@pytest.mark.parametrize("q", [2, 3, 4])
def test_norm_entropies_of_every_order(q):
    oracle, loss = norm(q), mf.NormEntropyLoss(float(q))
    margins = some_margins(3)
    values, slopes = loss.template(margins), loss.slope_value(margins)
    for point, value, slope in zip(margins, values, slopes, strict=True):
        exact = [mpf(float(margin)) for margin in point]
        assert value == pytest.approx(float(oracle.template(exact)), rel=1e-11, abs=1e-15)
        np.testing.assert_allclose(slope, list(map(float, oracle.slopes(exact))), rtol=1e-9)


@every_negentropy
def test_predictions_maximize_what_defines_them(negentropy):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20, 5)) * 2
    others = rng.dirichlet(np.full(5, 0.5), size=(300, 1))
    with mf.x64():
        p = jnp.exp(negentropy.log_prediction(jnp.asarray(scores)))
        omega, of_others = (np.asarray(negentropy(jnp.asarray(x))) for x in (p, others))
        regret = np.asarray(negentropy.regret(jnp.asarray(scores)))
    best = np.sum(np.asarray(p) * scores, axis=-1) - omega
    np.testing.assert_allclose(np.asarray(p).sum(axis=-1), 1, rtol=1e-14)
    assert np.all(np.sum(others * scores, axis=-1) - of_others <= best + 1e-14)
    # Ω is zero at the corners
    np.testing.assert_allclose(regret, best - scores[:, 0], atol=1e-13)


class OnlyWhatIsAsked(Negentropy):
    """A negentropy of one's own, without a formula for the loss."""

    def __call__(self, probabilities):
        return jnp.sum(probabilities**2, axis=-1)

    def log_prediction(self, scores):
        return log_probabilities(scores / 2, 2.0)

    def smoothness(self, n_classes):
        return 0.5

    def tail(self, n_classes):
        return None


def test_a_negentropy_of_ones_own():
    # Ω = ‖p‖² is twice Gini's, up to a constant
    own = mf.FenchelYoung(OnlyWhatIsAsked())
    same = mf.ScaledLoss(mf.TemperatureLoss(mf.SparsemaxLoss(), 2.0), 2.0)
    margins = np.random.default_rng(0).normal(size=(50, 4)) * 3
    np.testing.assert_allclose(own.template(margins), same.template(margins), atol=1e-14)
    np.testing.assert_allclose(own.slope_value(margins), same.slope_value(margins), atol=1e-15)
    assert own.tail(3) is None


@pytest.mark.parametrize(
    ("loss", "same"),
    [
        (mf.FenchelYoung(ShannonNegentropy()), mf.CrossEntropy()),
        (mf.TsallisLoss(1.0), mf.CrossEntropy()),
        (mf.TsallisLoss(2.0), mf.SparsemaxLoss()),
        (mf.FenchelYoung(GiniNegentropy()), mf.SparsemaxLoss()),
        (mf.TsallisLoss(1.5), mf.EntmaxLoss()),
        (mf.FenchelYoung(NormNegentropy()), mf.NormEntropyLoss()),
    ],
)
def test_members_that_coincide(loss, same):
    margins = np.random.default_rng(0).normal(size=(100, 4)) * 5
    np.testing.assert_allclose(loss.template(margins), same.template(margins), rtol=1e-14)
    np.testing.assert_allclose(loss.slope(margins)[1], same.slope(margins)[1], rtol=1e-14)
    assert (loss.tail(4), loss.smoothness(4)) == (same.tail(4), same.smoothness(4))


def test_the_order_near_one_tends_to_the_cross_entropy():
    margins = np.random.default_rng(0).normal(size=(100, 4)) * 3
    exact = mf.CrossEntropy().slope(margins)[1]
    distances = [
        np.abs(mf.TsallisLoss(1 + q).slope(margins)[1] - exact).max() for q in (1e-6, 1e-7, 1e-8)
    ]
    np.testing.assert_allclose(np.divide(distances[:-1], distances[1:]), 10, rtol=1e-3)


@pytest.mark.parametrize(
    "loss", [mf.TsallisLoss(3.0), mf.TsallisLoss(6.0), mf.NormEntropyLoss(4.0)], ids=repr
)
def test_derivatives_where_probabilities_rise_vertically(loss):
    """Orders without a smoothness constant: right inside, and never NaN at the edge."""
    with mf.x64():
        inside = jnp.asarray(np.random.default_rng(0).uniform(-0.05, 0.05, size=(20, 3)))
        edges = jnp.array([[0.2, 0.2, 0.2], [0.5, 9.0, 9.0], [1.0, 1.0, 1.0], [0, 0, 1e6]])
        hessians = jax.jit(jax.vmap(jax.hessian(loss.template)))(jnp.concatenate([inside, edges]))
        step = 1e-6 * jnp.eye(3)
        ahead = loss.slope_value(inside[:, None] + step)
        behind = loss.slope_value(inside[:, None] - step)
        differences = (ahead - behind) / 2e-6
    np.testing.assert_allclose(hessians[:20], differences, rtol=1e-6, atol=1e-8)
    assert not np.isnan(hessians).any()


@pytest.mark.parametrize("alpha", [0.5, 1.25, 1.5, 1.9, 2.0])
@pytest.mark.parametrize("n_classes", [3, 100])
def test_smoothness_of_entmax_is_reached_and_never_exceeded(alpha, n_classes):
    negentropy, r = TsallisNegentropy(alpha), 2 / (3 - alpha)
    # one class against m others that share: the most curved predictions
    predictions = [
        np.concatenate([[1.0], np.full(m, m**-r), np.zeros(n_classes - 1 - m)])
        for m in range(1, n_classes)
    ]
    predictions += list(np.random.default_rng(0).dirichlet(np.full(n_classes, 0.3), size=50))
    curvatures = []
    for p in predictions:
        weights = np.where(p > 0, (p / p.sum()) ** (2 - alpha), 0)
        hessian = np.diag(weights) - np.outer(weights, weights) / weights.sum()
        curvatures.append(np.linalg.eigvalsh(hessian)[-1])
    assert max(curvatures) == pytest.approx(negentropy.smoothness(n_classes), rel=1e-12)


@pytest.mark.parametrize("alpha", [2.5, 3.0, 5.0])
def test_smoothness_beyond_sparsemax_is_left_to_two_classes(alpha):
    p = np.linspace(1e-6, 1 - 1e-6, 2001)
    curvatures = 2 / (p ** (alpha - 2) + (1 - p) ** (alpha - 2))
    assert curvatures.max() == pytest.approx(mf.TsallisLoss(alpha).smoothness(2), rel=1e-2)
    assert mf.TsallisLoss(alpha).smoothness(3) is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: mf.EntmaxLoss(1.0), "finite alpha > 1, got 1.0"),
        (lambda: mf.TsallisLoss(0.0), "finite alpha > 0, got 0.0"),
        (lambda: TsallisNegentropy(np.inf), "finite alpha > 0, got inf"),
        (lambda: mf.NormEntropyLoss(1.0), "finite q > 1, got 1.0"),
    ],
)
def test_orders_out_of_range_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
