"""Families that coincide, those that tend to others, and what SciPy, torch and statistics say."""

import importlib.util

import numpy as np
import pytest
from scipy import stats
from tests.likelihoods.families import REGISTERED

import marginflow as mf

RNG = np.random.default_rng(11)
N = 100
ONE, TWO, THREE = RNG.normal(size=N), RNG.normal(size=(N, 2)), RNG.normal(size=(N, 3))
REAL = 3 * RNG.normal(size=N)
POSITIVE = RNG.gamma(1.0, size=N) + 0.01
SHARE = RNG.uniform(0.01, 0.99, size=N)
COUNTS = RNG.poisson(3.0, size=N)
LABELS = RNG.integers(2, size=N)
CLASSES = RNG.integers(3, size=N)
SEEN = np.stack([POSITIVE, np.ones(N)], axis=1)
EXACT = {"rtol": 1e-13, "atol": 1e-14}


def same(first, second, **tolerance) -> None:
    np.testing.assert_allclose(first, second, **(tolerance or EXACT))


def test_bernoulli_is_categorical_and_ordinal_of_two_classes():
    both = np.stack([np.zeros(N), ONE], axis=1)
    loss, score = mf.Bernoulli().loss(ONE, LABELS), mf.Bernoulli().score(ONE, LABELS)
    same(loss, mf.Categorical(2).loss(both, LABELS))
    same(loss, mf.Ordinal(2).loss(ONE, LABELS))
    same(score, mf.Categorical(2).score(both, LABELS)[:, 1])
    same(score, mf.Ordinal(2).score(ONE, LABELS))


def test_the_categorical_loss_is_the_cross_entropy_of_losses():
    same(mf.Categorical(3).loss(THREE, CLASSES), mf.CrossEntropy()(THREE, CLASSES))
    same(mf.Categorical(3).score(THREE, CLASSES), mf.CrossEntropy().gradient(THREE, CLASSES))
    same(mf.Bernoulli().loss(ONE, LABELS), mf.CrossEntropy()(ONE, LABELS))


def test_an_intercept_of_ordinal_and_of_categorical_fit_the_same_frequencies():
    fits = [mf.Ordinal(3).start(CLASSES), mf.Categorical(3).start(CLASSES)]
    for family, fit in zip((mf.Ordinal(3), mf.Categorical(3)), fits, strict=True):
        same(family.link(fit[None])["probabilities"][0], np.bincount(CLASSES) / N)


def test_the_median_is_the_laplace_likelihood():
    same(mf.Quantile(0.5).loss(TWO, REAL), mf.Laplace().loss(TWO, REAL))
    same(mf.Quantile(0.5).score(TWO, REAL), mf.Laplace().score(TWO, REAL))


def test_gamma_and_weibull_of_shape_one_are_the_same():
    rows = np.stack([ONE, np.zeros(N)], axis=1)
    same(mf.Gamma().loss(rows, POSITIVE), mf.Weibull().loss(rows, SEEN))
    same(mf.Gamma().score(rows, POSITIVE)[:, 0], mf.Weibull().score(rows, SEEN)[:, 0])


def test_times_that_are_all_seen_are_log_normal():
    same(mf.LogNormalSurvival().loss(TWO, SEEN), mf.LogNormal().loss(TWO, POSITIVE))
    same(mf.LogNormalSurvival().score(TWO, SEEN), mf.LogNormal().score(TWO, POSITIVE))


def test_dirichlet_of_two_shares_is_beta():
    shares = np.stack([SHARE, 1 - SHARE], axis=1)
    same(mf.Dirichlet(2).loss(TWO, shares), mf.Beta().loss(TWO, SHARE), rtol=1e-11, atol=1e-12)
    same(mf.Dirichlet(2).score(TWO, shares), mf.Beta().score(TWO, SHARE), rtol=1e-11, atol=1e-12)
    same(mf.Dirichlet(2).entropy(TWO), mf.Beta().entropy(TWO))


def gap(family: mf.Likelihood, scores, other: mf.Likelihood, others, targets) -> float:
    return float(np.max(np.abs(family.loss(scores, targets) - other.loss(others, targets))))


@pytest.mark.parametrize(
    ("limit", "rate"),
    [
        ("student-t to gaussian", 1),
        ("negative-binomial to poisson", 1),
        ("zero-inflated-poisson to poisson", 1),
        ("von-mises to gaussian", 1),
        ("huber to laplace", 4),
    ],
)
def test_limits_are_reached_at_their_rate(limit, rate):
    """Ten times further, the gap is ten to the rate times smaller, and so falls to zero."""
    gaps = []
    for far in (1e3, 1e4):
        if limit.startswith("student"):
            near = TWO[:, 0] + np.exp(TWO[:, 1]) * np.clip(REAL / 3, -2, 2)
            gaps.append(gap(mf.StudentT(far), TWO, mf.Gaussian(), TWO, near))
        elif limit.startswith("negative"):
            rows = np.stack([ONE, np.full(N, np.log(far))], axis=1)
            gaps.append(gap(mf.NegativeBinomial(), rows, mf.Poisson(), ONE, COUNTS))
        elif limit.startswith("zero"):
            rows = np.stack([ONE, np.full(N, -np.log(far))], axis=1)
            gaps.append(gap(mf.ZeroInflatedPoisson(), rows, mf.Poisson(), ONE, COUNTS))
        elif limit.startswith("von"):
            direction = np.stack([np.cos(ONE), np.sin(ONE)], axis=1)
            z = np.clip(REAL / 3, -2, 2)
            gaussian = np.stack([ONE, np.full(N, -0.5 * np.log(far))], axis=1)
            angles = ONE + z / np.sqrt(far)
            gaps.append(gap(mf.VonMises(), far * direction, mf.Gaussian(), gaussian, angles))
        else:
            delta = 100 / far
            rows = np.stack([ONE, np.full(N, np.log(delta))], axis=1)
            laplace = np.stack([ONE, np.zeros(N)], axis=1)
            away = ONE + np.sign(REAL) * (0.1 + np.abs(REAL))
            gaps.append(gap(mf.Huber(delta), rows, mf.Laplace(), laplace, away))
    assert gaps[0] < 0.1
    assert gaps[0] / gaps[1] == pytest.approx(10.0**rate, rel=0.3)


def test_huber_with_a_far_threshold_is_gaussian():
    same(mf.Huber(40.0).loss(TWO, TWO[:, 0] + 1), mf.Gaussian().loss(TWO, TWO[:, 0] + 1))


def test_gamma_of_a_large_shape_is_nearly_log_normal():
    """In a window of standard deviations, the losses differ by O(1/√k)."""
    gaps = []
    for shape in (1e4, 1e6):
        z = np.clip(REAL / 3, -2, 2)
        targets = np.exp(ONE + z / np.sqrt(shape))
        gamma = np.stack([ONE, np.full(N, np.log(shape))], axis=1)
        normal = np.stack([ONE, np.full(N, -0.5 * np.log(shape))], axis=1)
        gaps.append(gap(mf.Gamma(), gamma, mf.LogNormal(), normal, targets))
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.2)


def scipy_logs() -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    a, b = np.exp(TWO).T
    scale, location = b, TWO[:, 0]
    kappa, angle = np.hypot(*TWO.T), np.arctan2(TWO[:, 1], TWO[:, 0])
    return {
        "bernoulli": (ONE, LABELS, stats.bernoulli.logpmf(LABELS, 1 / (1 + np.exp(-ONE)))),
        "unit-gaussian": (ONE, REAL, stats.norm.logpdf(REAL, ONE)),
        "gaussian": (TWO, REAL, stats.norm.logpdf(REAL, location, scale)),
        "laplace": (TWO, REAL, stats.laplace.logpdf(REAL, location, scale)),
        "student-t": (TWO, REAL, stats.t.logpdf(REAL, 4.0, location, scale)),
        "poisson": (ONE, COUNTS, stats.poisson.logpmf(COUNTS, np.exp(ONE))),
        "negative-binomial": (TWO, COUNTS, stats.nbinom.logpmf(COUNTS, b, b / (a + b))),
        "gamma": (TWO, POSITIVE, stats.gamma.logpdf(POSITIVE, b, scale=a / b)),
        "log-normal": (TWO, POSITIVE, stats.lognorm.logpdf(POSITIVE, b, scale=a)),
        "beta": (TWO, SHARE, stats.beta.logpdf(SHARE, a, b)),
        "von-mises": (TWO, REAL, stats.vonmises.logpdf(REAL, kappa, angle)),
        "weibull-survival": (TWO, SEEN, stats.weibull_min.logpdf(POSITIVE, b, scale=a)),
    }


@pytest.mark.parametrize("name", scipy_logs())
def test_losses_are_those_of_scipy(name):
    scores, targets, expected = scipy_logs()[name]
    same(REGISTERED[name].loss(scores, targets), -expected, rtol=1e-10, atol=1e-10)


def test_the_dirichlet_loss_is_that_of_scipy():
    shares = RNG.dirichlet(np.ones(3), size=N)
    expected = [
        stats.dirichlet.logpdf(share / share.sum(), np.exp(row))
        for row, share in zip(THREE, shares, strict=True)
    ]
    same(mf.Dirichlet(3).loss(THREE, shares), -np.array(expected), rtol=1e-10, atol=1e-10)


def test_censored_losses_are_survival_functions_of_scipy():
    left = np.stack([POSITIVE, np.zeros(N)], axis=1)
    a, b = np.exp(TWO).T
    weibull = stats.weibull_min.logsf(POSITIVE, b, scale=a)
    normal = stats.lognorm.logsf(POSITIVE, b, scale=a)
    same(mf.Weibull().loss(TWO, left), -weibull, rtol=1e-10, atol=1e-10)
    same(mf.LogNormalSurvival().loss(TWO, left), -normal, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("family", [mf.Weibull(), mf.LogNormalSurvival()])
def test_the_score_has_mean_zero_under_censoring_at_a_fixed_time(family):
    row, end = np.array([0.2, 0.3]), 1.5
    t, w = np.polynomial.legendre.leggauss(60)
    edges = np.log(end) + np.linspace(-40, 0, 41)
    logs = (edges[:-1, None] + 0.5 * (1 + t)).ravel()
    weights = np.tile(0.5 * w, 40)
    targets = np.stack([np.exp(logs), np.ones_like(logs)], axis=1)
    targets = np.concatenate([targets, [[end, 0.0]]])
    rows = np.tile(row, (len(targets), 1))
    mass = np.exp(-family.loss(rows, targets)) * np.append(weights * np.exp(logs), 1.0)
    assert mass.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(mass @ family.score(rows, targets), 0, atol=1e-12)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_losses_are_those_of_torch():
    import torch
    from torch import distributions as td

    def t(values):
        return torch.tensor(np.asarray(values), dtype=torch.float64)

    a, b = t(np.exp(TWO)).T
    location, shares = t(TWO[:, 0]), RNG.dirichlet(np.ones(3), size=N)
    angle = t(np.arctan2(TWO[:, 1], TWO[:, 0]))
    mixed = RNG.normal(size=(N, 6))
    components = td.Normal(t(mixed[:, 2:4]), t(np.exp(mixed[:, 4:])))
    cases = [
        ("bernoulli", ONE, LABELS, td.Bernoulli(logits=t(ONE))),
        ("categorical", THREE, CLASSES, td.Categorical(logits=t(THREE))),
        ("gaussian", TWO, REAL, td.Normal(location, b)),
        ("laplace", TWO, REAL, td.Laplace(location, b)),
        ("student-t", TWO, REAL, td.StudentT(4.0, location, b)),
        ("poisson", ONE, COUNTS, td.Poisson(t(np.exp(ONE)))),
        ("negative-binomial", TWO, COUNTS, td.NegativeBinomial(b, logits=t(TWO[:, 0] - TWO[:, 1]))),
        ("gamma", TWO, POSITIVE, td.Gamma(b, b / a)),
        ("log-normal", TWO, POSITIVE, td.LogNormal(location, b)),
        ("beta", TWO, SHARE, td.Beta(a, b)),
        ("dirichlet", THREE, shares, td.Dirichlet(t(np.exp(THREE)))),
        ("weibull-survival", TWO, SEEN, td.Weibull(a, b)),
        ("von-mises", TWO, REAL, td.VonMises(angle, t(np.hypot(*TWO.T)))),
        (
            "gaussian-mixture",
            mixed,
            REAL,
            td.MixtureSameFamily(td.Categorical(logits=t(mixed[:, :2])), components),
        ),
    ]
    for name, scores, targets, other in cases:
        y = targets[:, 0] if name == "weibull-survival" else targets
        expected = -other.log_prob(t(y)).numpy()
        # torch's Bessel functions are good to seven digits only
        close = 1e-6 if name == "von-mises" else 1e-10
        np.testing.assert_allclose(
            REGISTERED[name].loss(scores, targets), expected, rtol=close, atol=close, err_msg=name
        )


def test_the_constant_that_fits_is_the_frequency_the_mean_or_the_median():
    same(mf.Bernoulli().link(mf.Bernoulli().start(LABELS))["probability"], [LABELS.mean()])
    same(mf.Poisson().link(mf.Poisson().start(COUNTS))["rate"], [COUNTS.mean()])
    same(mf.Gaussian(scale=1.0).start(REAL), [REAL.mean()])
    same(mf.Laplace(scale=1.0).start(REAL), [np.median(REAL)])
