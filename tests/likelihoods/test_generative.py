"""Generative classifiers: Bayes' rule by SciPy's densities, and what is drawn from a model."""

import numpy as np
import pytest
from scipy import special, stats
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

import marginflow as mf

RNG = np.random.default_rng(0)
LABELS = np.arange(90) % 3
FEATURES = RNG.standard_normal((90, 4)) @ (np.eye(4) + 0.3)
FEATURES += RNG.standard_normal((3, 4))[LABELS]
NAMES = np.array(["a", "b", "c"])
MODELS = {
    "naive": GaussianNB(),
    "one covariance": LinearDiscriminantAnalysis(solver="lsqr"),
    "own covariances": QuadraticDiscriminantAnalysis(store_covariance=True),
}


def test_the_linear_scores_are_bayes_rule_by_densities():
    model = LinearDiscriminantAnalysis(solver="lsqr").fit(FEATURES, LABELS)
    form = mf.as_logistic(model)
    logs = np.column_stack(
        [
            np.log(prior) + stats.multivariate_normal(mean, model.covariance_).logpdf(FEATURES)
            for prior, mean in zip(model.priors_, model.means_, strict=True)
        ]
    )
    np.testing.assert_allclose(
        special.log_softmax(FEATURES @ form.weights + form.intercepts, axis=1),
        special.log_softmax(logs, axis=1),
        atol=1e-10,
    )


@pytest.mark.parametrize("name", MODELS)
def test_drawn_data_have_the_moments_of_the_model(name):
    model = MODELS[name].fit(FEATURES, NAMES[LABELS])
    n = 60_000
    features, labels = mf.draw_samples(model, n, seed=3)
    for k, label in enumerate(NAMES):
        own = features[labels == label]
        prior = model.class_prior_[k] if name == "naive" else model.priors_[k]
        assert abs(len(own) / n - prior) <= 5 * np.sqrt(prior * (1 - prior) / n)
        if name == "naive":
            mean, covariance = model.theta_[k], np.diag(model.var_[k])
        else:
            mean = model.means_[k]
            shared = name == "one covariance"
            covariance = model.covariance_ if shared else model.covariance_[k]
        size = np.trace(covariance)
        assert np.abs(own.mean(axis=0) - mean).max() <= 6 * np.sqrt(size / len(own))
        found = np.cov(own.T)
        assert np.abs(found - covariance).max() <= 6 * np.sqrt(2 / len(own)) * size


def test_draws_are_those_of_their_seed():
    model = GaussianNB().fit(FEATURES, LABELS)
    first, again, other = (mf.draw_samples(model, 10, seed=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_models_that_do_not_serve_are_refused():
    discriminative = LogisticRegression().fit(FEATURES, LABELS)
    with pytest.raises(TypeError, match="models no features"):
        mf.draw_samples(discriminative, 10)
    with pytest.raises(TypeError, match="share one covariance"):
        mf.as_logistic(GaussianNB().fit(FEATURES, LABELS))
    with pytest.raises(ValueError, match="store_covariance=True"):
        mf.draw_samples(LinearDiscriminantAnalysis().fit(FEATURES, LABELS), 10)
    singular = LinearDiscriminantAnalysis(solver="svd", store_covariance=True)
    singular.fit(FEATURES, LABELS)
    singular.covariance_ = np.zeros_like(singular.covariance_)
    with pytest.raises(ValueError, match="singular"):
        mf.as_logistic(singular)
