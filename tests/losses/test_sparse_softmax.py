"""Sparsemax and entmax of scores, and losses of long rows."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import marginflow as mf
from marginflow.losses import entmax, sparsemax
from marginflow.losses.leading_entries import FEWEST_COLUMNS
from marginflow.losses.long_rows import LONG_ROW
from marginflow.margins.multiclass import relative_margins

LONG = [mf.CrossEntropy(), mf.SparsemaxLoss(), *map(mf.EntmaxLoss, (1.4, 1.5))]
every_long_loss = pytest.mark.parametrize("loss", LONG, ids=repr)
# below and above the length from which leading entries are picked, whole blocks and not
LENGTHS = [LONG_ROW, FEWEST_COLUMNS + 3, 2 * FEWEST_COLUMNS]


def sorted_threshold(scores: np.ndarray, alpha: float) -> np.ndarray:
    """Entmax by bisection on the threshold, to the last bit."""
    z = (alpha - 1) * (scores - scores.max(axis=-1, keepdims=True))
    low, high = np.full((*z.shape[:-1], 1), -1.0), np.zeros((*z.shape[:-1], 1))
    for _ in range(100):
        middle = (low + high) / 2
        total = (np.maximum(z - middle, 0) ** (1 / (alpha - 1))).sum(axis=-1, keepdims=True)
        low, high = np.where(total > 1, middle, low), np.where(total > 1, high, middle)
    return np.maximum(z - low, 0) ** (1 / (alpha - 1))


@pytest.mark.parametrize("alpha", [1.1, 1.4, 1.5, 2.0])
@pytest.mark.parametrize("n_classes", [2, 30, *LENGTHS])
@pytest.mark.parametrize("scale", [1e-3, 0.3, 3.0])
def test_probabilities_are_those_of_the_threshold(alpha, n_classes, scale):
    """From supports of everything to supports of a few, so that every share of a row is tried."""
    scores = scale * np.random.default_rng(n_classes).normal(size=(4, n_classes))
    p = entmax(scores, alpha)
    np.testing.assert_allclose(p, sorted_threshold(scores, alpha), atol=2e-14)
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-13)


@pytest.mark.parametrize("n_classes", [3, 500, 5000])
def test_sparsemax_is_the_projection_of_optax(n_classes):
    scores = np.random.default_rng(0).normal(size=(5, n_classes))
    with mf.x64():
        expected = jax.jit(jax.vmap(optax.projections.projection_simplex))(jnp.asarray(scores))
    np.testing.assert_allclose(sparsemax(scores), expected, atol=1e-14)


@pytest.mark.parametrize("shape", [(7, 2), (6, 700)])
def test_the_sparsemax_loss_is_that_of_optax(shape):
    rng = np.random.default_rng(1)
    scores, labels = 3 * rng.normal(size=shape), rng.integers(shape[1], size=shape[0])
    loss = mf.SparsemaxLoss()
    with mf.x64():
        given = jnp.asarray(scores), jnp.asarray(labels)
        theirs = optax.losses.multiclass_sparsemax_loss
        values = jax.jit(theirs)(*given)
        gradients = jax.jit(jax.grad(lambda scores: jnp.sum(theirs(scores, given[1]))))(given[0])
    np.testing.assert_allclose(loss(scores, labels), values, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(loss.gradient(scores, labels), gradients, atol=1e-14)
    if shape[1] == 2:
        with mf.x64():
            binary = jax.jit(optax.losses.sparsemax_loss)(given[0][:, 1] - given[0][:, 0], given[1])
        np.testing.assert_allclose(loss(scores, labels), binary, atol=1e-14)


@pytest.mark.parametrize("shape", [(50, 3), (6, 5000)])
def test_the_package_entmax_agrees(shape):
    reference = pytest.importorskip("entmax", reason="the package `entmax` is not installed")
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    scores, labels = 2 * rng.normal(size=shape), rng.integers(shape[1], size=shape[0])
    theirs = [
        (mf.SparsemaxLoss(), reference.sparsemax_loss),
        (mf.EntmaxLoss(1.5), reference.entmax15_loss),
        (mf.EntmaxLoss(1.25), functools.partial(reference.entmax_bisect_loss, alpha=1.25)),
    ]
    for loss, function in theirs:
        given = torch.tensor(scores, requires_grad=True)
        values = function(given, torch.tensor(labels))
        values.sum().backward()
        np.testing.assert_allclose(loss(scores, labels), values.detach().numpy(), atol=1e-12)
        np.testing.assert_allclose(loss.gradient(scores, labels), given.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.25, 1.5, 2.0, 3.0])
def test_derivatives_are_differences_in_both_modes(alpha):
    rng = np.random.default_rng(2)
    with mf.x64():
        scores, direction = jnp.asarray(rng.normal(size=(2, 8, 6)))
        function = jax.jit(functools.partial(entmax, alpha=alpha))
        forward = jax.jit(lambda s, d: jax.jvp(function, (s,), (d,))[1])(scores, direction)
        step = 1e-6 * direction
        differences = (function(scores + step) - function(scores - step)) / 2e-6
        np.testing.assert_allclose(forward, differences, atol=1e-8)
        backward = jax.jit(lambda s, d: jax.vjp(function, s)[1](d)[0])(scores, direction)
        # the Jacobian is symmetric
        np.testing.assert_allclose(backward, forward, atol=1e-14)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5, 2.0, 3.0])
def test_scores_of_minus_infinity_get_nothing(alpha):
    scores = np.array([[0.3, -np.inf, 0.1, 0.2]])
    expected = entmax(scores[:, [0, 2, 3]], alpha)
    np.testing.assert_allclose(entmax(scores, alpha)[:, [0, 2, 3]], expected, rtol=1e-15)
    assert entmax(scores, alpha)[0, 1] == 0
    with mf.x64():
        gradient = jax.jit(jax.grad(lambda s: jnp.sum(entmax(s, alpha) ** 2)))(jnp.asarray(scores))
    assert np.isfinite(gradient).all()


def test_dtypes_shapes_and_orders():
    scores = np.random.default_rng(0).normal(size=(2, 3, 5))
    for dtype in (np.float16, np.float32, np.float64):
        assert entmax(scores.astype(dtype)).dtype == dtype
        assert entmax(scores.astype(dtype)).shape == scores.shape
    assert isinstance(sparsemax(jnp.asarray(scores)), jax.Array)
    np.testing.assert_array_equal(sparsemax([3, 0]), [1.0, 0.0])
    for alpha in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="finite alpha > 0"):
            entmax(scores, alpha)


def long_problem(n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows in which the true class is lost among the others, leads a little, or is sure."""
    rng = np.random.default_rng(n_classes)
    scores, labels = 3 * rng.normal(size=(2, 3, n_classes)), rng.integers(n_classes, size=(2, 3))
    labels[1, 1:] = n_classes - 1, n_classes // 2
    for lead, index in zip((0.5, 0.0, 40.0), [(0, 1), (1, 1), (1, 2)], strict=True):
        scores[index][labels[index]] = scores[index].max() + lead
    return scores, labels


@every_long_loss
@pytest.mark.parametrize("n_classes", LENGTHS[:2])
def test_long_rows_give_what_margins_give(loss, n_classes):
    scores, labels = long_problem(n_classes)
    margins = relative_margins(scores, labels)
    values, slopes = loss.template(margins), loss.slope_value(margins)
    np.testing.assert_allclose(loss(scores, labels), values, rtol=1e-13, atol=1e-300)
    gradient = loss.gradient(scores, labels)
    others = np.arange(n_classes) != labels[..., None]
    np.testing.assert_allclose(
        gradient[others].reshape(*labels.shape, -1), -slopes, rtol=1e-10, atol=1e-300
    )
    own = np.take_along_axis(gradient, labels[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(own, slopes.sum(axis=-1), rtol=1e-11, atol=1e-300)
    with mf.x64():
        given = jnp.asarray(scores), jnp.asarray(labels)
        autodiff = jax.jit(jax.grad(lambda scores: jnp.sum(loss(scores, given[1]))))(given[0])
        np.testing.assert_allclose(autodiff, gradient, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("loss", [mf.CrossEntropy(), mf.EntmaxLoss(1.4)], ids=repr)
def test_long_rows_have_the_same_second_derivatives(loss):
    scores, labels = long_problem(LONG_ROW)
    rng = np.random.default_rng(0)
    with mf.x64():
        given, true = jnp.asarray(scores), jnp.asarray(labels)
        direction = jnp.asarray(rng.normal(size=scores.shape))

        def by_margins(scores):
            return jnp.sum(loss.template(relative_margins(scores, true)))

        def by_rows(scores):
            return jnp.sum(loss(scores, true))

        def product(function):
            return jax.jit(lambda s, d: jax.jvp(jax.grad(function), (s,), (d,))[1])

        def in_reverse(s, d):
            return jax.grad(lambda s: jnp.sum(jax.grad(by_rows)(s) * d))(s)

        expected = product(by_margins)(given, direction)
        products = [product(by_rows)(given, direction), jax.jit(in_reverse)(given, direction)]
    for found in products:
        np.testing.assert_allclose(found, expected, atol=1e-13)
