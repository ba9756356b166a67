"""Weights of samples: an integer weight is a sample that stands there as many times."""

import numpy as np
import pytest

import marginflow as mf

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(7, 3)) + 4.0 * np.eye(3)[np.arange(7) % 3]
LABELS = np.arange(7) % 3
TIMES = np.array([1, 3, 1, 2, 1, 1, 4])
REPEATED = (np.repeat(FEATURES, TIMES, axis=0), np.repeat(LABELS, TIMES))


@pytest.mark.parametrize(
    ("optimizer", "reduction"), [("heavy-ball", "sum"), ("adam", "mean"), ("normalized-gd", "mean")]
)
def test_a_weight_is_a_number_of_copies(optimizer, reduction):
    optimizer = mf.get_optimizer(optimizer, learning_rate=0.01)
    run = {"steps": 40, "reduction": reduction, "norms": ["max"]}
    weighted = mf.train((FEATURES, LABELS), "cross-entropy", optimizer, sample_weight=TIMES, **run)
    repeated = mf.train(REPEATED, "cross-entropy", optimizer, **run)
    np.testing.assert_allclose(weighted.weights, repeated.weights, rtol=1e-12, atol=1e-14)
    for name in ("risk", "log_risk", "gradient_norm", "normalized_margin_max"):
        np.testing.assert_allclose(
            weighted.observables[name], repeated.observables[name], rtol=1e-12, err_msg=name
        )


@pytest.mark.parametrize("loss", ["cross-entropy", "multiclass-exponential"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_the_step_bound_is_that_of_copies(loss, reduction):
    initial = RNG.normal(size=(3, 3))
    data = (FEATURES, LABELS)
    weighted = mf.step_bound(data, loss, initial, reduction, sample_weight=TIMES)
    repeated = mf.step_bound(REPEATED, loss, initial, reduction)
    assert weighted.formula == repeated.formula
    assert weighted.value == pytest.approx(repeated.value, rel=1e-12)


def test_a_minibatch_has_the_weights_of_its_samples():
    unequal = np.array([1e-9, 1.0])
    data = mf.BinaryMargins(([[1.0, 0.0], [0.0, 1.0]], [0, 1]))
    run = mf.gradient_descent(
        data,
        "cross-entropy",
        learning_rate=1.0,
        steps=1,
        batch_size=1,
        replacement=True,
        sample_weight=unequal,
        reduction="mean",
    )
    # the mean over a batch of one divides its weight out
    assert np.abs(run.weights).max() == pytest.approx(0.5)


def test_an_exponential_tail_forgets_weights():
    data, weights = ([[1.0, 0.2], [-0.2, 1.0], [-3.0, -3.0]], [1, 1, 0]), [50.0, 1.0, 1.0]
    run = {
        "learning_rate": 0.01,
        "record": [2_000, 50_000],
        "record_weights": True,
        "steps": 50_000,
    }
    plain = mf.gradient_descent(data, "cross-entropy", **run).observables["weights"]
    weighted = mf.gradient_descent(data, "cross-entropy", sample_weight=weights, **run)
    moved = weighted.observables["weights"] - plain
    # training moves on along the limit, and the weights' share of where it is has come to rest
    further = np.linalg.norm(plain[1] - plain[0])
    assert np.linalg.norm(moved[0]) > 0.1 * further
    assert np.linalg.norm(moved[1] - moved[0]) < 0.05 * further


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0, 2.0], "expected 7 real numbers"),
        ([1, 1, 1, 0, 1, 1, 1], "0.0 for sample 3; leave a sample"),
        ([1, 1, 1, 1, 1, 1, np.inf], "inf for sample 6"),
        ([1, 1, 1, 1, 1, 1, np.nan], "nan for sample 6"),
        (["a"] * 7, "real numbers"),
    ],
)
def test_weights_that_are_none(weights, said):
    with pytest.raises(ValueError, match=said):
        mf.train((FEATURES, LABELS), "cross-entropy", mf.Adam(0.1), steps=1, sample_weight=weights)


def test_a_checkpoint_knows_its_weights(tmp_path):
    where = tmp_path / "run.npz"
    run = {"learning_rate": 0.1, "steps": 3, "checkpoint": where}
    data = (FEATURES, LABELS)
    mf.gradient_descent(data, "cross-entropy", sample_weight=TIMES, **run)
    with pytest.raises(mf.CheckpointError, match="weights"):
        mf.gradient_descent(data, "cross-entropy", resume=where, **run)
