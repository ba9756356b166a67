"""Linear margin maps against two plain loops, and against each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marginflow as mf
from marginflow.margins import (
    LinearMarginMap,
    as_linear_map,
    as_margin_map,
    relative_margins,
    scores_cotangent,
)

# What a random map is made of; it is made in the test, outside of the strategy.
sizes = st.fixed_dictionaries(
    {
        "n_classes": st.integers(2, 5),
        "per_class": st.integers(1, 3),
        "n_features": st.integers(1, 4),
        "binary": st.booleans(),
        "seed": st.integers(0, 2**32 - 1),
    }
)


def random_map(size: dict) -> LinearMarginMap:
    """A binary or multiclass map of small random data, in which every class occurs."""
    n_classes = 2 if size["binary"] else size["n_classes"]
    n_samples = n_classes * size["per_class"]
    rng = np.random.default_rng(size["seed"])
    labels = rng.permutation(np.arange(n_samples) % n_classes)
    data = mf.Dataset(rng.normal(size=(n_samples, size["n_features"])), labels)
    return mf.BinaryMargins(data) if size["binary"] else mf.MulticlassMargins(data)


def rows_by_loops(maps: LinearMarginMap) -> np.ndarray:
    """The matrix A, (n, K−1, size of the weights), written down entry by entry."""
    rows = []
    for x, label in zip(maps.features, maps.labels, strict=True):
        for k in range(maps.n_classes):
            if k == label:
                continue
            if isinstance(maps, mf.BinaryMargins):
                rows.append(x if label == 1 else -x)
            else:
                row = np.zeros((len(x), maps.n_classes))
                row[:, label] += x
                row[:, k] -= x
                rows.append(row.ravel())
    return np.array(rows).reshape(maps.n_samples, maps.n_columns, -1)


def random(maps: LinearMarginMap, *shape: int) -> np.ndarray:
    return np.random.default_rng(maps.n_samples).normal(size=shape)


close = {"rtol": 1e-12, "atol": 1e-12}


@given(size=sizes)
def test_margins_are_what_two_loops_give(size):
    maps = random_map(size)
    weights = random(maps, *maps.weights_shape)
    margins = maps.margins(weights)
    assert margins.shape == (maps.n_samples, maps.n_columns)
    np.testing.assert_allclose(margins, rows_by_loops(maps) @ weights.ravel(), **close)


@given(size=sizes)
def test_the_adjoint_is_the_adjoint(size):
    maps = random_map(size)
    weights = random(maps, *maps.weights_shape)
    cotangent = random(maps, maps.n_samples, maps.n_columns)
    pulled = maps.adjoint(cotangent)
    assert pulled.shape == maps.weights_shape
    np.testing.assert_allclose(
        np.vdot(maps.margins(weights), cotangent), np.vdot(weights, pulled), **close
    )
    np.testing.assert_array_equal(maps.vjp(weights, cotangent), pulled)


@given(size=sizes, seed=st.integers(0, 99))
def test_rows_and_products_of_pairs_are_those_of_the_matrix(size, seed):
    maps = random_map(size)
    rng = np.random.default_rng(seed)
    samples = rng.integers(maps.n_samples, size=7)
    columns = rng.integers(maps.n_columns, size=7)
    rows = rows_by_loops(maps)[samples, columns]
    np.testing.assert_array_equal(maps.pair_rows(samples, columns), rows)
    np.testing.assert_allclose(maps.pair_gram(samples, columns), rows @ rows.T, **close)


@given(size=sizes)
def test_pairs_speak_of_the_other_classes_in_ascending_order(size):
    maps = random_map(size)
    samples, columns = np.indices((maps.n_samples, maps.n_columns)).reshape(2, -1)
    others = [k for label in maps.labels for k in range(maps.n_classes) if k != label]
    np.testing.assert_array_equal(maps.pair_classes(samples, columns), others)


@given(size=sizes)
def test_weighted_products_are_those_of_the_matrix(size):
    maps = random_map(size)
    half = random(maps, maps.n_samples, maps.n_columns, maps.n_columns)
    blocks = half + half.transpose(0, 2, 1)
    rows = rows_by_loops(maps)
    expected = np.einsum("ija,ijk,ikb->ab", rows, blocks, rows)
    np.testing.assert_allclose(maps.weighted_gram(blocks), expected, rtol=1e-11, atol=1e-11)


@given(size=sizes)
def test_a_dual_has_a_place_for_every_pair(size):
    maps = random_map(size)
    columns = random(maps, maps.n_samples, maps.n_columns)
    dual = maps.to_dual(columns)
    np.testing.assert_array_equal(maps.from_dual(dual), columns)
    if isinstance(maps, mf.BinaryMargins):
        assert dual.shape == (maps.n_samples,)
    else:
        assert dual.shape == (maps.n_samples, maps.n_classes)
        assert not dual[np.arange(maps.n_samples), maps.labels].any()


@given(size=sizes, scale=st.floats(0.1, 100))
def test_margins_are_homogeneous(size, scale):
    maps = random_map(size)
    weights = random(maps, *maps.weights_shape)
    np.testing.assert_allclose(
        maps.margins(scale * weights), scale**maps.homogeneity * maps.margins(weights), **close
    )


@pytest.mark.parametrize(("n_classes", "binary"), [(2, True), (2, False), (4, False)])
def test_numpy_stays_numpy_and_agrees_with_jax(n_classes, binary):
    size = {"n_classes": n_classes, "binary": binary, "per_class": 3, "n_features": 2, "seed": 0}
    maps = random_map(size)
    weights = random(maps, *maps.weights_shape)
    cotangent = random(maps, maps.n_samples, maps.n_columns)
    with mf.x64():
        held = jax.tree.map(jnp.asarray, maps)
        in_jax = jax.jit(lambda w, c: (held.margins(w), held.adjoint(c), held.to_dual(c)))
        jax_results = in_jax(jnp.asarray(weights), jnp.asarray(cotangent))
        jacobian = jax.jacobian(held.margins)(jnp.asarray(weights))
    numpy_results = maps.margins(weights), maps.adjoint(cotangent), maps.to_dual(cotangent)
    for numpy_result, jax_result in zip(numpy_results, jax_results, strict=True):
        assert type(numpy_result) is np.ndarray
        assert numpy_result.dtype == np.float64
        np.testing.assert_allclose(jax_result, numpy_result, **close)
    rows = rows_by_loops(maps)
    np.testing.assert_array_equal(np.asarray(jacobian).reshape(rows.shape), rows)


@given(size=sizes, seed=st.integers(0, 99))
def test_a_minibatch_is_the_map_of_its_samples(size, seed):
    maps = random_map(size)
    samples = np.random.default_rng(seed).integers(maps.n_samples, size=3)
    weights = random(maps, *maps.weights_shape)
    np.testing.assert_allclose(
        maps.take(samples).margins(weights), maps.margins(weights)[samples], **close
    )


def test_two_classes_have_the_margins_of_one_difference_of_weights():
    rng = np.random.default_rng(0)
    data = mf.Dataset(rng.normal(size=(8, 3)), np.arange(8) % 2)
    double, binary = mf.MulticlassMargins(data), mf.BinaryMargins(data)
    weights = rng.normal(size=(3, 2))
    np.testing.assert_allclose(
        double.margins(weights), binary.margins(weights[:, 1] - weights[:, 0]), **close
    )
    cotangent = rng.normal(size=(8, 1))
    pulled = binary.adjoint(cotangent)
    np.testing.assert_allclose(
        double.adjoint(cotangent), np.stack([-pulled, pulled], axis=1), **close
    )


@pytest.mark.parametrize("xp", [np, jnp])
def test_margins_and_cotangents_of_scores_keep_leading_axes(xp):
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(2, 3, 4)), rng.integers(4, size=(2, 3))
    cotangent = rng.normal(size=(2, 3, 3))
    margins = relative_margins(xp.asarray(scores), xp.asarray(labels))
    pulled = scores_cotangent(xp.asarray(cotangent), xp.asarray(labels))
    assert margins.shape == (2, 3, 3)
    assert pulled.shape == (2, 3, 4)
    for index in np.ndindex(2, 3):
        own, others = scores[index][labels[index]], np.delete(scores[index], labels[index])
        np.testing.assert_allclose(margins[index], own - others, rtol=1e-6)
        expected = np.insert(-cotangent[index], labels[index], cotangent[index].sum())
        np.testing.assert_allclose(pulled[index], expected, rtol=1e-5)


def test_the_number_of_classes_decides_on_the_map():
    features = np.arange(6.0).reshape(3, 2)
    two, three = (features, ["no", "yes", "no"]), mf.Dataset(features, [0, 1, 2])
    assert isinstance(as_margin_map(two), mf.BinaryMargins)
    assert isinstance(as_margin_map(three), mf.MulticlassMargins)
    chosen = mf.MulticlassMargins(two)
    assert as_margin_map(chosen) is chosen
    assert as_linear_map(chosen, "a_verb") is chosen


def test_binary_margins_are_those_of_the_class_that_sorts_second():
    maps = mf.BinaryMargins((np.eye(2), ["b", "a"]))
    np.testing.assert_array_equal(maps.margins(np.array([2.0, 3.0])), [[2.0], [-3.0]])


def test_binary_margins_refuse_three_classes():
    with pytest.raises(ValueError, match="expects two classes, got 3; use MulticlassMargins"):
        mf.BinaryMargins((np.eye(3), [0, 1, 2]))


class Quadratic(mf.MarginMap):
    """Margins that are not linear."""

    @property
    def homogeneity(self) -> float:
        return 2.0

    def margins(self, params):
        return params[None] ** 2

    def vjp(self, params, cotangent):
        return 2 * params * cotangent[0]


def test_a_verb_that_needs_linearity_says_so():
    assert isinstance(as_margin_map(Quadratic()), Quadratic)
    with pytest.raises(TypeError, match=r"a_verb expects.*got Quadratic; pass a Dataset"):
        as_linear_map(Quadratic(), "a_verb")
