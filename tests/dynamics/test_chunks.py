"""Where chunks end must not change a bit; an interruption must lose nothing."""

import itertools
import signal
import threading

import numpy as np
import pytest
from tests.dynamics.oracles import SLOPES, descend

import marginflow.dynamics as dynamics
from marginflow.dynamics import driver
from marginflow.dynamics.interrupts import deferred_interrupt

GENERATOR = np.random.default_rng(0)
FEATURES = GENERATOR.standard_normal((19, 3))
DATA = (FEATURES, (FEATURES @ GENERATOR.standard_normal((3, 3))).argmax(axis=1))


def same(one, two):
    assert one.status == two.status
    assert one.message == two.message
    assert one.statistics == two.statistics
    np.testing.assert_array_equal(one.weights, two.weights)
    np.testing.assert_array_equal(one.steps, two.steps)
    assert one.observables.keys() == two.observables.keys()
    for name, values in one.observables.items():
        np.testing.assert_array_equal(values, two.observables[name])


@pytest.fixture
def random_chunks(monkeypatch):
    """Chunks of random lengths, from one step on."""

    def use(seed):
        lengths = np.random.default_rng(seed)

        def learn(self, steps, seconds):
            self.budget = int(np.exp(lengths.uniform(0, 8)))

        monkeypatch.setattr(driver.Run, "learn", learn)

    return use


RUNS = {
    "plain": ("cross-entropy", {"learning_rate": 0.01, "steps": 30_000}),
    "minibatches": (
        "pair-log-loss",
        {"learning_rate": 0.01, "momentum": 0.9, "batch_size": 4, "steps": 30_000},
    ),
    "every": (
        "cross-entropy",
        {"learning_rate": 0.01, "steps": 5000, "record": dynamics.every(3), "record_weights": True},
    ),
    "at rest": ("weston-watkins", {"learning_rate": 0.003, "momentum": 0.2, "steps": 10**7}),
    "diverging": (
        "polynomial",
        {"learning_rate": 0.3, "steps": 10**6, "initial": np.eye(3), "throw": False},
    ),
}


@pytest.mark.parametrize("kind", RUNS)
def test_the_ends_of_chunks_change_no_bit(kind, random_chunks):
    loss, settings = RUNS[kind]
    usual = dynamics.gradient_descent(DATA, loss, **settings)
    for seed in range(2):
        random_chunks(seed)
        same(dynamics.gradient_descent(DATA, loss, **settings), usual)


def test_the_runs_above_end_in_all_ways():
    ends = {
        kind: dynamics.gradient_descent(DATA, loss, **settings)
        for kind, (loss, settings) in RUNS.items()
    }
    assert ends["diverging"].status == "diverged"
    assert ends["diverging"].steps[-1] > 100
    assert ends["at rest"].status == "done"
    assert 100 < ends["at rest"].steps[-1] < 10**7


def test_a_chunk_takes_about_the_time_it_should():
    run = driver.Run.__new__(driver.Run)
    run.budget, lengths = 1, []
    for _ in range(12):
        lengths.append(run.budget)
        run.learn(run.budget, 1e-4 + run.budget * 1e-5)
    assert lengths[0] == 1
    assert max(b / a for a, b in itertools.pairwise(lengths)) <= 8
    assert 0.5 < lengths[-1] * 1e-5 / driver.CHUNK_SECONDS < 2
    run.learn(run.budget, 1e4)
    assert run.budget == max(1, int(lengths[-1] * driver.CHUNK_SECONDS / 1e4))


class StopAt:
    """Raises KeyboardInterrupt, or sends the signal, at the given call."""

    def __init__(self, call, by_signal=False):
        self.call, self.by_signal, self.seen = call, by_signal, []

    def __call__(self, step, steps, message):
        self.seen.append((step, steps, message))
        if len(self.seen) == self.call:
            if self.by_signal:
                signal.raise_signal(signal.SIGINT)
            else:
                raise KeyboardInterrupt


@pytest.mark.parametrize("by_signal", [False, True])
def test_an_interrupted_run_keeps_what_was_done(by_signal, random_chunks):
    random_chunks(3)
    settings = {"learning_rate": 0.01, "record_weights": True}
    stop = StopAt(6, by_signal)
    handler = signal.getsignal(signal.SIGINT)
    run = dynamics.gradient_descent(DATA, "cross-entropy", steps=10**9, progress=stop, **settings)
    assert signal.getsignal(signal.SIGINT) is handler
    assert run.status == "interrupted"
    assert len(stop.seen) == 6
    last = stop.seen[-1][0]
    assert run.steps[-1] == last
    assert f"interrupted at step {last} of 1000000000" in run.message
    whole = dynamics.gradient_descent(DATA, "cross-entropy", steps=last, **settings)
    np.testing.assert_array_equal(run.weights, whole.weights)
    np.testing.assert_array_equal(run.steps, whole.steps)
    np.testing.assert_array_equal(run.observables["weights"], whole.observables["weights"])


def test_a_second_interrupt_is_not_held_back():
    with deferred_interrupt() as came:
        assert not came()
        signal.raise_signal(signal.SIGINT)
        assert came()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_hosts_own_handler_stays_in_place():
    calls = []
    before = signal.signal(signal.SIGINT, lambda *_: calls.append(1))
    try:
        mine = signal.getsignal(signal.SIGINT)
        run = dynamics.gradient_descent(
            DATA, "cross-entropy", learning_rate=0.1, steps=100, progress=StopAt(1, by_signal=True)
        )
        assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, before)
    assert calls == [1]
    assert run.status == "done"


def test_a_run_in_another_thread_leaves_signals_alone():
    found = []

    def work():
        found.append(dynamics.gradient_descent(DATA, "cross-entropy", learning_rate=0.1, steps=100))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found[0].status == "done"


def test_progress_is_told_steps_in_order_and_the_end():
    seen = []
    dynamics.gradient_descent(
        DATA, "cross-entropy", learning_rate=0.1, steps=5000, progress=lambda *at: seen.append(at)
    )
    steps = [step for step, _, _ in seen]
    assert steps == sorted(set(steps))
    assert steps[-1] == 5000
    assert {total for _, total, _ in seen} == {5000}
    assert all("risk" in message for _, _, message in seen)


def test_nothing_is_printed(capfd):
    dynamics.gradient_descent(DATA, "cross-entropy", learning_rate=0.1, steps=100)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_a_run_diverges_where_the_plain_loops_risk_overflows():
    loss, settings = RUNS["diverging"]
    run = dynamics.gradient_descent(DATA, loss, **settings)
    last = int(run.steps[-1])
    more = {"learning_rate": settings["learning_rate"], "steps": last + 1}
    path = descend(*DATA, settings["initial"], SLOPES[loss], **more)
    with np.errstate(over="ignore"):
        for weights, finite in zip(path[-2:], (True, False), strict=True):
            scores = FEATURES @ weights
            margins = np.take_along_axis(scores, DATA[1][:, None], axis=1) - scores
            assert np.isfinite(np.sum(np.minimum(margins, 0) ** 2)) == finite
