"""Class probabilities: those for which the scores are right, by minimizers and closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from scipy.special import softmax

import marginflow as mf
from marginflow.losses import registered_losses
from marginflow.losses.class_probabilities import by_stationarity, defines_probabilities

RNG = np.random.default_rng(0)
SCORES = 1.5 * RNG.normal(size=(6, 4))
DEFINING = [name for name in registered_losses() if defines_probabilities(mf.get_loss(name), 4)]
CONVEX = (
    "cross-entropy",
    "multiclass-exponential",
    "pair-log-loss",
    "polynomial",
    "squared-weston-watkins",
    "modified-huber",
    "tsallis",
)
EXP = "multiclass-exponential"


def gradients(loss, scores):
    """(n, K, K): of each row's loss in its scores, for each true class."""
    n, n_classes = scores.shape
    labels = np.broadcast_to(np.arange(n_classes), (n, n_classes))
    return loss.gradient(np.repeat(scores[:, None], n_classes, axis=1), labels)


@pytest.mark.parametrize("name", DEFINING)
def test_the_mean_loss_is_stationary_at_the_scores(name):
    loss = mf.get_loss(name)
    found = mf.class_probabilities(loss, SCORES)
    slopes = gradients(loss, SCORES)
    mean = np.einsum("ny,nyk->nk", found, slopes)
    np.testing.assert_allclose(mean, 0.0, atol=1e-13 * np.abs(slopes).max())
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-14)
    assert found.min() >= 0


@pytest.mark.parametrize("name", DEFINING)
def test_the_order_is_that_of_scores_whatever_is_added_to_all(name):
    found = mf.class_probabilities(name, SCORES)
    np.testing.assert_allclose(mf.class_probabilities(name, SCORES + 3.0), found, atol=1e-13)
    order = RNG.permutation(4)
    moved = mf.class_probabilities(name, SCORES[:, order])
    np.testing.assert_allclose(moved, found[:, order], atol=1e-14)
    by_score = np.take_along_axis(found, np.argsort(SCORES, axis=1), axis=1)
    assert np.all(np.diff(by_score, axis=1) >= -1e-14)


@pytest.mark.parametrize("name", CONVEX)
def test_the_scores_of_least_mean_loss_have_the_labels_probabilities(name):
    loss, labels = mf.get_loss(name), np.arange(3)
    target = np.array([0.2, 0.5, 0.3])

    def mean_loss(free):
        scores = np.broadcast_to(np.append(free, 0.0), (3, 3))
        slope = target @ loss.gradient(scores, labels)
        return target @ loss(scores, labels), slope[:2]

    best = scipy.optimize.minimize(mean_loss, np.zeros(2), jac=True, options={"gtol": 1e-10})
    found = mf.class_probabilities(loss, np.append(best.x, 0.0))
    np.testing.assert_allclose(found, target, atol=1e-6)


def test_closed_forms_at_large_scores():
    scores = np.array([[300.0, 0.0, -200.0], [1.0, 2.0, 3.0]])
    chains = {name: by_stationarity(mf.get_loss(name), scores) for name in ("cross-entropy", EXP)}
    np.testing.assert_allclose(chains["cross-entropy"], softmax(scores, axis=1), rtol=1e-12)
    halved = by_stationarity(mf.get_loss(EXP), scores / 2)
    np.testing.assert_allclose(halved, softmax(scores, axis=1), rtol=1e-12)


@pytest.mark.parametrize("name", ["sparsemax", "entmax", "tsallis", "norm-entropy"])
def test_a_fenchel_young_loss_has_its_prediction(name):
    loss = mf.get_loss(name)
    chain = by_stationarity(loss, SCORES)
    np.testing.assert_allclose(mf.class_probabilities(loss, SCORES), chain, atol=1e-13)


def test_generalized_cross_entropy_flattens_the_softmax():
    loss = mf.GeneralizedCrossEntropy(q=0.7)
    shares = softmax(SCORES, axis=1) ** 0.3
    expected = shares / shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mf.class_probabilities(loss, SCORES), expected, rtol=1e-12)


def test_a_template_function_has_them_too():
    found = mf.class_probabilities(lambda u: jnp.log1p(jnp.sum(jnp.exp(-u), axis=-1)), SCORES)
    np.testing.assert_allclose(found, softmax(SCORES, axis=1), rtol=1e-9)


@pytest.mark.parametrize(
    "name", ["crammer-singer", "weston-watkins", "mean-absolute-error", "label-smoothing"]
)
def test_a_loss_without_says_so(name):
    with pytest.raises(ValueError, match="defines no class probabilities"):
        mf.class_probabilities(name, SCORES)


@pytest.mark.parametrize("scores", [np.array(1.0), [1.0], [[1.0, np.nan]], np.zeros((2, 1))])
def test_scores_that_are_none(scores):
    with pytest.raises(ValueError, match=r"expected finite numbers \(\.\.\., K\)"):
        mf.class_probabilities("cross-entropy", scores)
