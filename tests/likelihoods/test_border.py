"""What a caller hands over decides what comes back, and what does not fit is named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.likelihoods.families import REGISTERED, every_family, pairs, shaped, targets_of

import marginflow as mf

# The border between array types is one mechanism: it is tried on a family of each make.
of_each_make = pytest.mark.parametrize(
    "name", ["bernoulli", "categorical", "gaussian", "dirichlet", "zero-inflated-poisson"]
)


@of_each_make
def test_arrays_come_back_in_their_dtype_and_type(name):
    family = REGISTERED[name]
    rows = np.full((1, family.n_scores), 0.25)
    rows, targets = pairs(family, rows, targets_of(family))
    scores = shaped(family, rows)
    n = len(rows)
    exact = family.loss(scores, targets)
    assert exact.shape == (n,)
    for dtype in (np.float32, np.float64):
        loss = family.loss(scores.astype(dtype), targets)
        score = family.score(scores.astype(dtype), targets)
        assert loss.dtype == score.dtype == dtype
        assert score.shape == scores.shape
        np.testing.assert_allclose(loss, exact, rtol=1e-4 if dtype == np.float32 else 0)
        for method in (family.mean, family.mode, family.entropy, family.fisher):
            assert method(scores.astype(dtype)).dtype == dtype
        assert all(p.dtype == dtype for p in family.link(scores.astype(dtype)).values())
    of_jax = jnp.asarray(scores, jnp.float32)
    for result in (family.loss(of_jax, targets), family.entropy(of_jax), family.sample(of_jax, 0)):
        assert isinstance(result, jax.Array)
        assert result.dtype == np.float32
    square = family.loss(np.stack([scores, scores]), np.stack([targets, targets]))
    np.testing.assert_array_equal(square, [exact, exact])


@every_family
def test_draws_depend_on_the_seed_alone_and_have_the_shapes_stated(name):
    family = REGISTERED[name]
    rows = np.zeros((2, 3, family.n_scores))
    scores = rows[..., 0] if family.n_scores == 1 else rows
    columns = (family.support.n_columns,) if family.support.n_columns else ()
    one, many = family.sample(scores, seed=1), family.sample(scores, seed=1, size=4)
    assert one.shape == (2, 3, *columns)
    assert many.shape == (4, 2, 3, *columns)
    np.testing.assert_array_equal(one, family.sample(scores, seed=1))
    family.support.check(many)
    fisher = family.fisher(scores)
    assert fisher.shape == ((2, 3) if family.n_scores == 1 else (2, 3, *2 * (family.n_scores,)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mf.Poisson().loss([0.0], [-1]), "whole numbers >= 0, got -1"),
        (lambda: mf.Poisson().loss([0.0], [0.5]), "whole numbers >= 0, got 0.5"),
        (lambda: mf.Bernoulli().loss([0.0], [2]), "labels 0 or 1, got 2"),
        (lambda: mf.Categorical(3).loss([[0.0] * 3], [3]), r"labels in 0\.\.2, got 3"),
        (lambda: mf.Gamma().loss([[0.0, 0.0]], [0.0]), "finite numbers > 0, got 0.0"),
        (lambda: mf.Gaussian().loss([[0.0, 0.0]], [np.nan]), "finite real numbers, got nan"),
        (lambda: mf.Gaussian().loss([0.0], [0.0]), r"expected scores \(\.\.\., 2\), location, log"),
        (lambda: mf.Gaussian().loss([[0.0, 0.0]], [0.0, 1.0]), "same leading axes"),
        (lambda: mf.Weibull().loss([[0.0, 0.0]], [1.0]), r"\(\.\.\., 2\); got shape \(1,\)"),
        (lambda: mf.Dirichlet(2).loss([[0.0, 0.0]], [[0.5, 0.6]]), "sum to 1"),
        (lambda: mf.Poisson(inverse_link="log"), "'exp' or 'softplus', got 'log'"),
        (lambda: mf.Bernoulli(inverse_link="softplus"), "no positive parameter"),
        (lambda: mf.Quantile(1.0), r"level tau in \(0, 1\), got 1.0"),
        (lambda: mf.Gaussian(scale=0.0), "scale > 0"),
        (lambda: mf.get_likelihood("cauchy"), "no likelihood named 'cauchy'; registered are: bern"),
        (lambda: mf.Gaussian().start([]), "one target or more"),
        (lambda: mf.Poisson().finite_range(1, np.int32), "expected float32 or float64"),
        (lambda: mf.Gamma().loss([[0.0, 0.0]], [1e-310]), "compiled code takes for 0; got 1e-310"),
        (lambda: mf.Weibull().loss([[0.0, 0.0]], [[1e-310, 1.0]]), "compiled code takes for 0"),
        (
            lambda: mf.Beta().loss(np.zeros((1, 2), "f4"), np.array([1e-39], "f4")),
            "none below 1.18e-38",
        ),
    ],
)
def test_what_does_not_fit_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("name", REGISTERED)
def test_registered_likelihoods_are_frozen_values(name):
    family = mf.get_likelihood(name)
    assert family == mf.get_likelihood(name.replace("-", "_").upper())
    assert hash(family) == hash(mf.get_likelihood(name))
    assert len(family.positive) == family.n_scores
    with pytest.raises(AttributeError):
        family.anything = 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_finite_range_of_a_rate_ends_where_its_exponential_does(dtype):
    [[low, high]] = mf.Poisson().finite_range(3, dtype)
    largest = float(np.finfo(dtype).max)
    assert high == pytest.approx(np.log(largest), rel=1e-3)
    assert low < -1e30
    [[low, high]] = mf.Bernoulli().finite_range(1, dtype)
    assert (low, high) == (-largest, largest)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["beta", "dirichlet", "gamma", "weibull-survival"])
def test_draws_that_round_to_an_end_stay_inside(name, dtype):
    family = REGISTERED[name]
    scores = np.full(family.n_scores, -9.0, dtype)  # shapes of e^−9: nearly all mass is at the ends
    drawn = family.sample(scores, seed=0, size=200)
    rows = np.tile(scores, (200, 1))
    assert np.all(np.isfinite(family.loss(rows, drawn)))
