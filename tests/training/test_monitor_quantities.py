"""Quantities of a training as functions of arrays, against plain loops, closed forms and scipy."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import marginflow as mf
from marginflow.dynamics.matrix_completion import entropy_rank
from marginflow.training import monitor

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        # the mean of |a| where no bin has both signs: ten bins, so that 0 is an edge
        (np.linspace(-1, 1, 100_001), 0.5),
        (np.tanh(scipy.stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)), None),
        (np.tanh(5 * scipy.stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)), None),
    ],
)
def test_ten_bins_give_the_mean_size(outputs, expected):
    found = monitor.saturation_measure(outputs)
    assert found == pytest.approx(np.abs(outputs).mean(), abs=1e-12)
    if expected is not None:
        assert found == pytest.approx(expected, abs=1e-4)


def test_the_measure_follows_its_definition_bin_by_bin():
    outputs, bins = RNG.beta(0.5, 0.5, size=500), 7
    scaled = 2 * outputs - 1
    edges = np.linspace(-1, 1, bins + 1)
    total = 0.0
    for low, high in itertools.pairwise(edges):
        inside = scaled[(scaled >= low) & ((scaled < high) | (high == 1))]
        total += abs(inside.mean()) * len(inside) if len(inside) else 0.0
    found = monitor.saturation_measure(outputs.reshape(50, 10), 0.0, 1.0, bins=bins)
    assert found == pytest.approx(total / 500, rel=1e-12)


def test_the_share_beyond_and_dead_units_are_counts():
    outputs = RNG.uniform(0, 1, size=(30, 4))
    outputs[:, 2] = 0.0
    outputs[:-1, 3] = 0.0
    share = np.mean((outputs > 0.95) | (outputs < 0.05))
    assert monitor.saturated_share(outputs, 0.0, 1.0, beyond=0.9) == pytest.approx(share)
    np.testing.assert_array_equal(monitor.dead_units(outputs), [False, False, True, False])


def test_margins_are_those_of_a_loop():
    scores, labels = RNG.normal(size=(20, 4)), RNG.integers(4, size=20)
    margins = monitor.sample_margins(scores, labels)
    for row, label, found in zip(scores, labels, margins, strict=True):
        assert found == row[label] - max(np.delete(row, label))
    summary = monitor.margin_summary(margins)
    assert summary["margin"] == margins.min()
    assert summary["margin_q25"] == np.quantile(margins, 0.25)
    assert summary["margin_q95"] == np.quantile(margins, 0.95)
    assert summary["accuracy"] == np.mean(scores.argmax(axis=1) == labels)
    one = RNG.normal(size=9)
    np.testing.assert_array_equal(
        monitor.sample_margins(one, np.ones(9, int)), -monitor.sample_margins(one, np.zeros(9, int))
    )


def test_ranks_are_those_of_matrices():
    matrix = RNG.normal(size=(6, 4))
    values = np.linalg.svd(matrix, compute_uv=False)
    entropy = scipy.stats.entropy(values / values.sum())
    assert float(entropy_rank(values)) == pytest.approx(np.exp(entropy))
    assert float(mf.effective_rank(matrix)) == pytest.approx(np.exp(entropy))
    stable = np.linalg.norm(matrix) ** 2 / np.linalg.norm(matrix, 2) ** 2
    assert monitor.stable_rank(values) == pytest.approx(stable)
    assert np.isnan(monitor.stable_rank(np.zeros(3)))
    assert np.isnan(entropy_rank(np.zeros(3)))


def test_growth_is_a_line_in_log_time():
    log_time = np.sort(RNG.uniform(0, 9, size=12))
    norms = 3 + 0.7 * log_time + 0.1 * RNG.normal(size=12)
    line = scipy.stats.linregress(log_time, norms)
    found = monitor.log_growth(log_time, norms)
    assert found.slope == pytest.approx(line.slope, rel=1e-10)
    assert found.r_squared == pytest.approx(line.rvalue**2, rel=1e-10)
    assert np.isnan(monitor.log_growth(log_time[:2], norms[:2]).slope)


def test_the_recent_fall_looks_back_an_e_fold():
    steps, losses = np.array([0, 1, 3, 10, 32, 60]), np.array([5.0, 4.0, 3.0, 2.0, 1.0, 0.5])
    with np.errstate(divide="ignore"):
        log_time = np.log(steps)
    assert monitor.recent_fall(log_time, losses) == pytest.approx(1 - 0.5 / 2.0)
    assert monitor.recent_fall(log_time[:2], losses[:2]) == pytest.approx(1 - 4.0 / 5.0)
    assert np.isnan(monitor.recent_fall(log_time[1:2], losses[1:2]))


def records(**columns):
    rows = len(next(iter(columns.values())))
    return pd.DataFrame({"step": 3 * np.arange(rows), **columns})


ABOUT = {
    "activations": {"1": "Tanh", "3": "ReLU"},
    "weights": ["0", "2"],
    "beyond": 0.95,
}
TEN = np.ones(10)
FALLING = np.geomspace(1, 0.01, 10)


@pytest.mark.parametrize(
    ("columns", "name", "words"),
    [
        ({"loss": [*FALLING[:9], np.nan]}, "diverged", "since step"),
        ({"saturated/1": 0.41 * TEN, "derivative/1": 0.1 * TEN}, "saturated", "layer 1: 41%"),
        ({"dead/3": 0.5 * TEN}, "dead", "layer 3: 50%"),
        (
            {"gradient_to_weight/0": 1e-7 * TEN, "gradient_to_weight/2": TEN},
            "vanishing",
            "layer 0",
        ),
        ({"update_to_weight": 0.3 * TEN}, "large updates", "30%"),
        ({"gradient_dot_update": TEN, "momentum_cosine": TEN}, "uphill", "100%"),
        ({"eps_dominated": 0.7 * TEN, "eps": 1e-8 * TEN}, "eps dominated", "eps = 1e-08"),
        (
            {"loss": FALLING, "validation_loss": [*FALLING[:5], *(1 + TEN[:5])]},
            "overfitting",
            "stop there",
        ),
        ({"loss": [*FALLING[:3], *FALLING[2] * TEN[:7]]}, "plateau", "changed by 0.0%"),
        ({"margin": np.arange(10.0) - 4}, "separated", "since step"),
    ],
)
def test_each_rule_speaks_where_it_should_and_not_where_it_is_not_met(columns, name, words):
    found = monitor.find(records(**columns), ABOUT)
    assert [finding.name for finding in found] == [name]
    assert words in found[0].sentence
    calm = {key: 0.02 * TEN if key != "derivative/1" else TEN for key in columns}
    calm |= {"loss": FALLING} if "loss" in columns else {}
    calm |= {"margin": -TEN} if "margin" in columns else {}
    calm |= {"gradient_dot_update": -TEN} if "gradient_dot_update" in columns else {}
    assert monitor.find(records(**calm), ABOUT) == ()


def test_saturation_after_separation_and_loss_without_errors_harm_nothing():
    late = np.where(np.arange(10) > 6, 0.6, 0.1)
    columns = {"saturated/1": late, "derivative/1": 0.5 - late / 2}
    learned = records(**columns, accuracy=np.linspace(0.6, 1.0, 10) ** 0.1)
    assert [finding.harmful for finding in monitor.find(learned, ABOUT)] == [False]
    early = records(**columns, accuracy=np.linspace(0.3, 1.0, 10))
    assert [finding.harmful for finding in monitor.find(early, ABOUT)] == [True]
    sure = records(
        loss=FALLING,
        validation_loss=[*FALLING[:5], *(1 + TEN[:5])],
        validation_accuracy=0.9 * TEN,
    )
    assert [finding.harmful for finding in monitor.find(sure, ABOUT)] == [False]


def test_logarithms_of_losses_have_no_shares():
    """From -10 to -9.5 is no rise by a tenth, though -9.5 exceeds 1.1 times -10."""
    rising = [*np.linspace(0, -10, 5), *np.linspace(-9.9, -9.5, 5)]
    logs = records(loss=np.linspace(0, -20, 10), validation_loss=rising)
    assert monitor.find(logs, ABOUT) == ()


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"update_to_weight": 0.3 * TEN}, "large updates"),
        ({"gradient_dot_update": TEN, "momentum_cosine": TEN}, "uphill"),
    ],
)
def test_a_last_record_without_its_update_hides_nothing(columns, name):
    columns = {key: [*value, *value, np.nan] for key, value in columns.items()}
    assert [finding.name for finding in monitor.find(records(**columns), ABOUT)] == [name]


class Tracker:
    """Stands for a tracker's writer, run or client."""

    def __init__(self):
        self.seen = []

    def add_scalar(self, name, value, step):
        self.seen.append((step, name, value))

    def log(self, metrics, step):
        self.seen += [(step, *item) for item in metrics.items()]

    log_metrics = log


@pytest.mark.parametrize(
    "make", [monitor.to_tensorboard, monitor.to_wandb, monitor.to_mlflow], ids=lambda f: f.__name__
)
def test_trackers_get_what_is_finite(make):
    tracker = Tracker()
    make(tracker)({"step": 3, "log_time": -np.inf, "loss": 0.5, "phi/1": np.nan})
    assert tracker.seen == [(3, "step", 3), (3, "loss", 0.5)]


def test_mlflow_gets_no_name_that_is_also_a_folder():
    tracker = Tracker()
    monitor.to_mlflow(tracker)({"step": 1, "update_to_weight": 0.1, "update_to_weight/0": 0.2})
    assert tracker.seen == [
        (1, "step", 1),
        (1, "update_to_weight/model", 0.1),
        (1, "update_to_weight/0", 0.2),
    ]


@pytest.mark.parametrize(
    ("make", "package"), [(monitor.to_wandb, "wandb"), (monitor.to_mlflow, "mlflow")]
)
def test_a_tracker_that_is_not_there_is_named(make, package, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ImportError, match=f"needs the package {package}, which is not installed"):
        make()


def test_a_file_grows_and_is_read_while_it_does(tmp_path, monkeypatch):
    sink = monitor.to_parquet(tmp_path / "run")
    (tmp_path / "run" / "run.json").write_text(json.dumps(ABOUT))
    with pytest.raises(mf.DataError, match=r"expected a folder with run\.json and records"):
        monitor.load_run(tmp_path / "run")
    monkeypatch.setattr(monitor.sinks, "EVERY_SECONDS", -1.0)
    sink({"step": 0, "loss": 1.0})
    assert monitor.load_run(tmp_path / "run").records["loss"].tolist() == [1.0]
    sink({"step": 1, "loss": 0.5, "margin": 2.0})
    found = monitor.load_run(tmp_path / "run")
    assert found.records["loss"].tolist() == [1.0, 0.5]
    assert [finding.name for finding in found.findings] == ["separated"]
