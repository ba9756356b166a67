"""Values and gradients of losses that other libraries have too, on the same convention."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.metrics import hinge_loss

import marginflow as mf

SHAPES = [(7, 2), (20, 10)]


def problem(n_samples: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n_classes)
    return 3 * rng.normal(size=(n_samples, n_classes)), rng.integers(n_classes, size=n_samples)


def assert_same(loss: mf.Loss, scores, labels, values, gradients) -> None:
    np.testing.assert_allclose(loss(scores, labels), values, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(loss.gradient(scores, labels), gradients, rtol=1e-13, atol=1e-15)


def focal(scores: jax.Array, labels: jax.Array) -> jax.Array:
    """The focal loss of two classes, which optax writes for one score."""
    return optax.losses.sigmoid_focal_loss(scores[..., 1] - scores[..., 0], labels, gamma=2.0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("name", "theirs", "only_binary"),
    [
        ("cross-entropy", optax.softmax_cross_entropy_with_integer_labels, False),
        ("crammer-singer", optax.losses.multiclass_hinge_loss, False),
        ("focal", focal, True),
    ],
)
def test_optax(name, theirs, only_binary, shape):
    scores, labels = problem(*shape)
    if only_binary:
        scores, labels = scores[:, :2], labels % 2
    with mf.x64():
        given = jnp.asarray(scores), jnp.asarray(labels)
        values = theirs(*given)
        gradients = jax.jit(jax.grad(lambda scores: jnp.sum(theirs(scores, given[1]))))(given[0])
    assert_same(mf.get_loss(name), scores, labels, np.asarray(values), np.asarray(gradients))


@pytest.mark.parametrize("shape", SHAPES)
def test_scikit_learn(shape):
    scores, labels = problem(*shape)
    every = np.arange(shape[1])
    decision = scores if shape[1] > 2 else scores[:, 1] - scores[:, 0]
    mean = hinge_loss(labels, decision, labels=every)
    loss = mf.get_loss("crammer-singer")
    assert np.mean(loss(scores, labels)) == pytest.approx(mean, rel=1e-13)
    if shape[1] == 2:
        assert np.mean(mf.get_loss("weston-watkins")(scores, labels)) == pytest.approx(mean, 1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_torch(shape):
    torch = pytest.importorskip("torch", reason="the extra `torch` is not installed")
    scores, labels = problem(*shape)
    # torch divides the sum over the margins by K
    theirs = {
        "cross-entropy": (torch.nn.CrossEntropyLoss(reduction="none"), 1),
        "weston-watkins": (torch.nn.MultiMarginLoss(p=1, reduction="none"), shape[1]),
        "squared-weston-watkins": (torch.nn.MultiMarginLoss(p=2, reduction="none"), shape[1]),
    }
    for name, (function, factor) in theirs.items():
        given = torch.tensor(scores, requires_grad=True)
        values = factor * function(given, torch.tensor(labels))
        values.sum().backward()
        assert_same(mf.get_loss(name), scores, labels, values.detach().numpy(), given.grad.numpy())
