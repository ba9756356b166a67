"""What is predicted of optimizers: by their class, by their steps, and with the data's limits."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import marginflow as mf
from marginflow.dynamics.optimizers import get_optimizer, registered_optimizers
from marginflow.norms import as_norm
from marginflow.theory import probe_optimizer
from marginflow.theory.optimizer_limits import WATCHED, optimizer_limit

SETTINGS = {"steepest": {"norm": "feature_l2"}}
# Their steps depend on the weights, or on more than the gradient, so that the probe is no judge.
BY_CLASS = {"mirror", "prgd", "dual-momentum", "loss-based-gd"}
WATCHABLE = sorted(set(registered_optimizers()) - BY_CLASS - {"muon-exact"})


def made(name: str):
    return get_optimizer(name, learning_rate=0.1, **SETTINGS.get(name, {}))


@pytest.mark.parametrize("name", registered_optimizers())
def test_every_optimizer_has_a_limit_with_a_source(name):
    found = optimizer_limit(made(name))
    assert found.source not in ("", WATCHED)
    assert found.statement
    assert found.rate
    if found.before is not None:
        assert found.eps > 0


@pytest.mark.parametrize("name", WATCHABLE)
def test_what_the_class_says_is_what_the_steps_show(name):
    said, seen = optimizer_limit(made(name)), probe_optimizer(made(name))
    if seen.weight_decay or not seen.forgets:
        assert said.norm is None
        return
    assert said.norm == seen.late.norm
    assert (said.before or said).norm == seen.early.norm
    assert said.eps == pytest.approx(seen.eps, rel=1e-3)


def test_descent_on_the_logarithm_of_the_loss_is_known_by_its_class():
    """Its steps try the loss, and cannot be watched; tests/dynamics run it to its limit."""
    found = mf.predict_limit(mf.LossBasedGD(), "cross-entropy")
    assert (found.norm, found.rate) == ("frobenius", "1/t")
    assert found.source != WATCHED


def test_unknown_optimizer_is_judged_by_its_steps():
    by_columns = optax.stateless(
        lambda gradient, _: -0.1 * gradient / jnp.linalg.norm(gradient, axis=0)
    )
    found = mf.predict_limit(by_columns, "cross-entropy")
    assert (found.norm, found.source) == ("class_l2", WATCHED)


def test_optax_adam_is_that_of_ours():
    ours, theirs = (
        mf.predict_limit(adam, "cross-entropy")
        for adam in (mf.Adam(1e-3, eps=1e-6), optax.adam(1e-3, eps=1e-6))
    )
    assert ours.norm == theirs.norm == "frobenius"
    assert ours.before.norm == theirs.before.norm == as_norm("max")
    assert theirs.eps == pytest.approx(1e-6, rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        ("weston-watkins", "end at a finite margin"),
        ("polynomial", "polynomial_limit"),
        ("label-smoothing", "turn positive"),
    ],
)
def test_the_tail_decides_whether_a_margin_is_maximized(loss, says):
    found = mf.predict_limit(mf.HeavyBall(0.1), loss)
    assert found.norm is None
    assert says in found.problem


def test_rate_follows_the_schedule():
    rates = [
        mf.predict_limit(mf.NormalizedGD(rate), "cross-entropy").rate
        for rate in (mf.inverse_sqrt(0.1), 0.1)
    ]
    assert rates == ["log t/√t", "1/t"]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_learning_rate_beyond_the_bound_is_flagged(momentum):
    data = mf.soudry_toy()
    bound = mf.step_bound(data, "cross-entropy").value * (1 + momentum)
    below, above = (
        mf.predict_limit(mf.HeavyBall(share * bound, momentum), "cross-entropy", data)
        for share in (0.99, 1.01)
    )
    assert (below.beyond_bound, above.beyond_bound) == (False, True)
    assert not any("edge of stability" in words for words in below.breaks)
    assert any("edge of stability" in words for words in above.breaks)


def test_limit_is_that_of_the_data_and_the_throttle_has_its_margin():
    data = mf.soudry_toy()
    found = mf.predict_limit(mf.Adam(0.01, eps=0), "cross-entropy", data)
    assert found.limit.norm == "max"
    # ŵ = (1/2, 1/2) in every symmetric norm here, so that γ = 1/‖ŵ‖_max = 2
    assert found.limit.margin == pytest.approx(2.0, rel=1e-8)
    assert found.throttle.unthrottled == pytest.approx(0.02, rel=1e-8)


def test_nothing_separates_is_said():
    rng = np.random.default_rng(0)
    data = (rng.standard_normal((40, 2)), rng.integers(0, 2, 40))
    with pytest.raises(mf.NotSeparableError):
        mf.predict_limit(mf.SignDescent(0.1), "cross-entropy", data)


def test_what_is_no_optimizer_is_refused():
    with pytest.raises(TypeError, match="expected an optimizer of marginflow"):
        mf.predict_limit("adam", "cross-entropy")
