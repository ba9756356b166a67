"""Lanes: what they see of each other is nothing, and each ends as it would alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import marginflow as mf
from marginflow.dynamics.arguments import check_batches
from marginflow.dynamics.descent import Descent
from marginflow.dynamics.lanes import drive_lanes, shape_of, stack
from marginflow.dynamics.objective import MarginObjective
from marginflow.dynamics.optimizers import as_optimizer
from marginflow.losses import get_loss
from marginflow.margins import as_linear_map

GENERATOR = np.random.default_rng(0)
FEATURES = GENERATOR.standard_normal((19, 3))
DATA = (FEATURES, (FEATURES @ GENERATOR.standard_normal((3, 3))).argmax(axis=1))
STEPS = 700
RECORD = [0, 3, 200, 650]


def to_device(tree):
    return jax.tree.map(lambda x: jnp.asarray(x) if isinstance(x, np.ndarray) else x, tree)


def run(loss, optimizers, firsts, batch_size=None):
    """All optimizers side by side from their first weights, with a seed each."""
    with mf.x64():
        maps = as_linear_map(DATA, "test")
        objective = to_device(MarginObjective(maps, get_loss(loss)))
        dynamics = [
            Descent(
                objective,
                to_device(as_optimizer(optimizer)),
                check_batches(maps, first, batch_size, seed, False),
            )
            for seed, (optimizer, first) in enumerate(zip(optimizers, firsts, strict=True))
        ]
        assert len({shape_of(each) for each in dynamics}) == 1
        lanes = stack(dynamics)
        state = lanes.init(jnp.asarray(np.array(firsts)))
        schedule = mf.dynamics.recording.as_schedule(RECORD, STEPS)
        return drive_lanes(lanes, state, steps=STEPS, schedule=schedule)


@pytest.mark.parametrize("kind", ["comes to rest", "keeps a key"])
def test_each_lane_is_a_run_of_its_own(kind):
    if kind == "comes to rest":
        loss, batch_size = "weston-watkins", None
        optimizers = [mf.get_optimizer("gd", learning_rate=rate) for rate in (1e-3, 0.03, 0.1)]
        ends = {"reached", "fixed"}
    else:
        loss, batch_size = "cross-entropy", 4
        noisy = optax.chain(optax.add_noise(0.1, 0.5, 3), optax.sgd(0.01))
        optimizers, ends = [as_optimizer(noisy)] * 3, {"reached"}
    firsts = [scale * np.eye(3) for scale in (0.0, 0.1, 0.2)]
    outcomes = run(loss, optimizers, firsts, batch_size)
    assert {str(outcome.end) for outcome in outcomes} == ends
    for seed, outcome in enumerate(outcomes):
        alone = mf.train(
            DATA,
            loss,
            optimizers[seed],
            steps=STEPS,
            initial=firsts[seed],
            record=RECORD,
            batch_size=batch_size,
            seed=seed,
            throw=False,
        )
        steps, columns = outcome.records.columns()
        np.testing.assert_array_equal(steps, alone.steps)
        for name, values in alone.observables.items():
            # a sum of slopes may cancel to rounding, hence the absolute part
            np.testing.assert_allclose(columns[name], values, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(outcome.position.state.params, alone.weights, rtol=1e-11)
