"""Maximum likelihood of any family, against closed forms, SciPy and scikit-learn."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression, PoissonRegressor

import marginflow as mf
from marginflow.likelihoods.fit import fit, linear_coordinates, losses_and_scores, orthonormal

RNG = np.random.default_rng(0)
N = 400
FEATURES = RNG.normal(size=(N, 3)) @ np.diag([1.0, 100.0, 1e-4]) + 7
ETA = (FEATURES - 7) @ np.array([0.5, 0.003, -2000.0])
NONE = np.zeros((N, 0))
EVEN = np.ones(N)


def fitted(likelihood, targets, design=NONE, weights=EVEN):
    return fit(likelihood, targets, design, weights, linear_coordinates(likelihood))


def mean_loss(found, targets, design=NONE, weights=EVEN):
    losses, _ = losses_and_scores(found.likelihood, found.coordinates(design), targets)
    return np.average(losses, weights=weights)


def test_the_basis_spans_the_features_and_drops_what_depends():
    doubled = np.column_stack([FEATURES, FEATURES[:, 0] - FEATURES[:, 1], np.ones(N)])
    basis = orthonormal(doubled)
    assert basis.shape == (N, 3)
    np.testing.assert_allclose(basis.T @ basis / N, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(basis.sum(axis=0), 0, atol=1e-9)
    centered = FEATURES - FEATURES.mean(axis=0)
    recovered = basis @ np.linalg.lstsq(basis, centered, rcond=None)[0]
    np.testing.assert_allclose(recovered, centered, atol=1e-9 * np.abs(centered).max())


def test_a_gaussian_regression_is_least_squares():
    y = ETA + RNG.normal(size=N)
    found = fitted(mf.Gaussian(), y, orthonormal(FEATURES))
    design = np.column_stack([np.ones(N), FEATURES])
    residuals = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    least = 0.5 * np.log(2 * np.pi * np.mean(residuals**2)) + 0.5
    # the optimizer ends at a relative change of 1e-8
    assert 0 <= mean_loss(found, y, orthonormal(FEATURES)) - least + 1e-12 < 1e-6


def test_a_poisson_regression_is_that_of_scikit_learn():
    y = RNG.poisson(np.exp(ETA)).astype(float)
    basis = orthonormal(FEATURES)
    found = fitted(mf.Poisson(), y, basis)
    other = PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000).fit(basis, y)
    theirs = -np.mean(stats.poisson.logpmf(y, other.predict(basis)))
    assert abs(mean_loss(found, y, basis) - theirs) < 1e-6


def test_a_class_regression_is_that_of_scikit_learn():
    scores = np.stack([0 * ETA, ETA, 1 - ETA], axis=1)
    y = mf.Categorical(3).sample(scores, seed=0)
    basis = orthonormal(FEATURES)
    found = fitted(mf.Categorical(3), y, basis)
    other = LogisticRegression(C=1e12, tol=1e-10, max_iter=1000).fit(basis, y)
    theirs = -np.mean(np.log(other.predict_proba(basis)[np.arange(N), y.astype(int)]))
    assert abs(mean_loss(found, y, basis) - theirs) < 1e-6


def test_gamma_is_fitted_as_scipy_does():
    y = RNG.gamma(3.0, 2.0, N)
    shape, _, scale = stats.gamma.fit(y, floc=0)
    theirs = -np.mean(stats.gamma.logpdf(y, shape, scale=scale))
    assert abs(mean_loss(fitted(mf.Gamma(), y), y) - theirs) < 1e-6


def test_censored_weibull_times_are_fitted_as_scipy_does():
    times, limits = RNG.weibull(1.7, N), RNG.exponential(2.0, N)
    seen = times <= limits
    y = np.stack([np.minimum(times, limits), seen], axis=1).astype(float)

    def loss(parameters):
        law = stats.weibull_min(np.exp(parameters[1]), scale=np.exp(parameters[0]))
        return -np.mean(np.where(seen, law.logpdf(y[:, 0]), law.logsf(y[:, 0])))

    theirs = minimize(loss, [0.0, 0.0]).fun
    assert abs(mean_loss(fitted(mf.Weibull(), y), y) - theirs) < 1e-6


@pytest.mark.parametrize("likelihood", [mf.NegativeBinomial(), mf.ZeroInflatedPoisson()])
def test_weights_are_repetitions(likelihood):
    values, counts = np.unique(RNG.negative_binomial(2, 0.3, N), return_counts=True)
    values = values.astype(float)
    short = fitted(likelihood, values, np.zeros((len(values), 0)), counts.astype(float))
    long = fitted(likelihood, np.repeat(values, counts))
    np.testing.assert_allclose(short.intercepts, long.intercepts, atol=1e-3)
    assert (
        abs(
            mean_loss(short, np.repeat(values, counts)) - mean_loss(long, np.repeat(values, counts))
        )
        < 1e-7
    )


def test_a_median_regression_is_as_good_as_the_linear_program():
    from sklearn.linear_model import QuantileRegressor

    y = ETA + RNG.laplace(size=N)
    basis = orthonormal(FEATURES)
    other = QuantileRegressor(quantile=0.5, alpha=0).fit(basis, y)
    least = np.log(2 * np.mean(np.abs(y - other.predict(basis)))) + 1
    # kinks stop the optimizer early; a paired standard error here is about 0.03
    assert -1e-9 < mean_loss(fitted(mf.Laplace(), y, basis), y, basis) - least < 1e-3
