"""The specification: what it means, what it refuses, and that its draws follow from names alone."""

import numpy as np
import optax
import pytest
from tests.experiments.sweeps import CLUSTERS, DESCENT, SIGN, small

import marginflow as mf
from marginflow.experiments.seeds import derive_seed


def drawn(sweep):
    """What each run meets, by its axes: data, first weights, minibatches."""
    return {
        (point.data.label, point.loss.label, point.optimizer.label, point.seed): (
            sweep.datasets[point.data.label, point.seed].hash,
            sweep.first_weights(point, (3, 3)).tobytes(),
            sweep.drawn("batches", point),
        )
        for point in sweep.points
    }


def test_adding_to_an_axis_changes_no_draw_of_what_was_there():
    before = drawn(small(optimizers=SIGN, seeds=[5]))
    more = small(
        data=["soudry-toy", CLUSTERS],
        optimizers=[{"name": "adam", "learning_rate": 0.1}, DESCENT, SIGN],
        losses=["focal", "multiclass-exponential"],
        seeds=[3, 5],
    )
    after = drawn(more)
    assert before == {key: after[key] for key in before}


def test_optimizers_and_losses_are_compared_on_equal_draws():
    sweep = small(losses=["cross-entropy", "multiclass-exponential"], seeds=1)
    assert len(set(drawn(sweep).values())) == 1


def test_each_seed_and_each_sweep_draws_anew():
    runs = [*drawn(small(seeds=3)).values()]
    others = [*drawn(small(seeds=3, seed=1)).values()]
    for column in range(3):
        assert len({run[column] for run in runs + others}) == 6


def test_what_has_a_seed_of_its_own_is_the_same_under_all():
    sweep = small(data=[CLUSTERS | {"seed": 4}, "wine"], seeds=2)
    for label in ("gaussian-clusters", "wine"):
        assert sweep.datasets[label, 0] is sweep.datasets[label, 1]
    settings = {key: value for key, value in CLUSTERS.items() if key != "name"}
    assert sweep.datasets["gaussian-clusters", 0] == mf.gaussian_clusters(4, **settings)


def test_derived_seeds_are_even():
    bits = [derive_seed(0, "data", seed=seed) for seed in range(4000)]
    # 32 means of 4000 fair bits, each within 5 deviations of 1/2
    means = np.unpackbits(np.array(bits, dtype=">u4").view(np.uint8)).reshape(-1, 32).mean(axis=0)
    assert np.all(np.abs(means - 0.5) < 5 * 0.5 / np.sqrt(4000))


def test_a_list_of_values_is_one_optimizer_for_each():
    sweep = small()
    assert [entry.label for entry in sweep.optimizers] == [
        "gd learning_rate=0.003",
        "gd learning_rate=1e+09",
        "sign schedule=constant",
        "sign schedule=inverse-sqrt",
    ]
    assert float(sweep.optimizers[0].optimizer.learning_rate) == 0.003
    schedule = sweep.optimizers[3].optimizer.learning_rate
    np.testing.assert_allclose([schedule(0), schedule(8)], [0.03, 0.01], rtol=1e-15)


def test_objects_are_taken_with_their_labels():
    pair = ([[1.0, 0.0], [0.0, 1.0]], [0, 1])
    sweep = mf.Sweep(
        data=[mf.soudry_toy(), {"label": "two points", "data": pair}],
        optimizers=[{"label": "mine", "optimizer": optax.sgd(0.1)}, mf.Adam(0.1)],
        losses=[{"label": "steep", "loss": mf.PolynomialLoss(degree=7.0)}, mf.CrossEntropy()],
        steps=1,
    )
    assert [entry.label for entry in sweep.data] == ["soudry_toy(0)", "two points"]
    assert [entry.label for entry in sweep.optimizers] == ["mine", "Adam"]
    assert sweep.losses[0].label == "steep"


CHANGES = {
    "data": {"data": CLUSTERS | {"noise": 0.21}},
    "losses": {"losses": "cross-entropy"},
    "optimizers": {"optimizers": [DESCENT]},
    "seeds": {"seeds": 3},
    "steps": {"steps": 301},
    "record": {"record": "log:6"},
    "norms": {"norms": ["max"]},
    "initial": {"initial": 0.2},
    "batch_size": {"batch_size": 5},
    "replacement": {"batch_size": 5, "replacement": True},
    "reduction": {"reduction": "mean"},
    "seed": {"seed": 1},
}


def test_the_hash_tells_sweeps_apart_and_is_their_own():
    hashes = [small().hash, *(small(**change).hash for change in CHANGES.values())]
    assert len(set(hashes)) == len(CHANGES) + 1
    assert small(name="another").hash == small().hash


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": "wien"}, "'wien' is not a data set; did you mean 'wine'"),
        ({"data": {"name": "wine", "samples": 3}}, "'samples' is not a key.*standardize"),
        ({"losses": "hinge-loss"}, "'hinge-loss' is not a loss.*cross-entropy"),
        ({"optimizers": {"name": "adm"}}, "'adm' is not an optimizer; did you mean 'adam'"),
        ({"optimizers": {"name": "gd"}}, "learning_rate"),
        ({"optimizers": {"name": "gd", "learning_rate": -1}}, "above 0"),
        ({"optimizers": {"name": "gd", "rate": 1}}, "'rate' is not a key.*learning_rate"),
        ({"optimizers": SIGN | {"schedule": "cosine"}}, "'cosine' is not a schedule"),
        ({"optimizers": []}, "at least one"),
        ({"optimizers": SIGN | {"learning_rate": []}}, "empty list"),
        ({"optimizers": [SIGN, SIGN]}, "two entries are called 'sign schedule=constant'"),
        ({"norms": "spectrl"}, "'spectrl' is not a norm; did you mean 'spectral'"),
        ({"norms": ["max", "max"]}, "each once"),
        ({"steps": 0}, "at least 1"),
        ({"steps": 2.5}, "whole number"),
        ({"seeds": [1, 1]}, "each once"),
        ({"seeds": True}, "whole number"),
        ({"record": "log"}, "log:N"),
        ({"record": [1, 301]}, "from 0 to steps"),
        ({"initial": -0.1}, "at least 0"),
        ({"reduction": "max"}, "'sum' or 'mean'"),
        ({"replacement": 1}, "true or false"),
    ],
)
def test_what_is_wrong_is_said(change, words):
    with pytest.raises(mf.SweepError, match=words):
        small(**change)
