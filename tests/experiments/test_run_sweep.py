"""Running a sweep: run by run what `train` gives, and the same bits however it was interrupted."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.experiments.sweeps import CLUSTERS, DESCENT, SIGN, same, small

import marginflow as mf
from marginflow.dynamics import driver, lanes
from marginflow.experiments import store

verb = importlib.import_module("marginflow.experiments.run_sweep")  # the verb has its name

# batched products may sum in another order: 300 steps of a few roundings each
RTOL = 1e-11


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sweeps") / "whole"


@pytest.fixture(scope="module")
def whole(folder):
    """The small sweep, uninterrupted."""
    return mf.run_sweep(small(), folder)


@pytest.fixture
def short_chunks(monkeypatch):
    """Many chunks, with a checkpoint after each."""
    monkeypatch.setattr(
        driver.Run, "learn", lambda self, steps, seconds: setattr(self, "budget", 90)
    )
    monkeypatch.setattr(lanes, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(lanes.time, "perf_counter", iter(range(10**6)).__next__)


def test_each_run_is_that_of_train(whole):
    sweep = small()
    for number, point in enumerate(sweep.points):
        if point.seed:
            continue
        data = sweep.datasets[point.data.label, point.seed]
        run = mf.train(
            data,
            point.loss.loss,
            point.optimizer.optimizer,
            steps=sweep.steps,
            record=sweep.record,
            initial=sweep.first_weights(point, (3, 3)),
            throw=False,
        )
        rows = whole.records[whole.records["run"] == number]
        assert set(rows["status"]) == {str(run.status)}
        np.testing.assert_array_equal(rows["step"], run.steps)
        for name, values in run.observables.items():
            np.testing.assert_allclose(rows[name], values, rtol=RTOL, err_msg=name)


def test_a_lane_that_diverges_leaves_the_others_alone(whole):
    ended = whole.runs.groupby("optimizer", sort=False)["status"].unique().map(list).to_dict()
    assert "diverged" in ended["gd learning_rate=1e+09"]
    assert ended["gd learning_rate=0.003"] == ["done"]
    alone = mf.run_sweep(small(optimizers={"name": "gd", "learning_rate": [0.003, 0.002]}))
    rows = whole.records[whole.records["optimizer"] == "gd learning_rate=0.003"]
    others = alone.records[alone.records["optimizer"] == "gd learning_rate=0.003"]
    assert len(rows) == len(others) > 0
    np.testing.assert_allclose(rows["log_risk"], others["log_risk"], rtol=RTOL)


def test_the_margin_fraction_is_over_the_certified_best(whole):
    sweep = small()
    for seed in sweep.seeds:
        limit = mf.max_margin(sweep.datasets["gaussian-clusters", seed])
        rows = whole.records[whole.records["seed"] == seed]
        expected = rows["margin"] / rows["weights_norm"] / limit.margin
        np.testing.assert_allclose(rows["margin_fraction_frobenius"], expected, rtol=1e-13)
    assert whole.records["margin_fraction_frobenius"].max() <= 1
    assert (whole.limits["status"] == "done").all()


def test_the_folder_says_all_of_itself(whole, folder):
    same(mf.load_sweep(folder), whole)
    for name in ("records", "runs", "limits"):
        read = pq.read_table(folder / f"{name}.parquet").to_pandas()
        assert read.equals(getattr(whole, name))
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["status"], manifest["config_hash"]) == ("done", small().hash)
    assert manifest["versions"]["marginflow"] == mf.__version__
    data = [small().datasets["gaussian-clusters", seed].hash for seed in (0, 1)]
    assert [each["hash"] for each in manifest["data"]] == data
    assert not list(folder.glob("**/*.npz"))
    assert not list(folder.glob("**/*.partial"))


def test_what_is_finished_is_not_run_again(whole, folder, monkeypatch):
    monkeypatch.setattr(verb, "run_batch", pytest.fail)
    monkeypatch.setattr(verb, "best_margin", pytest.fail)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("**/*.*")}
    same(mf.run_sweep(small(), folder), whole)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("**/*.*")} == before


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("late", [False, True])
def test_a_process_that_dies_at_any_write_loses_nothing(
    late, whole, folder, tmp_path, monkeypatch, short_chunks
):
    """Die before or after each rename in turn, and start again each time."""
    replace = os.replace
    alive, deaths = [0], 0

    def dying(source, target):
        if alive[0] == 0:
            if late:
                replace(source, target)
            raise Killed
        alive[0] -= 1
        replace(source, target)

    monkeypatch.setattr(os, "replace", dying)
    while True:
        # a life that dies late has done its last write, one that dies early needs another
        alive[0] = (not late) + deaths % 2
        try:
            found = mf.run_sweep(small(), tmp_path / "sweep")
            break
        except Killed:
            deaths += 1
            assert deaths < 200
    assert deaths > 5
    same(found, whole)
    assert found.manifest["status"] == "done"
    assert sorted(p.name for p in (tmp_path / "sweep").glob("**/*")) == sorted(
        p.name for p in folder.glob("**/*")
    )
    for name in ("records", "runs", "limits"):
        own, other = (where / f"{name}.parquet" for where in (tmp_path / "sweep", folder))
        assert own.read_bytes() == other.read_bytes()


def test_ctrl_c_keeps_what_was_done(whole, tmp_path, short_chunks):
    calls = []

    def progress(done, steps, message):
        calls.append((done, steps, message))
        if len(calls) == stop_at:
            os.kill(os.getpid(), signal.SIGINT)

    for call in (2, 3):
        calls.clear()
        stop_at = call
        stopped = mf.run_sweep(small(), tmp_path, progress=progress)
        assert stopped.status == "interrupted"
        assert store.Store(tmp_path).manifest()["status"] == "interrupted"
        assert len(stopped.runs) < 8
    stop_at = 0
    same(mf.run_sweep(small(), tmp_path, progress=progress), whole)
    assert calls[-1][:2] == (8 * 300, 8 * 300)
    assert [done for done, _, _ in calls] == sorted(done for done, _, _ in calls)


CHILD = """
import sys, time
import marginflow as mf
from marginflow.dynamics import driver, lanes
driver.Run.learn = lambda self, steps, seconds: setattr(self, "budget", 90)
lanes.SAVE_SECONDS = 0.0
mf.run_sweep(mf.read_sweep(sys.argv[1]), sys.argv[2], progress=lambda *at: time.sleep(0.3))
"""


def test_a_sweep_that_was_killed_ends_with_the_same_table(whole, tmp_path):
    from tests.experiments.test_toml_file import TEXT

    (tmp_path / "small.toml").write_text(TEXT)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "small.toml"), str(tmp_path / "sweep")],
        env=os.environ | {"PYTHONPATH": str(Path(mf.__file__).parents[1])},
    )
    deadline = time.monotonic() + 300
    while not list((tmp_path / "sweep").glob("batches/*.npz")):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(np.random.default_rng().uniform(0.0, 1.0))
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    same(mf.run_sweep(small(), tmp_path / "sweep"), whole)


def test_data_that_nothing_separates_are_said_and_the_rest_goes_on(whole):
    # the same shape, so that no other loop is compiled
    features = np.random.default_rng(0).standard_normal((12, 3))
    features[6:] = features[:6]
    mixed = mf.Dataset(features, np.arange(12) // 4, name="mixed")
    found = mf.run_sweep(small(data=[CLUSTERS | {"seed": 1}, mixed], optimizers=SIGN, seeds=1))
    assert found.status == "done"
    by_data = found.runs.set_index("data")
    assert set(by_data.loc["mixed", "limit"]) == {"not_separable"}
    assert set(by_data.loc["gaussian-clusters", "limit"]) == {"done"}
    assert by_data.loc["mixed", "margin_fraction_frobenius"].isna().all()
    assert by_data.loc["gaussian-clusters", "margin_fraction_frobenius"].notna().all()
    assert found.limits.set_index("data").loc["mixed", "margin_upper"] != 0


def test_a_folder_of_something_else_is_left_alone(whole, folder, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(mf.SweepError, match=r"it holds 'thesis\.tex'"):
        mf.run_sweep(small(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(mf.SweepError, match="holds another sweep: optimizers, steps differ"):
        mf.run_sweep(small(steps=299, optimizers=[DESCENT]), folder)
    with pytest.raises(mf.SweepError, match="no folder"):
        mf.run_sweep(small(), tmp_path / "thesis.tex")
    with pytest.raises(mf.SweepError, match="expected the folder of a sweep"):
        mf.load_sweep(tmp_path)


def test_two_processes_do_not_write_in_one_folder(whole, folder):
    with store.Store(folder).lock(), pytest.raises(mf.SweepError, match="another process"):
        mf.run_sweep(small(), folder)


def test_half_a_sweep_of_another_version_is_not_continued(tmp_path, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(verb, "best_margin", stop)
    assert mf.run_sweep(small(), tmp_path).status == "interrupted"
    monkeypatch.setattr(verb, "versions", lambda: store.versions() | {"jax": "0.0.1"})
    with pytest.raises(mf.SweepError, match=r"was begun with jax .* and this is 0\.0\.1"):
        mf.run_sweep(small(), tmp_path)


def test_a_batch_of_another_sweep_is_refused(whole, folder, tmp_path):
    sweep = mf.run_sweep(small(), tmp_path)
    batch = sweep.manifest["batches"][0]["id"]
    path = Path(tmp_path, "batches", f"{batch}.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(mf.SweepError, match="remove it, and the batch is run again"):
        mf.load_sweep(tmp_path)
    path.unlink()
    same(mf.run_sweep(small(), tmp_path), whole)
