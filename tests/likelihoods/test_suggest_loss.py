"""The suggested loss: what drew the data is found, what coincides is said, nothing is guessed."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import minimize
from sklearn import datasets

import marginflow as mf
from marginflow.likelihoods.suggestion.read_targets import read_targets

N = 2000


def drawn(likelihood, scores, seed=0):
    return likelihood.sample(np.asarray(scores, float), seed=seed, size=N)


FAR = {
    "Poisson": (mf.Poisson(), np.log(3.0)),
    "NegativeBinomial": (mf.NegativeBinomial(), [np.log(4.0), np.log(1.5)]),
    "ZeroInflatedPoisson": (mf.ZeroInflatedPoisson(), [np.log(3.0), -1.0]),
    "Laplace": (mf.Laplace(), [1.0, 0.5]),
    "StudentT": (mf.StudentT(2.0), [0.0, 0.0]),
    "Gamma": (mf.Gamma(), [1.0, np.log(2.5)]),
    "LogNormal": (mf.LogNormal(), [0.0, 0.0]),
    "Beta": (mf.Beta(), [-0.7, -0.7]),
    "VonMises": (mf.VonMises(), [1.0, 1.0]),
}


@pytest.mark.parametrize("name", FAR)
def test_the_family_that_drew_the_data_is_chosen_where_others_are_far(name):
    found = mf.suggest_loss(drawn(*FAR[name]))
    assert found.choice.name == name, found.to_frame()


def test_the_figures_are_those_of_a_plain_loop():
    y = drawn(mf.NegativeBinomial(), [1.0, 1.0])
    found = mf.suggest_loss(y, support="count")
    rows, losses = found.rows, {}
    best, second = [e for e in found.entries if not e.candidate.rounded][:2]
    assert best is found.entries[0]
    for entry in (best, second):
        parts = []
        for fitted, out in zip(entry.folds, rows.held_out, strict=True):
            parts.append((_probabilities(fitted, rows.values), out))
        losses[entry.candidate.label] = np.concatenate(
            [np.repeat(-logs, out.astype(int)) for logs, out in parts]
        )
    d = losses[second.candidate.label] - losses[best.candidate.label]
    assert len(d) == N
    assert best.log_likelihood == pytest.approx(-losses[best.candidate.label].mean(), rel=1e-9)
    assert second.gap == pytest.approx(d.mean(), rel=1e-7)
    assert second.standard_error == pytest.approx(d.std(ddof=1) / np.sqrt(N), rel=1e-7)


def _probabilities(fitted, values):
    first, *rest = np.exp(fitted.intercepts)
    if fitted.likelihood.name == "NegativeBinomial":
        return stats.nbinom.logpmf(values, rest[0], rest[0] / (rest[0] + first))
    inflation = rest[0] / (1 + rest[0]) if rest else 0.0
    return np.log((values == 0) * inflation + (1 - inflation) * stats.poisson.pmf(values, first))


def test_every_fold_holds_out_every_row_once():
    found = mf.suggest_loss(np.random.default_rng(0).poisson(2.0, 503))
    values, counts = np.unique(np.random.default_rng(0).poisson(2.0, 503), return_counts=True)
    np.testing.assert_array_equal(found.rows.values, values)
    np.testing.assert_array_equal(found.rows.held_out.sum(axis=0), counts)
    assert found.rows.held_out.sum() == 503


def test_a_fold_is_fitted_as_if_there_were_no_other_rows():
    y = np.random.default_rng(5).poisson(3.0, N)
    found = mf.suggest_loss(y, support="count")
    values = found.rows.values
    entry = next(e for e in found.entries if e.candidate.likelihood.name == "ZeroInflatedPoisson")
    for fitted, out in zip(entry.folds, found.rows.held_out, strict=True):
        share = (found.rows.weights - out) / (N - out.sum())

        def loss(scores, share=share):
            inflation = 1 / (1 + np.exp(-scores[1]))
            mass = (1 - inflation) * stats.poisson.pmf(values, np.exp(scores[0]))
            return -share @ np.log(np.where(values == 0, inflation, 0) + mass)

        least = min(minimize(loss, [1.0, start]).fun for start in (-3.0, -9.0))
        # the optimizer ends at a relative change of 1e-8
        assert loss(fitted.intercepts) == pytest.approx(least, abs=1e-6)


def test_the_fewest_parameters_win_among_those_that_cannot_be_told_apart():
    found = mf.suggest_loss(drawn(*FAR["Poisson"]))
    frame = found.to_frame().set_index("likelihood")
    near = frame[frame.indistinguishable]
    assert {"Poisson", "NegativeBinomial", "ZeroInflatedPoisson"} <= set(found.indistinguishable)
    assert near.loc["Poisson", "n_parameters"] == near.n_parameters.min() == 1
    assert found.choice.name == "Poisson"


def test_whole_numbers_of_a_wide_spread_are_ranked_by_probabilities():
    y = np.rint(np.random.default_rng(0).normal(500, 40, N))
    found = mf.suggest_loss(y)
    assert found.choice.name == "Gaussian"
    gaussian = found.chosen
    assert gaussian.candidate.rounded
    total = 0.0
    for fitted, out in zip(gaussian.folds, found.rows.held_out, strict=True):
        law = stats.norm(fitted.intercepts[0], np.exp(fitted.intercepts[1]))
        total += out @ np.log(law.cdf(found.rows.values + 0.5) - law.cdf(found.rows.values - 0.5))
    assert gaussian.log_likelihood == pytest.approx(total / N, rel=1e-6)
    assert set(found.to_frame().scale) == {"probability", "probability of a rounded number"}


def test_scales_are_never_mixed():
    few = mf.suggest_loss(np.random.default_rng(0).poisson(1.0, N)).to_frame()
    assert set(few.scale) == {"probability"}
    real = mf.suggest_loss(np.random.default_rng(0).normal(size=300)).to_frame()
    assert set(real.scale) == {"density"}


def test_order_is_told_from_classes_by_features():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 2))
    eta = 2 * X[:, 0]
    y = mf.Ordinal(3).sample(np.stack([eta, np.full(N, 0.8)], axis=1), seed=0)
    found = mf.suggest_loss(y, X)
    assert found.choice.name == "Ordinal"
    shuffled = np.array([0, 2, 1])[y.astype(int)]
    assert mf.suggest_loss(shuffled, X).choice.name == "Categorical"


@pytest.mark.parametrize(
    ("targets", "support", "words"),
    [
        (np.arange(100) % 2, None, "Bernoulli, Categorical(n_classes=2) and Ordinal(n_classes=2)"),
        (list("abc") * 20, None, "Without features Ordinal and Categorical are one"),
        (drawn(*FAR["Laplace"]), None, "Laplace is Quantile(tau=0.5)"),
        (drawn(mf.Gamma(), [0.0, 0.0]), None, "gamma and Weibull are one"),
        (drawn(mf.LogNormalSurvival(), [0.0, 0.0]), None, "LogNormalSurvival is LogNormal"),
        (drawn(mf.Dirichlet(2), [0.0, 1.0]), "simplex", "Dirichlet(n_classes=2) is Beta"),
        (drawn(*FAR["Poisson"]), None, "tends to Poisson as the shape grows"),
        (drawn(mf.VonMises(), [30.0, 0.0]), "angle", "is nearly Gaussian"),
    ],
)
def test_coincidences_are_said(targets, support, words):
    notes = mf.suggest_loss(targets, support=support).notes
    assert any(words in note for note in notes), notes


@pytest.mark.parametrize(
    ("targets", "kind"),
    [
        ([0, 1] * 10, "binary"),
        ([True, False] * 10, "binary"),
        ([-1, 1] * 10, "binary"),
        (["yes", "no"] * 10, "binary"),
        (["a", "b", "c"] * 10, "categorical"),
        (pd.Series(list("abc") * 10, dtype="category"), "categorical"),
        (pd.Series(pd.Categorical(list("abc") * 10, ordered=True)), "ordinal"),
        ([0.5, 1.0, 1.5] * 10, "ordinal"),
        ([-1, 0, 1] * 10, "ordinal"),
        ([0, 1, 2] * 10, "few counts"),
        (list(range(0, 300, 3)) * 2, "count"),
        (np.linspace(-1, 1, 99), "real"),
        (np.linspace(-99, 99, 199), "real"),
        (np.linspace(0, 3, 99), "real"),
        (np.linspace(0.1, 3, 99), "positive"),
        (np.linspace(0.1, 0.9, 99), "proportion"),
        (np.linspace(0, 1, 99), "real"),
        (np.linspace(-3.1, 3.1, 99), "real angle"),
        (np.linspace(0.05, 6.25, 99), "real angle"),
        (np.r_[-2.9, 3.0, np.random.default_rng(0).normal(0, 1, 300).clip(-2.5, 2.5)], "real"),
        ([Decimal("0.5") * k for k in range(1, 99)], "positive"),
        (pd.to_timedelta(np.arange(60) * 1.5, unit="s").to_series(), "real"),
        (np.r_[np.zeros(50), np.linspace(0.1, 3, 99)], "positive"),
        (np.stack([np.linspace(1, 2, 20), np.arange(20) % 2], 1), "censored"),
        (np.full((20, 4), 0.25), "simplex"),
    ],
)
def test_the_support_is_found(targets, kind):
    assert read_targets(targets, None).kind == kind


@pytest.mark.parametrize(
    ("targets", "support", "words"),
    [
        ([], None, "got none"),
        ([None, np.nan] * 10, None, "all 20 are missing"),
        ([1.0, 2.0, 3.0], None, "expected 10 or more"),
        ([1.0, np.inf] * 10, None, "10 of 20 are infinite"),
        ([5.0] * 20, None, "all 20 are 5;"),
        (["a"] * 20, None, "all 20 are 'a'"),
        (np.arange(50), None, "ids or row numbers"),
        (7 * np.random.default_rng(0).permutation(300) + 1000, None, "ids or row numbers"),
        ([f"id-{i}" for i in range(50)], None, "look like names or ids"),
        (["1.5", "2.5", "oops", "3.5"] * 5, None, "'oops'"),
        (pd.Series(pd.date_range("2020", periods=20)), None, "dates"),
        ([dt.date(2020, 1, d) for d in range(1, 21)], None, "dates"),
        ([f"{d}.1.2020" for d in range(1, 21)], None, "look like dates"),
        ([f"{h}:30" for h in range(10, 24)] * 3, None, "look like dates"),
        ([f"{k}%" for k in range(30)] * 3, None, "look like numbers"),
        ([f"0,{k}" for k in range(30)] * 3, None, "look like numbers"),
        ([f"{k:03d}" for k in range(50)], None, "names or ids"),
        ([{}] * 20, None, "got dict in a cell"),
        (1e300 * np.arange(1.5, 99), None, "expected sizes between"),
        (1e-300 * np.arange(1.5, 99), None, "expected sizes between"),
        (np.r_[1e-310, np.arange(1.5, 99)], None, "nearer to zero"),
        ([-1, 0, 1] * 10, "count", "expects whole numbers >= 0"),
        ([0.0, 1.5] * 10, "positive", "expects numbers > 0"),
        ([0, 1, 2] * 10, "gaussian", "expected one of"),
        ([0, 1, 2] * 10, "binary", "two classes, got 3"),
        (np.ones((20, 3)), None, "one by one"),
        (np.eye(3)[np.arange(20) % 3], None, "argmax(axis=1) if these are classes"),
        (np.array([[0.0, 0.25, 0.75], [0.5, 0.25, 0.25]] * 10), None, "10 rows hold a share"),
        (np.zeros((2, 2, 2)), None, "expected shape"),
        (3, None, "got int"),
        ("text", None, "got str"),
        (np.arange(99) + 1j, None, "got complex"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_a_reason(targets, support, words):
    with pytest.raises(mf.DataError, match=r"targets|support") as refused:
        mf.suggest_loss(targets, support=support)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ([0, 1, None] * 20, "20 of 60 targets are missing"),
        (["a", "b", "b"] * 20 + ["c"], "1 of 3 classes occur once"),
        (["1", "2", "3"] * 20, "texts read as numbers"),
        (np.ma.masked_equal([0, 1, 2] * 20, 2), "20 of 60 targets are missing"),
        (np.r_[np.zeros(40), np.linspace(0.5, 3, 160)], "40 of 200 targets are exactly 0"),
        (np.arange(200) ** 2, "in the order of their targets"),
        (2**60 + np.arange(200) ** 7, "beyond 2^53"),
        (np.linspace(0, 1, 200), "2 of 200 shares are exactly 0 or 1"),
        (np.r_[np.full(30, 1.5), np.linspace(1, 3, 170)], "30 of 200 targets are exactly 1.5"),
        (np.arange(-100, 100) ** 3, "some of them negative"),
        (np.arange(200) ** 2, "No value occurs twice"),
        (np.arange(200) % 2, "No features were given"),
    ],
)
def test_what_was_left_out_or_assumed_is_said(targets, words):
    assert any(words in note for note in mf.suggest_loss(targets).notes)


def test_rows_without_a_target_or_a_feature_are_left_out():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = X @ [1.0, 2.0] + rng.normal(size=200)
    X[3, 1], y[5] = np.nan, np.nan
    found = mf.suggest_loss(y, X)
    assert found.statistics["n_used"] == 198
    assert any("1 of 200 rows lack a feature" in note for note in found.notes)
    X[:, 1], y[6:66] = X[:, 0], 0.0
    found = mf.suggest_loss(y, X)
    assert found.statistics["n_used"] == 139
    assert found.statistics["n_features"] == 1
    assert any("1 of 2 features vary" in note for note in found.notes)
    with pytest.raises(mf.DataError, match="expected a dense array"):
        mf.suggest_loss(y, X[:, :, None])
    with pytest.raises(mf.DataError, match="one row a target"):
        mf.suggest_loss(y, X[:-1])
    with pytest.raises(mf.DataError, match="leave nothing to judge"):
        mf.suggest_loss(y[:20], rng.normal(size=(20, 15)))


def test_many_rows_are_grouped_or_sampled_and_it_is_said():
    rng = np.random.default_rng(0)
    counted = mf.suggest_loss(rng.poisson(2.0, 200_000))
    assert counted.rows.n_used == 200_000
    assert len(counted.rows.values) < 30
    sampled = mf.suggest_loss(rng.normal(size=40_000), support="angle")
    assert sampled.rows.n_used == 30_000
    assert any("random sample of 30000 of 40000" in note for note in sampled.notes)


def test_residuals_are_normal_where_the_family_is_right():
    for targets in (drawn(*FAR["NegativeBinomial"]), drawn(*FAR["Gamma"])):
        found = mf.suggest_loss(targets)
        assert stats.kstest(found.residuals, "norm").pvalue > 1e-3
        assert all(test.p_value > 1e-3 for test in found.tests if "counts" not in test.name)


def test_tests_of_fit_find_what_a_family_lacks():
    opposite = np.where(np.arange(N) % 2, np.pi, 0) + 0.3 * np.random.default_rng(0).normal(size=N)
    found = mf.suggest_loss(opposite, support="angle")
    tests = {test.name: test for test in found.tests}
    assert tests["shape"].p_value < 1e-6
    twos = mf.suggest_loss(2 * drawn(*FAR["Poisson"]) + 1, support="count")
    tests = {test.name: test for test in twos.tests}
    assert tests["dispersion of counts"].p_value < 1e-6
    assert "over-dispersed" in twos.reason


def test_censored_residuals_are_normal_too():
    rng = np.random.default_rng(0)
    times, limits = rng.weibull(2.0, N), rng.exponential(1.0, N)
    y = np.stack([np.minimum(times, limits), times <= limits], axis=1)
    found = mf.suggest_loss(y)
    assert found.choice.name == "Weibull"
    assert stats.kstest(found.residuals, "norm").pvalue > 1e-3


def test_a_seed_gives_one_result():
    y = np.random.default_rng(0).poisson(3.0, 500)
    one, two = (mf.suggest_loss(y, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(one.to_frame(), two.to_frame())
    np.testing.assert_array_equal(one.residuals, two.residuals)


def test_the_line_to_paste_makes_the_choice():
    for targets in (drawn(*FAR["StudentT"]), drawn(*FAR["Poisson"]), list("abc") * 20):
        found = mf.suggest_loss(targets)
        namespace = {"mf": mf}
        exec(found.code, namespace)
        assert namespace["loss"] == found.choice
        assert found.code in repr(found)
        assert found.choice.name in found._repr_html_()


REAL = {
    "diabetes": {"GaussianMixture", "Gamma", "NegativeBinomial"},
    "wine": {"Categorical"},
    "breast_cancer": {"Bernoulli"},
    "digits": {"Categorical"},
}


@pytest.mark.parametrize("name", REAL)
def test_real_targets_get_a_sensible_choice_with_its_reason(name):
    bunch = getattr(datasets, f"load_{name}")()
    found = mf.suggest_loss(bunch.target)
    assert found.choice.name in REAL[name]
    assert found.reason.startswith(found.chosen.candidate.label)
    assert str(found.targets) in found.reason


def test_three_targets_of_twenty_people_are_said_to_be_few():
    with pytest.raises(mf.DataError, match="one by one"):
        mf.suggest_loss(datasets.load_linnerud().target)
    for column in datasets.load_linnerud().target.T:
        found = mf.suggest_loss(column)
        assert any("20 rows tell families apart only roughly" in note for note in found.notes)


def test_separated_classes_are_said_to_have_no_maximum():
    bunch = datasets.load_wine()
    found = mf.suggest_loss(bunch.target, bunch.data)
    assert found.choice.name == "Categorical"
    assert any("max_margin" in note for note in found.notes)


def test_a_family_that_repeats_the_frequencies_pays_for_it_on_rows_it_has_not_seen():
    paid = []
    for seed in range(10):
        found = mf.suggest_loss(np.random.default_rng(seed).integers(10, size=N), seed=seed)
        entry = next(e for e in found.entries if e.candidate.likelihood.name == "Categorical")
        paid.append(-entry.log_likelihood - entry.in_sample_loss)
    # nine free frequencies gain 9/2 nats on rows they have seen and lose 9/2 · 5/4 on others, each
    # of half a chi-squared variable's spread, about 3 nats in one data set
    assert N * np.mean(paid) == pytest.approx(4.5 + 5.625, abs=4 * 3 * np.sqrt(2 / 10))
