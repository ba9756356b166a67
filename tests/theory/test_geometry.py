"""What the probe says of optimizers whose formulas are known."""

import jax.numpy as jnp
import optax
import pytest

from marginflow.theory import probe_optimizer


def spectral(learning_rate: float) -> optax.GradientTransformation:
    """A user's own: the polar factor of the gradient, by its definition."""

    def update(gradient, params):
        left, _, right = jnp.linalg.svd(gradient, full_matrices=False)
        # the classes' gradients sum to zero, so that the last pair of vectors is noise
        return -learning_rate * left[:, :-1] @ right[:-1]

    return optax.stateless(update)


@pytest.mark.parametrize(
    ("optimizer", "early", "late", "power"),
    [
        (optax.sgd(0.1, 0.9, nesterov=True), "frobenius", "frobenius", 1.0),
        (optax.adam(1e-3, eps=0.0), "max", "max", 0.0),
        (optax.adam(1e-3, b2=0.9999), "max", "frobenius", 0.0),
        (optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1)), "frobenius", "frobenius", 0),
        (spectral(0.1), "spectral", "spectral", 0.0),
    ],
    ids=["nesterov", "adam-0", "adam", "clipped", "spectral"],
)
def test_geometry_is_that_of_the_formula(optimizer, early, late, power):
    found = probe_optimizer(optimizer)
    assert found.forgets
    assert (found.early.norm.name, found.late.norm.name) == (early, late)
    assert found.early.one_minus_cos == 0 == found.late.one_minus_cos
    assert found.early.power == pytest.approx(power, abs=1e-6)
    assert found.weight_decay == 0


def test_takeover_is_where_steps_are_half_as_long():
    # √v + ε is 2√v at √v = ε; under the root, √(v + ε) is at v = ε/3
    assert probe_optimizer(optax.adam(1e-3, eps=1e-6)).eps == pytest.approx(1e-6, rel=1e-9)
    root = probe_optimizer(optax.rmsprop(1e-3, decay=0.99, eps=3e-12))
    assert root.eps == pytest.approx(1e-6, rel=1e-9)


def test_what_never_forgets_has_no_geometry_of_its_own():
    found = probe_optimizer(optax.adagrad(0.1))
    assert not found.forgets
    assert found.early.norm is None is found.late.norm
    assert found.eps == 0


def test_weight_decay_is_measured():
    found = probe_optimizer(optax.lion(1e-3, weight_decay=0.5))
    assert found.weight_decay == pytest.approx(5e-4, rel=1e-9)
    assert found.early.norm.name == "max"


def test_steps_that_vanish_have_no_geometry():
    found = probe_optimizer(optax.sgd(optax.linear_schedule(0.1, 0.0, 1000)))
    assert found.early.norm is None is found.late.norm
    assert found.eps == 0
