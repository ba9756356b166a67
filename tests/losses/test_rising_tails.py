"""Losses whose slopes turn positive in the tail: what follows margins to infinity refuses them."""

import numpy as np
import pytest

import marginflow as mf

DATA = mf.gaussian_clusters(seed=0, n_samples=15, n_features=4, noise=0.2)


@pytest.mark.parametrize(
    ("verb", "error"),
    [
        (lambda loss: mf.gradient_flow(DATA, loss, log_time=10.0), ValueError),
        (
            lambda loss: mf.fast_forward(DATA, loss, learning_rate=0.1, steps=10**50),
            ValueError,
        ),
        (lambda loss: mf.asymptote(DATA, loss), mf.MarginflowError),
    ],
    ids=["gradient_flow", "fast_forward", "asymptote"],
)
def test_rising_tails_are_refused_with_the_reason(verb, error):
    words = "slopes of LeeLinWahba turn positive however large the margins are.*gradient_descent"
    with pytest.raises(error, match=words):
        verb("lee-lin-wahba")


def test_gradient_descent_comes_to_rest_with_them():
    loss = mf.get_loss("lee-lin-wahba")
    run = mf.gradient_descent(DATA, loss, learning_rate=0.01, steps=2000)
    assert run.status == "done"
    assert "every slope is zero" in run.message
    assert np.all(loss(DATA.features @ run.weights, DATA.labels) == 0)


def test_with_two_classes_the_tail_is_finite():
    assert mf.get_loss("lee-lin-wahba").tail(2).kind == "finite"
    with pytest.raises(ValueError, match="continuous slope"):
        mf.fast_forward(mf.soudry_toy(), "lee-lin-wahba", learning_rate=0.1, steps=10**50)
