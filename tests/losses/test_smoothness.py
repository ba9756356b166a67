"""The smoothness constants: no Hessian in the scores exceeds them, and some come near."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import marginflow as mf

SMOOTH = {
    name: loss for name, loss in mf.registered_losses().items() if loss.smoothness(3) is not None
}


def adversarial_scores(n_classes: int) -> np.ndarray:
    """Any number of others tied at or near the true class's score, 0, the rest far below.

    Also one of them, and all of them, on a line through the tie, as some losses bend before it; and
    noise.
    """
    n_tied = np.arange(1, n_classes)[:, None]
    ties = np.where(np.arange(n_classes) <= n_tied, 0.0, -1e4)
    rng = np.random.default_rng(n_classes)
    near = (ties[:, None] + 0.1 * rng.normal(size=(5, n_classes))).reshape(-1, n_classes)
    noise = rng.normal(size=(200, n_classes)) * 10.0 ** rng.uniform(-2, 1.5, size=(200, 1))
    # and just beside a kink
    line = np.concatenate([np.linspace(-6, 6, 121), np.linspace(-6, 6, 121) + 1e-4])[:, None]
    others = np.arange(n_classes) > 0
    passing = [np.where(others & (tie == 0), line, tie) for tie in (ties[0], ties[-1])]
    return np.concatenate([ties, near, noise, *passing])


def largest_curvatures(loss: mf.Loss, scores: np.ndarray, label: int) -> np.ndarray:
    """The largest eigenvalue of the Hessian at each of the scores."""
    with mf.x64():
        hessian = jax.jit(jax.vmap(jax.hessian(lambda s: loss(s, jnp.asarray(label)))))
        return np.linalg.eigvalsh(np.asarray(hessian(jnp.asarray(scores))))[:, -1]


@pytest.mark.parametrize("name", SMOOTH)
def test_smoothness_is_the_largest_curvature_in_the_scores(name):
    """Of four classes; of two, see the next."""
    loss, n_classes = SMOOTH[name], 4
    curvatures = largest_curvatures(loss, adversarial_scores(n_classes), 0)
    assert curvatures.max() <= loss.smoothness(n_classes) * (1 + 1e-12)
    assert curvatures.max() >= loss.smoothness(n_classes) * 0.99


@pytest.mark.parametrize("name", SMOOTH)
def test_smoothness_of_one_binary_score_is_half_of_that_for_two(name):
    loss, data = SMOOTH[name], mf.Dataset(np.eye(2), [0, 1])
    margin_maps = mf.BinaryMargins(data), mf.MulticlassMargins(data)
    binary, double = (maps.score_smoothness(loss.smoothness(2)) for maps in margin_maps)
    assert binary == loss.smoothness(2) / 2
    assert double == loss.smoothness(2)
    with mf.x64():
        score = jnp.concatenate([jnp.zeros(1), jnp.linspace(-20, 20, 401)])
        second = jax.jit(jax.vmap(jax.grad(jax.grad(lambda s: loss(s, jnp.asarray(1))))))
        curvatures = np.asarray(second(score))
    assert curvatures.max() <= binary * (1 + 1e-12)
    assert curvatures.max() >= binary * 0.99


@pytest.mark.parametrize("name", mf.registered_losses())
def test_a_loss_without_a_constant_has_a_kink_or_grows_without_bound(name):
    loss = mf.get_loss(name)
    if loss.smoothness(3) is not None:
        return
    assert steepest_rise(loss, -10.0, 10.0) > 1e4 or steepest_rise(loss, -1e7, 0.0) > 1e4


def steepest_rise(loss: mf.Loss, low: float, high: float) -> float:
    """The difference quotient of a slope where it rises fastest, found by narrowing the range."""
    for _ in range(12):
        margins = np.linspace(low, high, 101)
        points = np.stack([margins, np.full_like(margins, 0.25)], axis=-1)
        slopes = loss.slope_value(points)[:, 0]
        rises = np.diff(np.where(np.isfinite(slopes), slopes, -1e300)) / np.diff(margins)
        steepest = int(np.argmax(rises))
        if rises[steepest] > 1e4:
            return float(rises[steepest])
        low, high = margins[steepest], margins[steepest + 1]
    return float(rises[steepest])
