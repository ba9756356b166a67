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
    """Ties between the true class, 0, and any number of others, the rest far below; and noise."""
    n_tied = np.arange(1, n_classes)[:, None]
    ties = np.where(np.arange(n_classes) <= n_tied, 0.0, -40.0)
    rng = np.random.default_rng(n_classes)
    near = (ties[:, None] + 0.1 * rng.normal(size=(5, n_classes))).reshape(-1, n_classes)
    noise = rng.normal(size=(200, n_classes)) * 10.0 ** rng.uniform(-2, 1.5, size=(200, 1))
    return np.concatenate([ties, near, noise])


def largest_curvatures(loss: mf.Loss, scores: np.ndarray, label: int) -> np.ndarray:
    """The largest eigenvalue of the Hessian at each of the scores."""
    with mf.x64():
        hessian = jax.jit(jax.vmap(jax.hessian(lambda s: loss(s, jnp.asarray(label)))))
        return np.linalg.eigvalsh(np.asarray(hessian(jnp.asarray(scores))))[:, -1]


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_smoothness_is_the_largest_curvature_in_the_scores(name, n_classes):
    loss = SMOOTH[name]
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
        second = jax.vmap(jax.grad(jax.grad(lambda s: loss(s, jnp.asarray(1)))))
        curvatures = np.asarray(second(score))
    assert curvatures.max() <= binary * (1 + 1e-12)
    assert curvatures.max() >= binary * 0.99


@pytest.mark.parametrize("name", mf.registered_losses())
def test_a_loss_without_a_constant_has_a_kink_or_grows_without_bound(name):
    loss = mf.get_loss(name)
    if loss.smoothness(3) is not None:
        return
    steps = 10.0 ** -np.arange(1, 7)
    growth = [
        np.ptp(loss.slope_value(np.array([[at - step, 5.0], [at + step, 5.0]]))[:, 0]) / (2 * step)
        for at, step in [(1.0, step) for step in steps] + [(-1 / step, 0.1) for step in steps[:2]]
    ]
    assert max(growth) > 1e4
