"""Laws of every registered optimizer, each against a plain NumPy loop of its formula."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.dynamics.optimizer_oracles import STEPS, loop
from tests.dynamics.oracles import SLOPES, multiclass_gradient

import marginflow as mf
from marginflow.dynamics.descent import Descent
from marginflow.dynamics.objective import MarginObjective

GENERATOR = np.random.default_rng(0)
FEATURES = GENERATOR.standard_normal((19, 4))
LABELS = (FEATURES @ GENERATOR.standard_normal((4, 3))).argmax(axis=1)
INITIAL = 0.1 * GENERATOR.standard_normal((4, 3))
SETTINGS = {"steepest": {"norm": "l3"}}
RATES = {"dual-momentum": 0.05, "prgd": 0.05, "gd": 0.01, "heavy-ball": 0.003, "nesterov": 0.003}


@pytest.fixture(params=mf.registered_optimizers())
def name(request):
    return request.param


def make(name, rate, **more):
    return mf.get_optimizer(name, learning_rate=rate, **SETTINGS.get(name, {}), **more)


def descent(optimizer):
    data = mf.MulticlassMargins((FEATURES, LABELS))
    objective = MarginObjective(data, mf.CrossEntropy(), scaled=optimizer.scale_free)
    return jax.tree.map(
        lambda leaf: jnp.asarray(leaf) if eqx.is_array(leaf) else leaf,
        Descent(objective, optimizer),
    )


@eqx.filter_jit
def carry(dynamics, state, first, last):
    return jax.lax.fori_loop(first, last, lambda *at: dynamics.step(*at), state)


def gradient(W):
    value = multiclass_gradient(FEATURES, LABELS, W, SLOPES["cross-entropy"])
    scores = FEATURES @ W
    others = np.array([[k for k in range(3) if k != label] for label in LABELS])
    own = scores[np.arange(len(LABELS)), LABELS][:, None]
    margins = own - np.take_along_axis(scores, others, axis=1)
    return value, -np.sum(SLOPES["cross-entropy"](margins))


def test_iterates_are_those_of_the_formula(name):
    rate = RATES.get(name, 0.01)
    steps = 1100 if name == "prgd" else 300
    with mf.x64():
        dynamics = descent(make(name, rate))
        state = carry(dynamics, dynamics.init(jnp.asarray(INITIAL)), 0, steps)
        ours = np.asarray(state.params)
    theirs = loop(name, gradient, INITIAL, rate, steps)[-1]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10 * np.max(np.abs(theirs)))


def test_every_optimizer_has_an_oracle():
    assert set(STEPS) == set(mf.registered_optimizers())
