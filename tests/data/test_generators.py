"""Generators give the data of the published recipes, bit for bit."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marginflow as mf
from marginflow.data import DataError
from marginflow.data.generators import _whole

GENERATORS = [mf.soudry_toy, mf.linear_teacher, mf.random_labels, mf.gaussian_clusters]


@pytest.fixture
def global_stream():
    """NumPy's global stream, put back afterwards."""
    before = np.random.get_state()  # noqa: NPY002
    yield np.random
    np.random.set_state(before)  # noqa: NPY002


@pytest.mark.parametrize(
    ("n", "d", "k", "seed"), [(100, 10, 3, s) for s in range(10)] + [(10, 2, 3, 42)]
)
def test_linear_teacher_is_the_authors_recipe(global_stream, n, d, k, seed):
    data = mf.linear_teacher(seed, n_samples=n, n_features=d, n_classes=k)
    global_stream.seed(seed)
    features = global_stream.randn(2 * n, d)
    teacher = global_stream.randn(d, k)
    labels = np.argmax(features @ teacher, axis=1)
    np.testing.assert_array_equal(data.features, features[:n])
    np.testing.assert_array_equal(data.labels, labels[:n])
    np.testing.assert_array_equal(data.holdout.features, features[n:])
    np.testing.assert_array_equal(data.holdout.labels, labels[n:])
    assert data.classes.tolist() == list(range(k))


@pytest.mark.parametrize("seed", range(8))
def test_random_labels_is_the_study_of_eight_sets(seed):
    data = mf.random_labels(seed)
    rng = np.random.default_rng(seed)
    np.testing.assert_array_equal(data.features, rng.standard_normal((40, 50)) / np.sqrt(50))
    np.testing.assert_array_equal(data.classes[data.labels], rng.choice([-1, 1], size=40))
    assert data.classes.tolist() == [-1, 1]


def test_random_labels_of_more_classes():
    data = mf.random_labels(3, n_samples=30, n_features=4, n_classes=5)
    rng = np.random.default_rng(3)
    np.testing.assert_array_equal(data.features, rng.standard_normal((30, 4)) / 2)
    np.testing.assert_array_equal(data.labels, rng.choice(5, size=30))


@pytest.mark.parametrize("balanced", [False, True])
def test_gaussian_clusters_draw_in_the_stated_order(balanced):
    data = mf.gaussian_clusters(
        5, n_samples=50, n_features=3, n_classes=4, noise=0.25, separation=3.0, balanced=balanced
    )
    rng = np.random.default_rng(5)
    centers = 3.0 * rng.normal(size=(4, 3))
    labels = np.repeat(range(4), [13, 13, 12, 12]) if balanced else rng.integers(4, size=50)
    np.testing.assert_array_equal(data.labels, labels)
    np.testing.assert_array_equal(data.features, centers[labels] + 0.25 * rng.normal(size=(50, 3)))


@given(seed=st.integers(0, 2**32))
def test_the_toy_has_its_max_margin_weights_whatever_the_seed(seed):
    data = mf.soudry_toy(seed)
    signs = data.classes[data.labels]
    margins = signs * (data.features @ [0.5, 0.5])
    np.testing.assert_array_equal(margins[:4], 1.0)
    assert (margins[4:] > 1.25).all()
    assert sorted(signs.tolist()) == [-1] * 8 + [1] * 8
    # (1/2, 1/2) is feasible and a non-negative combination of the support: it is the minimizer
    np.testing.assert_array_equal(signs[:4] @ data.features[:4] / 8, [0.5, 0.5])


@pytest.mark.parametrize("generator", GENERATORS)
def test_the_global_stream_is_left_alone(global_stream, generator):
    before = global_stream.get_state()
    generator(1)
    for old, new in zip(before, global_stream.get_state(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("generator", GENERATORS)
def test_seeds_give_data_and_other_seeds_give_other_data(generator):
    assert generator(1) == generator(np.int64(1))
    assert generator(1) != generator(2)
    assert generator(1).name == f"{generator.__name__}(1)"
    assert "seed 1" in generator(1).provenance


@pytest.mark.parametrize("generator", GENERATORS[1:])
def test_one_class_only_is_an_error_that_names_the_seed(generator):
    refused = []
    for seed in range(20):
        try:
            data = generator(seed, n_samples=2, n_classes=2)
        except DataError as error:
            refused.append((seed, str(error)))
        else:
            assert sorted(data.labels.tolist()) == [0, 1]
    assert 0 < len(refused) < 20
    for seed, message in refused:
        assert f"seed {seed} gave all 2 samples one label" in message


def test_an_absent_class_is_kept_and_noted():
    data = mf.linear_teacher(0, n_samples=4, n_features=2, n_classes=9)
    assert data.n_classes == data.holdout.n_classes == 9
    absent = sorted(set(range(9)) - set(data.labels.tolist()))
    assert data.notes == (f"No row has the label {', '.join(map(str, absent))}.",)


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("argument", ["seed", "n_samples", "n_features", "n_classes"])
def test_bad_sizes_are_refused_by_name(generator, argument):
    if argument in inspect.signature(generator).parameters:
        with pytest.raises(DataError, match=rf"{argument} must be a whole number ≥ \d, got -1"):
            generator(**{argument: -1})


@pytest.mark.parametrize("value", [-1, 1.0, 1.5, "3", None])
def test_only_whole_numbers_are_sizes(value):
    with pytest.raises(DataError, match=f"n_samples must be a whole number ≥ 2, got {value!r}"):
        _whole("n_samples", value, 2)


@pytest.mark.parametrize("argument", ["noise", "separation"])
@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_bad_scales_are_refused_by_name(argument, value):
    with pytest.raises(DataError, match=f"{argument} must be a finite number"):
        mf.gaussian_clusters(**{argument: value})
