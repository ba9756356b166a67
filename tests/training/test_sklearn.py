"""The estimators: scikit-learn's own checks, its machinery, and the verbs that they stand on."""

import warnings

import numpy as np
import optax
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import RBFSampler
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import marginflow as mf

OVERLAP = "the check's classes overlap, and nothing separates them: NotSeparableError"
TWINS = "samples of the check are equal and of different classes: NotSeparableError"
CHANGED = "Pipeline fits the steps that it holds, of which this is not one"
HARD = {
    **dict.fromkeys(
        (
            "check_classifier_data_not_an_array",
            "check_classifiers_train",
            "check_dtype_object",
            "check_estimators_dtypes",
            "check_estimators_nan_inf",
            "check_fit_check_is_fitted",
            "check_fit_idempotent",
            "check_fit_score_takes_y",
            "check_n_features_in",
            "check_n_features_in_after_fitting",
            "check_positive_only_tag_during_fit",
            "check_sample_weights_list",
            "check_sample_weights_not_an_array",
            "check_sample_weights_pandas_series",
            "check_supervised_y_2d",
        ),
        OVERLAP,
    ),
    "check_estimator_sparse_array": TWINS,
    "check_estimator_sparse_matrix": TWINS,
    "check_estimator_sparse_tag": TWINS,
}
# What the hard margin cannot be tried on alone it is tried on in so many features that random
# samples separate.
LIFTED = make_pipeline(
    StandardScaler(with_mean=False),
    RBFSampler(n_components=300, random_state=0),
    mf.MaxMarginClassifier(),
)
EXCEPTIONS = {
    "MaxMarginClassifier": HARD,
    "MarginClassifier": {},
    "Pipeline": {
        "check_dont_overwrite_parameters": CHANGED,
        "check_estimators_overwrite_params": CHANGED,
        **{name: TWINS for name, reason in HARD.items() if reason == TWINS},
    },
}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [mf.MaxMarginClassifier(), LIFTED, mf.MarginClassifier(steps=100)],
    expected_failed_checks=lambda estimator: EXCEPTIONS[type(estimator).__name__],
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def wine():
    data = mf.load_dataset("wine")
    return data.features, data.classes[data.labels]


@pytest.fixture(scope="module")
def binary():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 3))
    return features + np.outer(np.arange(40) % 2, [5.0, 5.0, 0.0]), np.arange(40) % 2


def test_two_classes_are_those_of_svc(binary):
    ours = mf.MaxMarginClassifier().fit(*binary)
    theirs = SVC(kernel="linear", C=1e10, tol=1e-9).fit(*binary)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-6)
    np.testing.assert_array_equal(ours.support_, np.sort(theirs.support_))
    assert ours.dual_gap_ < 1e-8
    np.testing.assert_array_equal(ours.predict(binary[0]), theirs.predict(binary[0]))


@pytest.mark.parametrize("norm", ["frobenius", "max"])
def test_a_penalized_intercept_is_a_column_of_ones(norm, wine):
    features, labels = wine
    ours = mf.MaxMarginClassifier(norm, penalize_intercept=True).fit(features, labels)
    ones = np.column_stack([features, np.ones(len(features))])
    limit = mf.max_margin((ones, labels), norm)
    np.testing.assert_array_equal(np.column_stack([ours.coef_, ours.intercept_]), limit.weights.T)
    assert ours.margin_ == limit.margin
    free = mf.MaxMarginClassifier(norm).fit(features, labels)
    assert free.margin_ > ours.margin_


def test_without_an_intercept_it_is_max_margin(wine):
    ours = mf.MaxMarginClassifier(fit_intercept=False).fit(*wine)
    np.testing.assert_array_equal(ours.coef_, mf.max_margin(wine).weights.T)
    assert not ours.intercept_.any()


def test_the_hard_margin_forgets_weights_but_zero(binary):
    features, labels = binary
    plain = mf.MaxMarginClassifier().fit(features, labels)
    weights = np.ones(len(labels))
    weights[plain.support_[0]] = 0.0
    left_out = mf.MaxMarginClassifier().fit(features, labels, sample_weight=weights)
    assert left_out.margin_ > plain.margin_
    kept = np.flatnonzero(weights)
    alone = mf.MaxMarginClassifier().fit(features[kept], labels[kept])
    np.testing.assert_array_equal(left_out.coef_, alone.coef_)
    np.testing.assert_array_equal(left_out.support_, kept[alone.support_])
    weights[plain.support_[0]] = 2.0
    with pytest.warns(UserWarning, match="a hard margin holds for every sample alike"):
        same = mf.MaxMarginClassifier().fit(features, labels, sample_weight=weights)
    np.testing.assert_array_equal(same.coef_, plain.coef_)


def test_what_cannot_be_separated_is_said():
    data = ([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    with pytest.raises(mf.NotSeparableError, match="MarginClassifier, or an SVM") as caught:
        mf.MaxMarginClassifier().fit(*data)
    assert caught.value.certificate is not None


def test_a_gap_not_reached_is_a_warning(wine):
    with pytest.warns(ConvergenceWarning, match="was not reached"):
        model = mf.MaxMarginClassifier("nuclear", rtol=1e-15).fit(*wine)
    assert model.score(*wine) == 1.0
    assert 1e-15 < model.dual_gap_ < 1e-3


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.coo_array])
@pytest.mark.parametrize("model", [mf.MaxMarginClassifier(), mf.MarginClassifier(steps=50)])
def test_sparse_features_are_those_features(model, kind, binary):
    features, labels = binary
    dense = clone(model).fit(features, labels)
    thin = clone(model).fit(kind(features), labels)
    np.testing.assert_array_equal(dense.coef_, thin.coef_)
    np.testing.assert_allclose(
        dense.decision_function(features), thin.decision_function(kind(features)), rtol=1e-12
    )


def test_a_sparse_matrix_too_large_is_refused():
    features = sparse.csr_matrix(([1.0, 2.0], ([0, 1], [0, 1])), shape=(2, 2**28))
    with pytest.raises(ValueError, match="4 GiB when it is dense, as fitting needs it"):
        mf.MaxMarginClassifier().fit(features, [0, 1])


def test_a_margin_classifier_is_a_run_of_train(wine):
    features, labels = wine
    ones = np.column_stack([features, np.ones(len(features))])
    weights = 1.0 + np.arange(len(labels)) % 3
    with pytest.warns(UserWarning, match="PairLogLoss forgets weights there"):
        model = mf.MarginClassifier("pair-log-loss", "adam", learning_rate=0.1, steps=300).fit(
            features, labels, sample_weight=weights
        )
    run = mf.train(
        (ones, labels),
        "pair-log-loss",
        mf.Adam(0.1),
        steps=300,
        sample_weight=weights,
        reduction="mean",
    )
    np.testing.assert_array_equal(np.column_stack([model.coef_, model.intercept_]), run.weights.T)
    assert model.result_.steps[-1] == 300


def test_a_weight_of_zero_leaves_a_sample_out(binary):
    features, labels = binary
    weights = (np.arange(40) != 7).astype(float)
    model = mf.MarginClassifier(steps=30).fit(features, labels, sample_weight=weights)
    alone = mf.MarginClassifier(steps=30).fit(np.delete(features, 7, 0), np.delete(labels, 7))
    np.testing.assert_array_equal(model.coef_, alone.coef_)


def test_weights_matter_where_classes_overlap():
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(60, 2)), rng.integers(2, size=60)
    heavy = np.where(labels == 1, 20.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = mf.MarginClassifier(steps=300).fit(features, labels, sample_weight=heavy)
    plain = mf.MarginClassifier(steps=300).fit(features, labels)
    assert model.predict(features).mean() > plain.predict(features).mean() + 0.2


def test_any_number_of_steps(binary):
    features, labels = binary
    features = features - features.mean(axis=0)
    model = mf.MarginClassifier(log_time=1e5, fit_intercept=False).fit(features, labels)
    limit = mf.MaxMarginClassifier(fit_intercept=False).fit(features, labels)
    assert mf.direction_error(model.coef_[0], limit.coef_[0]).angle < 1e-3
    assert model.result_.log_steps == 1e5


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"steps": 10, "log_time": 5.0}, "expected steps or log_time, got both"),
        ({"optimizer": "adam"}, "expected a number for the optimizer 'adam'"),
        ({"loss": "weston-watkins"}, "no bound on it is known for WestonWatkins"),
        ({"optimizer": mf.Adam(0.1), "learning_rate": 0.1}, "with an optimizer that has one"),
        ({"loss": "cross"}, "cross"),
    ],
)
def test_settings_that_do_not_go_together(settings, said, binary):
    with pytest.raises(ValueError, match=said):
        mf.MarginClassifier(**settings).fit(*binary)


def test_weights_and_log_time_exclude_each_other(binary):
    with pytest.raises(ValueError, match="expected none with log_time"):
        mf.MarginClassifier(log_time=5.0).fit(*binary, sample_weight=np.ones(40))


def test_divergence_is_an_error(binary):
    features, labels = binary
    model = mf.MarginClassifier("multiclass-exponential", learning_rate=1e6, steps=50)
    with pytest.raises(mf.NotConvergedError, match="diverged") as caught:
        model.fit(features, 1 - labels)
    assert caught.value.result.weights.shape == (4,)


@pytest.mark.parametrize(
    ("loss", "data"),
    [("cross-entropy", "wine"), ("multiclass-exponential", "binary"), ("sparsemax", "binary")],
)
def test_probabilities_are_those_of_the_loss(loss, data, request):
    features, labels = request.getfixturevalue(data)
    model = mf.MarginClassifier(loss, steps=20).fit(features, labels)
    found = model.predict_proba(features)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(model.classes_[found.argmax(axis=1)], model.predict(features))
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(model.predict_log_proba(features), np.log(found))


def test_a_hinge_has_no_probabilities(binary):
    model = mf.MarginClassifier("weston-watkins", "gd", learning_rate=0.1, steps=20).fit(*binary)
    assert not hasattr(model, "predict_proba")
    assert not hasattr(mf.MaxMarginClassifier(), "predict_proba")
    assert hasattr(mf.MarginClassifier(), "predict_proba")


def test_searches_and_pipelines(wine):
    grid = GridSearchCV(
        make_pipeline(StandardScaler(), mf.MarginClassifier(optimizer="spectral", steps=50)),
        {
            "marginclassifier__loss": ["cross-entropy", mf.PairLogLoss()],
        },
        scoring="neg_log_loss",
        cv=2,
        error_score="raise",
    ).fit(*wine)
    assert grid.score(*wine) > -0.3
    hard = make_pipeline(StandardScaler(), mf.MaxMarginClassifier()).set_output(transform="pandas")
    assert cross_val_score(hard, *wine, cv=2, error_score="raise").mean() > 0.9


def test_clones_of_objects_fit_alike(binary):
    model = mf.MarginClassifier(mf.FocalLoss(2.0), optax.adam(0.05), steps=20)
    copy = clone(model)
    assert copy.get_params()["steps"] == 20
    np.testing.assert_array_equal(model.fit(*binary).coef_, copy.fit(*binary).coef_)


def test_weights_are_routed(binary):
    features, labels = binary
    weights = np.where(np.arange(40) == 3, 0.0, 1.0)
    with config_context(enable_metadata_routing=True):
        model = mf.MarginClassifier(steps=20).set_fit_request(sample_weight=True)
        found = cross_validate(
            model.set_score_request(sample_weight=True),
            features,
            labels,
            params={"sample_weight": weights},
            return_estimator=True,
            return_indices=True,
            cv=2,
            error_score="raise",
        )
    for fitted, train in zip(found["estimator"], found["indices"]["train"], strict=True):
        kept = train[weights[train] > 0]
        alone = mf.MarginClassifier(steps=20).fit(features[kept], labels[kept])
        np.testing.assert_array_equal(fitted.coef_, alone.coef_)


def test_minibatches_follow_their_random_state(binary):
    def fitted(state):
        return mf.MarginClassifier(steps=30, batch_size=8, random_state=state).fit(*binary).coef_

    np.testing.assert_array_equal(fitted(0), fitted(0))
    np.testing.assert_array_equal(fitted(0), fitted(np.random.RandomState(0)))
    assert not np.array_equal(fitted(0), fitted(1))
