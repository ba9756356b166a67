"""Checkpoints: the same bits after any interruption, and a clear word where there is none."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marginflow as mf
import marginflow.dynamics as dynamics
from marginflow.dynamics import checkpoint as files
from marginflow.dynamics import driver
from marginflow.dynamics.identity import map_identity

GENERATOR = np.random.default_rng(0)
FEATURES = GENERATOR.standard_normal((19, 3))
DATA = (FEATURES, (FEATURES @ GENERATOR.standard_normal((3, 3))).argmax(axis=1))
SETTINGS = {"learning_rate": 0.01, "momentum": 0.9, "batch_size": 4, "record_weights": True}


def same(one, two):
    assert (one.status, one.message) == (two.status, two.message)
    assert one.statistics == two.statistics
    np.testing.assert_array_equal(one.weights, two.weights)
    np.testing.assert_array_equal(one.steps, two.steps)
    for name, values in one.observables.items():
        np.testing.assert_array_equal(values, two.observables[name])


def stop_at(call):
    calls = []

    def progress(step, steps, message):
        calls.append(step)
        if len(calls) == call:
            raise KeyboardInterrupt

    return progress


@pytest.fixture
def short_chunks(monkeypatch):
    def learn(self, steps, seconds):
        self.budget = 37

    monkeypatch.setattr(driver._Run, "learn", learn)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "run.npz"


OPTIMIZERS = {
    "adam": optax.adam(0.01),
    "noise": optax.chain(optax.add_noise(0.1, 0.5, 3), optax.sgd(0.01)),
    "schedule": optax.sgd(optax.linear_schedule(0.1, 0.01, 500), momentum=0.9),
    "muon": mf.Muon(mf.inverse_sqrt(0.1), weight_decay=0.1),
}


@pytest.mark.parametrize("kind", ["heavy ball", *OPTIMIZERS])
def test_an_interrupted_run_goes_on_with_the_same_bits(kind, file, short_chunks):
    def run(**more):
        if kind == "heavy ball":
            return dynamics.gradient_descent(DATA, "cross-entropy", **SETTINGS, steps=1000, **more)
        optimizer = OPTIMIZERS[kind]
        more |= {"batch_size": 4, "replacement": True} if kind == "muon" else {}
        return dynamics.train(DATA, "cross-entropy", optimizer, steps=1000, **more)

    usual = run()
    for call in (1, 4, 9):
        stopped = run(progress=stop_at(call), checkpoint=file, resume=file)
        assert stopped.status == "interrupted"
    same(run(checkpoint=file, resume=file), usual)
    # finished: nothing is left to do
    same(run(progress=stop_at(1), checkpoint=file, resume=file), usual)


def test_a_finished_run_goes_on_to_more_steps(file):
    for steps in (0, 1, 137, 1000, 2500):
        run = dynamics.gradient_descent(
            DATA, "cross-entropy", **SETTINGS, steps=steps, checkpoint=file, resume=file
        )
        same(run, dynamics.gradient_descent(DATA, "cross-entropy", **SETTINGS, steps=steps))


@pytest.mark.parametrize(
    ("loss", "more"),
    [
        ("weston-watkins", {"learning_rate": 0.003}),
        ("polynomial", {"learning_rate": 0.3, "initial": np.eye(3)}),
    ],
)
def test_a_run_that_ended_by_itself_ends_so_again(loss, more, file):
    settings = {"steps": 10**6, "throw": False, **more}
    ended = dynamics.gradient_descent(DATA, loss, checkpoint=file, **settings)
    assert ended.steps[-1] < 10**6
    same(dynamics.gradient_descent(DATA, loss, resume=file, **settings), ended)


def test_resume_alone_reads_and_does_not_write(file):
    dynamics.gradient_descent(DATA, "cross-entropy", **SETTINGS, steps=100, checkpoint=file)
    before = file.read_bytes()
    dynamics.gradient_descent(DATA, "cross-entropy", **SETTINGS, steps=200, resume=file)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["run.npz"]


OTHER = {
    "data": {"data": (FEATURES[:, ::-1], DATA[1])},
    "loss": {"loss": "pair-log-loss"},
    "learning_rate": {"learning_rate": 0.02},
    "momentum": {"momentum": 0.5},
    "batch_size": {"batch_size": 5},
    "seed": {"seed": 1},
    "initial": {"initial": np.ones((3, 3))},
    "replacement": {"replacement": True},
    "norms": {"norms": ("max",)},
    "reduction": {"reduction": "mean"},
    "observables": {"record_weights": False},
    "record": {"record": dynamics.every(7)},
}


@pytest.mark.parametrize("what", OTHER)
def test_a_checkpoint_of_another_run_is_refused_by_name(what, file):
    usual = {"data": DATA, "loss": "cross-entropy", "steps": 100, **SETTINGS}
    dynamics.gradient_descent(**usual, checkpoint=file)
    with pytest.raises(dynamics.CheckpointError, match=what):
        dynamics.gradient_descent(**(usual | OTHER[what]), resume=file)


def test_another_optimizer_is_refused(file):
    dynamics.train(DATA, "cross-entropy", optax.adam(0.1), steps=5, checkpoint=file)
    with pytest.raises(dynamics.CheckpointError, match="optimizer"):
        dynamics.train(DATA, "cross-entropy", optax.adam(0.1, b1=0.8), steps=5, resume=file)
    # made anew, it is the same one
    dynamics.train(DATA, "cross-entropy", optax.adam(0.1), steps=5, resume=file)


def test_two_settings_of_a_map_are_told_apart():
    class Offset(mf.MarginMap):
        """Margins less a constant."""

        features: np.ndarray
        offset: float

        @property
        def homogeneity(self):
            return 1.0

        def margins(self, params):
            return (self.features @ params)[:, None] - self.offset

        def vjp(self, params, cotangent):
            return self.features.T @ cotangent[:, 0]

    assert map_identity(Offset(FEATURES, 0.1)) == map_identity(Offset(FEATURES.copy(), 0.1))
    assert map_identity(Offset(FEATURES, 0.1)) != map_identity(Offset(FEATURES, 0.2))
    assert map_identity(Offset(FEATURES, 0.1)) != map_identity(Offset(-FEATURES, 0.1))


def test_two_templates_of_one_name_are_told_apart(file):
    losses = [
        mf.TemplateLoss(lambda u, c=c: c * jnp.sum(jnp.exp(-u)), name="mine") for c in (1.0, 2.0)
    ]
    settings = {"learning_rate": 0.01, "steps": 5}
    dynamics.gradient_descent(DATA, losses[0], checkpoint=file, **settings)
    with pytest.raises(dynamics.CheckpointError, match="loss"):
        dynamics.gradient_descent(DATA, losses[1], resume=file, **settings)


def test_fewer_steps_than_were_made_are_refused(file):
    dynamics.gradient_descent(DATA, "cross-entropy", **SETTINGS, steps=100, checkpoint=file)
    with pytest.raises(dynamics.CheckpointError, match="step 100, beyond steps = 99"):
        dynamics.gradient_descent(DATA, "cross-entropy", **SETTINGS, steps=99, resume=file)


def test_a_missing_checkpoint_is_said_to_be_missing(file, tmp_path):
    settings = {"learning_rate": 0.01, "steps": 5}
    with pytest.raises(dynamics.CheckpointError, match="no checkpoint to resume"):
        dynamics.gradient_descent(DATA, "cross-entropy", resume=file, **settings)
    other = tmp_path / "other.npz"
    with pytest.raises(dynamics.CheckpointError, match="no checkpoint to resume"):
        dynamics.gradient_descent(DATA, "cross-entropy", checkpoint=other, resume=file, **settings)
    lost = tmp_path / "no" / "run.npz"
    with pytest.raises(dynamics.CheckpointError, match="make the folder first"):
        dynamics.gradient_descent(DATA, "cross-entropy", checkpoint=lost, **settings)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run.npz"
    dynamics.gradient_descent(DATA, "cross-entropy", **SETTINGS, steps=30, checkpoint=path)
    return path


def content(path):
    found = files.load_checkpoint(path)
    arrays = [*found.state, found.steps, *found.observables.values()]
    return found.identity, found.step, list(found.observables), [a.tolist() for a in arrays]


@given(at=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_damaged_file_is_refused_or_harmless(whole, at, flip):
    damaged = whole.with_name("damaged.npz")
    data = bytearray(whole.read_bytes())
    data[int(at * len(data))] ^= flip
    damaged.write_bytes(data)
    try:
        found = content(damaged)
    except dynamics.CheckpointError:
        return
    # the byte held no data but, say, a time stamp of the archive
    assert json.dumps(found) == json.dumps(content(whole))


@given(at=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(whole, at):
    damaged = whole.with_name("damaged.npz")
    damaged.write_bytes(whole.read_bytes()[: int(at * whole.stat().st_size)])
    with pytest.raises(dynamics.CheckpointError, match="damaged"):
        content(damaged)


def test_a_file_of_another_kind_or_format_is_refused(tmp_path):
    other = tmp_path / "other.npz"
    np.savez(other, a=np.zeros(3))
    with pytest.raises(dynamics.CheckpointError, match="damaged or something else"):
        files.load_checkpoint(other)
    head = np.frombuffer(json.dumps({"format": 99}).encode(), dtype=np.uint8)
    np.savez(other, head=head)
    with pytest.raises(dynamics.CheckpointError, match="format 1, got 99"):
        files.load_checkpoint(other)


def test_a_write_that_fails_leaves_the_checkpoint_as_it_was(file, monkeypatch):
    dynamics.gradient_descent(DATA, "cross-entropy", **SETTINGS, steps=50, checkpoint=file)
    before = file.read_bytes()

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        dynamics.gradient_descent(
            DATA, "cross-entropy", **SETTINGS, steps=90, checkpoint=file, resume=file
        )
    assert file.read_bytes() == before


KILLED = textwrap.dedent(
    """
    import sys
    import numpy as np
    import marginflow.dynamics as dynamics
    from marginflow.dynamics import driver

    driver.SAVE_SECONDS, driver.CHUNK_SECONDS = 0.0, 0.01
    features = np.load(sys.argv[1])["features"]
    labels = np.load(sys.argv[1])["labels"]
    run = dynamics.gradient_descent(
        (features, labels), "pair-log-loss", learning_rate=0.01, momentum=0.9, steps=10**12,
        checkpoint=sys.argv[2], resume=sys.argv[2],
    )
    print(run.status, run.steps[-1])
    """
)


def wait_for_the_next(path, process) -> None:
    """Until a checkpoint is written that is not there yet."""
    before = path.stat().st_mtime_ns if path.exists() else None
    deadline = time.monotonic() + 120
    while not path.exists() or path.stat().st_mtime_ns == before:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_killed_process_leaves_a_checkpoint_that_gives_the_same_bits(tmp_path):
    data, path, script = tmp_path / "data.npz", tmp_path / "run.npz", tmp_path / "script.py"
    labels = (FEATURES[:, 0] > 0).astype(int)  # separable: it would run on and on
    np.savez(data, features=FEATURES, labels=labels)
    script.write_text(KILLED)
    delays = np.random.default_rng().uniform(0.0, 0.4, size=3)
    made = [0]
    for which, delay in zip((signal.SIGKILL, signal.SIGKILL, signal.SIGINT), delays, strict=True):
        command = [sys.executable, script, data, path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                wait_for_the_next(path, process)
                time.sleep(delay)
                process.send_signal(which)
                said, _ = process.communicate(timeout=120)
            finally:
                process.kill()
        made.append(files.load_checkpoint(path).step)
    assert process.returncode == 0
    assert said.split() == ["interrupted", str(made[-1])]
    assert made == sorted(set(made))
    settings = {"learning_rate": 0.01, "momentum": 0.9, "steps": made[-1] + 1000}
    resumed = dynamics.gradient_descent(
        (FEATURES, labels), "pair-log-loss", resume=path, **settings
    )
    same(resumed, dynamics.gradient_descent((FEATURES, labels), "pair-log-loss", **settings))
