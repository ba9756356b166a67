"""Robust margins against the worst of many perturbations, and their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import marginflow as mf
from marginflow.dynamics.identity import map_identity

NORMS = {"max": np.inf, "l2": 2.0, "l1": 1.0, "l3": 3.0}
RADIUS = 0.3


def problem(n_classes):
    rng = np.random.default_rng(n_classes)
    data = mf.Dataset(rng.normal(size=(9, 4)), np.arange(9) % n_classes)
    shape = (4, n_classes) if n_classes > 2 else (4,)
    return data, rng.normal(size=shape), rng.normal(size=(9, n_classes - 1)), rng


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("norm", NORMS)
def test_they_are_the_least_margins_within_the_ball(norm, n_classes):
    data, weights, _, rng = problem(n_classes)
    maps, linear = mf.RobustMargins(data, RADIUS, norm), mf.margins.as_linear_map(data, "a test")
    robust, p = maps.margins(weights), NORMS[norm]
    table = np.column_stack([0 * weights, weights]) if n_classes == 2 else weights
    for i, (x, label) in enumerate(zip(data.features, data.labels, strict=True)):
        for column, k in enumerate(k for k in range(n_classes) if k != label):
            z = table[:, label] - table[:, k]
            attacks = rng.normal(size=(300, 4))
            # the gradient of the dual norm, by hand, reaches the least margin
            power = 1 / (p - 1) if p > 1 else 0.0
            attacks[0] = -np.sign(z) * np.abs(z) ** power
            attacks[0] *= (np.abs(z) == np.abs(z).max()) if p == 1 else 1.0
            attacks *= RADIUS / np.linalg.norm(attacks, p, axis=1, keepdims=True)
            left = (x + attacks) @ z
            assert left.min() >= robust[i, column] - 1e-12
            assert left[0] == pytest.approx(robust[i, column], abs=1e-12)
    np.testing.assert_allclose(maps.margins(5 * weights), 5 * robust, rtol=1e-12)
    np.testing.assert_allclose(maps.take(np.array([4, 0])).margins(weights), robust[[4, 0]])
    assert np.all(mf.RobustMargins(data, 0.0, norm).margins(weights) == linear.margins(weights))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("norm", NORMS)
def test_the_gradient_is_that_of_finite_differences_and_jax_agrees(norm, n_classes):
    data, weights, cotangent, _ = problem(n_classes)
    maps = mf.RobustMargins(data, RADIUS, norm)
    pulled = maps.vjp(weights, cotangent)
    assert type(pulled) is np.ndarray
    for index in np.ndindex(*weights.shape):
        step = np.zeros_like(weights)
        step[index] = 1e-6
        change = maps.margins(weights + step) - maps.margins(weights - step)
        assert np.sum(cotangent * change) / 2e-6 == pytest.approx(pulled[index], abs=1e-7)
    with mf.x64():
        held = jax.tree.map(jnp.asarray, maps)
        in_jax = jax.jit(lambda w, c: held.vjp(w, c))(jnp.asarray(weights), jnp.asarray(cotangent))
        np.testing.assert_allclose(in_jax, pulled, rtol=1e-12, atol=1e-13)


def test_the_supergradient_at_zero_is_that_of_the_linear_margins():
    data, weights, cotangent, _ = problem(3)
    at_zero = mf.RobustMargins(data, RADIUS).vjp(0 * weights, cotangent)
    np.testing.assert_allclose(at_zero, mf.MulticlassMargins(data).adjoint(cotangent), rtol=1e-12)


def test_training_on_them_raises_the_robust_margin():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(12, 3))
    features[:, 0] += np.where(np.arange(12) % 2, 3.0, -3.0)
    maps = mf.RobustMargins((features, np.arange(12) % 2), 0.2, "max")
    run = mf.train(maps, "cross-entropy", mf.NormalizedGD(0.1), steps=50)
    margins = run.observables["normalized_margin"]
    assert margins[-1] > margins[1]
    assert margins[-1] == pytest.approx(
        maps.margins(run.weights).min() / np.linalg.norm(run.weights), rel=1e-9
    )
    with pytest.raises(ValueError, match=r"initial: expected shape \(3,\), got \(4,\)"):
        mf.train(maps, "cross-entropy", mf.NormalizedGD(0.1), steps=5, initial=np.zeros(4))


def test_a_checkpoint_tells_other_perturbations_and_other_maps_apart():
    data = problem(2)[0]
    maps = [
        mf.RobustMargins(data, 0.3, "max"),
        mf.RobustMargins(data, 0.3, "l1"),
        mf.RobustMargins(data, 0.2, "max"),
        mf.RobustMargins(mf.MulticlassMargins(data), 0.3, "max"),
        mf.BinaryMargins(data),
    ]
    assert len({map_identity(each) for each in maps}) == len(maps)
    assert map_identity(mf.RobustMargins(data, 0.3)) == map_identity(maps[0])


def test_what_is_out_of_range_is_refused():
    data = (np.eye(2), [0, 1])
    with pytest.raises(ValueError, match="radius: expected a finite number from 0 on, got -1"):
        mf.RobustMargins(data, -1)
    with pytest.raises(ValueError, match="norm: expected a p-norm of a sample's features"):
        mf.RobustMargins(data, 1, "spectral")
    with pytest.raises(TypeError, match="RobustMargins expects margins that are linear"):
        mf.RobustMargins(mf.RobustMargins(data, 1), 1)
    with pytest.raises(TypeError, match=r"gradient_flow expects.*got RobustMargins"):
        mf.gradient_flow(mf.RobustMargins(data, 1), "cross-entropy", log_time=1.0)
