"""`marginflow run`: the library's runs through the door, kept on disk, ended by Ctrl-C."""

import contextlib
import json
import math
import os
import pty
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import marginflow as mf
from marginflow.cli import run as run_module

TOY = ["run", "soudry-toy"]


def test_a_run_is_gradient_descent_with_half_of_the_bound(marginflow):
    """Against a loop in plain NumPy, with the bound from the singular values."""
    found = marginflow(*TOY, "--steps", "200", "--json").document
    data = mf.soudry_toy()
    rows = np.where(data.labels == 1, 1.0, -1.0)[:, None] * data.features
    # β = 1/4 for the logistic loss of one score
    rate = 0.5 * 2 / (0.25 * np.linalg.svd(data.features, compute_uv=False)[0] ** 2)
    weights = np.zeros(2)
    for _ in range(200):
        weights = weights + rate * rows.T @ (1 / (1 + np.exp(rows @ weights)))
    assert found["learning_rate"] == pytest.approx(rate, rel=1e-14)
    assert found["method"] == "exact"
    np.testing.assert_allclose(found["weights"], weights, rtol=1e-13)
    final = found["final"]
    assert final["steps"] == 200
    assert final["margin"] == pytest.approx((rows @ weights).min(), rel=1e-12)
    unit = weights / np.linalg.norm(weights)
    assert final["direction_error"] == pytest.approx(
        np.linalg.norm(unit - np.array([1, 1]) / math.sqrt(2)), rel=1e-9
    )
    assert final["log_risk"] == pytest.approx(
        math.log(np.log1p(np.exp(-rows @ weights)).sum()), rel=1e-12
    )


def test_options_reach_the_loop(marginflow):
    found = marginflow(
        *("run", "linear-teacher", "--seed", "3", "--samples", "30"),
        *("--loss", "pair-log-loss", "--steps", "70", "--lr", "0.01", "--momentum", "0.5"),
        *("--batch-size", "7", "--reduction", "mean", "--record", "every:30", "--json"),
    ).document
    data = mf.linear_teacher(3, n_samples=30)
    wanted = mf.gradient_descent(
        data,
        mf.PairLogLoss(),
        learning_rate=0.01,
        steps=70,
        momentum=0.5,
        batch_size=7,
        seed=3,
        reduction="mean",
        record=mf.every(30),
    )
    assert found["weights"] == wanted.weights.tolist()
    assert found["records"]["steps"] == [0, 30, 60, 70]
    assert found["records"]["risk"] == wanted.observables["risk"].tolist()


def test_huge_step_counts_are_fast_forwarded(marginflow):
    ended = marginflow(*TOY, "--steps", "10**5000", "--lr", "0.02", "--json")
    found = ended.document
    wanted = mf.fast_forward(
        mf.soudry_toy(),
        mf.CrossEntropy(),
        learning_rate=0.02,
        log_steps=5000 * math.log(10),
        record=np.array(found["records"]["log_time"]),
    )
    assert (ended.code, found["method"]) == (0, "fast-forward")
    assert found["steps_asked"]["text"] == "10^5000"
    assert found["final"]["log_time"] == pytest.approx(5000 * math.log(10), rel=1e-15)
    np.testing.assert_allclose(found["weights"], wanted.weights, rtol=1e-12)
    assert 0 < found["error_estimate"] <= 1e-9
    assert "10^5000" in marginflow(*TOY, "--steps", "1e5000").out


def test_a_log_time_is_followed_by_the_flow(marginflow):
    found = marginflow(*TOY, "--log-time", "1e6", "--json").document
    wanted = mf.gradient_flow(mf.soudry_toy(), mf.CrossEntropy(), 1e6)
    assert found["method"] == "flow"
    assert found["learning_rate"] is None
    np.testing.assert_allclose(found["weights"], wanted.weights, rtol=1e-9)
    assert found["records"]["log_time"][0] is None  # −∞, which is t = 0
    assert found["records"]["log_time"][-1] == 1e6


def test_the_three_methods_agree_where_all_can_go(marginflow):
    common = [*TOY, "--steps", "2e5", "--lr", "0.02", "--json"]
    exact = marginflow(*common).document
    forward = marginflow(*common, "--method", "fast-forward").document
    error = np.linalg.norm(np.subtract(exact["weights"], forward["weights"]))
    assert error <= forward["error_estimate"] * np.linalg.norm(exact["weights"]) + 1e-12
    flow = marginflow(*TOY, "--log-time", str(math.log(2e5 * 0.02)), "--json").document
    np.testing.assert_allclose(flow["weights"], exact["weights"], rtol=1e-4)


def test_the_page_has_the_last_figures(marginflow):
    arguments = ["run", "wine", "--steps", "500"]
    found = marginflow(*arguments, "--json").document["final"]
    out = marginflow(*arguments).out
    for name in ("log_risk", "accuracy", "margin", "weights_norm", "normalized_margin"):
        assert f"{found[name]:.6g}" in out
    assert f"{found['direction_error']:.3g} between unit vectors" in out
    assert "exact" in out


def test_a_direction_error_below_what_is_known_is_not_called_measured(marginflow):
    """The toy's weights come closer to the limit's direction than the estimate can tell."""
    arguments = [*TOY, "--steps", "10^100"]
    found = marginflow(*arguments, "--json").document
    final = found["final"]
    assert final["direction_error"] < final["direction_error_uncertainty"] < 1e-8
    assert final["direction_error_uncertainty"] > found["error_estimate"]
    assert (
        f"at most {final['direction_error_uncertainty']:.2g}, as far as"
        in marginflow(*arguments).out
    )


def test_data_that_nothing_separates_are_trained_without_a_limit(marginflow):
    ended = marginflow("run", "iris", "--steps", "50", "--json")
    assert (ended.code, ended.document["limit"]) == (0, None)
    assert "direction_error" not in ended.document["final"]
    assert "not linearly separable" in marginflow("run", "iris", "--steps", "50").out


def test_the_comparison_can_be_left_out(marginflow):
    found = marginflow(*TOY, "--steps", "5", "--no-limit", "--json").document
    assert found["limit"] is None


def test_a_run_that_diverges_is_exit_code_3_with_what_it_had(marginflow):
    arguments = ["--loss", "multiclass-exponential", "--lr", "1e4", "--steps", "50", "--json"]
    ended = marginflow("run", "linear-teacher", *arguments)
    assert (ended.code, ended.document["status"]) == (3, "diverged")
    assert "times the bound" in ended.err
    assert np.isfinite(ended.document["weights"]).all()


def test_an_estimate_that_is_not_reached_is_exit_code_3(marginflow):
    ended = marginflow(*TOY, "--steps", "1e50", "--rtol", "1e-13", "--json")
    assert (ended.code, ended.document["status"]) == (3, "max_steps")
    assert ended.document["error_estimate"] > 1e-13


def test_a_tolerance_that_no_integrator_reaches_is_exit_code_2(marginflow):
    ended = marginflow(*TOY, "--steps", "1e50", "--rtol", "1e-17", "--json")
    assert (ended.code, ended.document["status"]) == (2, "usage")


def test_a_template_from_a_file_is_a_loss(marginflow, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "import jax.numpy as jnp\n\ndef ours(u):\n    return jnp.log1p(jnp.exp(-u).sum())\n"
    )
    ours = marginflow(*TOY, "--steps", "100", "--loss", f"{path}:ours", "--lr", "0.02", "--json")
    theirs = marginflow(*TOY, "--steps", "100", "--lr", "0.02", "--json")
    np.testing.assert_allclose(ours.document["weights"], theirs.document["weights"], rtol=1e-12)
    for text, words in {
        f"{path}:other": "defines no 'other'",
        f"{tmp_path}/none.py:ours": "expected a Python file",
        "cross-entropi": "no loss named",
    }.items():
        ended = marginflow(*TOY, "--loss", text)
        assert ended.code == 2
        assert words in ended.err
    for code, words in {
        "1 / 0\n": "ZeroDivisionError",
        "raise SystemExit(0)\n": "SystemExit",
        "def ours(u):\n    return 1 / 0\n": "ours failed in line 2 of",
        "def ours(u):\n    return {}['u']\n": "KeyError",
    }.items():
        path.write_text(code)
        ended = marginflow(*TOY, "--loss", f"{path}:ours")
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert words in ended.err


def test_a_run_goes_on_from_weights_that_another_one_wrote(marginflow, tmp_path):
    half, target = [*TOY, "--lr", "0.02", "--steps", "50"], tmp_path / "half.npz"
    assert marginflow(*half, "-o", str(target)).code == 0
    found = marginflow(*half, "--initial", str(target), "--json").document
    whole = marginflow(*TOY, "--lr", "0.02", "--steps", "100", "--json").document
    assert found["weights"] == whole["weights"]
    for name, words in {"none.npz": "No such file", "wrong.npz": "shape (2,)"}.items():
        np.savez(tmp_path / "wrong.npz", weights=np.zeros((3, 2)))
        ended = marginflow(*TOY, "--initial", str(tmp_path / name))
        assert ended.code == 2
        assert words in ended.err


def test_records_are_written_in_each_format(marginflow, tmp_path):
    arguments = [*TOY, "--steps", "100", "--record", "at:0,1,10,100"]
    files = {suffix: tmp_path / f"run{suffix}" for suffix in (".csv", ".parquet", ".json", ".npz")}
    for path in files.values():
        document = marginflow(*arguments, "-o", str(path), "--json").document
    records = document["records"]
    frames = [pd.read_csv(files[".csv"]), pd.read_parquet(files[".parquet"])]
    for frame in frames:
        assert frame["steps"].tolist() == records["steps"] == [0, 1, 10, 100]
        assert frame["risk"].tolist() == records["risk"]
    about = json.loads(pq.read_schema(files[".parquet"]).metadata[b"marginflow"])
    assert about["learning_rate"] == document["learning_rate"]
    assert about["weights"] == document["weights"]
    assert json.loads(files[".json"].read_text()) == document
    with np.load(files[".npz"]) as file:
        assert file["weights"].tolist() == document["weights"]
        assert file["risk"].tolist() == records["risk"]


@pytest.mark.parametrize("at", [1, 3])
def test_after_ctrl_c_the_same_command_ends_with_the_bits_of_a_whole_run(
    marginflow, tmp_path, monkeypatch, at
):
    checkpoint = str(tmp_path / "run.ckpt")
    arguments = [*TOY, "--steps", "30000", "--batch-size", "5", "--json"]
    whole = marginflow(*arguments).document

    @contextlib.contextmanager
    def interrupting(title: str, *, wanted: bool):
        calls = []

        def tell(step: int, steps: int, message: str) -> None:
            calls.append(step)
            if len(calls) == at and step < steps:
                raise KeyboardInterrupt

        yield tell

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "progress_bar", interrupting)
        cut = marginflow(*arguments, "--checkpoint", checkpoint)
    assert (cut.code, cut.document["status"]) == (130, "interrupted")
    assert 0 < cut.document["final"]["steps"] < 30000
    assert checkpoint in cut.err
    resumed = marginflow(*arguments, "--checkpoint", checkpoint)
    assert resumed.code == 0
    assert resumed.document["weights"] == whole["weights"]
    assert resumed.document["records"] == whole["records"]
    other = marginflow(*arguments, "--checkpoint", checkpoint, "--momentum", "0.5")
    assert other.code == 2
    assert "momentum" in other.err
    anew = marginflow(*arguments, "--checkpoint", checkpoint, "--momentum", "0.5", "--no-resume")
    assert anew.code == 0


def test_without_a_checkpoint_an_interrupted_run_says_how_to_keep_one(
    marginflow, monkeypatch, tmp_path
):
    @contextlib.contextmanager
    def interrupting(title: str, *, wanted: bool):
        def tell(step: int, steps: int, message: str) -> None:
            raise KeyboardInterrupt

        yield tell

    monkeypatch.setattr(run_module, "progress_bar", interrupting)
    kept = tmp_path / "kept.csv"
    ended = marginflow(*TOY, "--steps", "30000", "-o", str(kept))
    assert ended.code == 130
    assert "--checkpoint" in ended.err
    assert "interrupted at step" in ended.out
    assert len(pd.read_csv(kept)) > 1


def test_what_a_flow_refuses_is_not_advised_when_it_is_interrupted(marginflow, monkeypatch):
    @contextlib.contextmanager
    def interrupting(title: str, *, wanted: bool):
        def tell(step: float, steps: float, message: str) -> None:
            raise KeyboardInterrupt

        yield tell

    monkeypatch.setattr(run_module, "progress_bar", interrupting)
    for arguments in (["--log-time", "1e3"], ["--steps", "1e50"]):
        ended = marginflow(*TOY, *arguments)
        assert ended.code == 130
        assert "--checkpoint" not in ended.err


def test_figures_that_are_not_finite_are_left_out_of_the_page(marginflow, monkeypatch):
    """As those of a run that Ctrl-C ends before its first step."""

    def nothing_done(plan, comparison, progress):
        return mf.gradient_descent(plan.data, plan.loss, learning_rate=1.0, steps=0)

    monkeypatch.setattr(run_module, "carry_out", nothing_done)
    out = marginflow(*TOY).out
    assert not re.search(r"\b(nan|inf)\b", out)
    assert "direction error" not in out
    assert "margin, frobenius" not in out
    assert "log risk" in out


def test_files_that_numpy_cannot_read_are_refused_without_its_words(marginflow, tmp_path):
    path = tmp_path / "broken.npz"
    for content in (b"no archive", b"", np.array([{}], dtype=object)):
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.savez(path, weights=content, X=content, y=content, head=content)
        for arguments in (
            [*TOY, "--initial", str(path)],
            [*TOY, "--checkpoint", str(path)],
            ["run", str(path)],
        ):
            ended = marginflow(*arguments)
            assert (ended.code, ended.err.count("\n")) == (2, 1)
            assert str(path) in ended.err
            assert "pickle" not in ended.err.replace("never unpickled", "")


@pytest.mark.parametrize("factor", [1e300, 1e-300])
def test_features_without_a_learning_rate_in_float64_are_a_usage_error(
    marginflow, tmp_path, factor
):
    path = tmp_path / "data.csv"
    rows = "".join(f"{x * factor!r},{label}\n" for x, label in [(1.0, "x"), (-1.0, "y")])
    path.write_text(f"a,label\n{rows}")
    ended = marginflow("run", str(path), "--steps", "10")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "--learning-rate" in ended.err
    rate = str(1.0 if factor < 1 else 5e-324)
    as_asked = marginflow("run", str(path), "--steps", "10", "--lr", rate, "--no-limit", "--json")
    assert as_asked.code in (0, 3)
    assert "times the bound" in as_asked.document["learning_rate_origin"]


def test_a_killed_process_and_an_interrupted_one_leave_a_checkpoint_to_go_on_from(tmp_path):
    """kill −9, the same command again, then Ctrl-C, on a run of hours."""
    checkpoint = tmp_path / "long.ckpt"
    often = "from marginflow.dynamics import driver; driver.SAVE_SECONDS = 0.2"
    code = f"import sys; from marginflow.cli import main; {often}; sys.exit(main())"
    command = [
        *(sys.executable, "-c", code),
        *(*TOY, "--steps", "1e11", "--checkpoint", str(checkpoint), "--json"),
    ]
    with running(command) as first:
        wait_for(lambda: checkpoint.exists(), first)
        first.kill()
        first.communicate()
    assert first.returncode == -signal.SIGKILL
    done = step_of(checkpoint)
    with running(command) as second:
        wait_for(lambda: step_of(checkpoint) > done, second)
        second.send_signal(signal.SIGINT)
        out, err = second.communicate(timeout=120)
    document = json.loads(out)
    assert (second.returncode, document["status"]) == (130, "interrupted")
    assert document["final"]["steps"] == step_of(checkpoint) > done
    assert str(checkpoint) in err


@contextlib.contextmanager
def running(command):
    """A process that does not outlive its test, however that ends."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def step_of(checkpoint) -> int:
    with np.load(checkpoint) as file:
        return json.loads(file["head"].tobytes())["step"]


def wait_for(condition, process) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_progress_is_drawn_on_a_terminal_only_and_only_if_wanted():
    assert "exact" in on_a_terminal("wanted=True")
    assert on_a_terminal("wanted=False") == ""
    assert on_a_terminal("wanted=True", TERM="dumb") == ""


def on_a_terminal(wanted: str, **environment: str) -> str:
    """What a bar of a moment shows where standard error is a terminal and output is a pipe."""
    code = f"""
from marginflow.cli.progress_bar import progress_bar
with progress_bar("exact", {wanted}) as tell:
    if tell is not None:
        tell(1, 2, "risk 0.5")
print("{{}}")
"""
    master, slave = pty.openpty()
    variables = {**os.environ, "TERM": "xterm", **environment}
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=slave,
        env=variables,
        check=True,
    )
    os.close(slave)
    assert done.stdout == b"{}\n"
    shown = b""
    with contextlib.suppress(OSError):  # at the end of what was written
        while piece := os.read(master, 4096):
            shown += piece
    os.close(master)
    return shown.decode()


def test_progress_is_not_drawn_into_a_pipe(marginflow):
    assert marginflow(*TOY, "--steps", "20000").err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--steps", "many"], "--steps: expected a number of steps"),
        (["--steps", "0"], "from 1 on"),
        (["--steps", ""], "--steps: expected a number of steps"),
        (["--output", ""], "expected the name of a file, got an empty one"),
        (["--checkpoint", ""], "expected the name of a file, got an empty one"),
        (["--initial", ""], "expected the name of a file, got an empty one"),
        (["--record", "log:1e9"], "expected at most 1000000 records"),
        (["--log-time", "3", "--record", "log:1e9"], "expected at most 1000000 records"),
        (["--steps", "1e50", "--record", "log:1e9"], "expected at most 1000000 records"),
        (["--method", "exact", "--steps", "1e12", "--record", "every:1"], "got about 1e+12"),
        (["--steps", "5", "--log-time", "3"], "give the former"),
        (["--method", "flow"], "give the former"),
        (["--method", "exact", "--log-time", "3"], "--log-time is for the flow"),
        (["--method", "exact", "--steps", "1e50"], "no loop makes 10^50 steps"),
        (["--steps", "1e50", "--batch-size", "3"], "--batch-size is for exact steps"),
        (["--method", "fast-forward", "--checkpoint", "x"], "--checkpoint is for exact steps"),
        (["--log-time", "3", "--batch-size", "3"], "--batch-size is for exact steps"),
        (["--log-time", "3", "--lr", "1"], "no learning rate"),
        (["--log-time", "nan"], "--log-time"),
        (["--log-time", "inf"], "--log-time"),
        (["--steps", "1e50", "--loss", "crammer-singer", "--lr", "1"], "no loop makes"),
        (["--method", "fast-forward", "--loss", "weston-watkins", "--lr", "1"], "continuous slope"),
        (["--loss", "crammer-singer"], "give --learning-rate"),
        (["--lr", "-1"], "positive number"),
        (["--lr", "inf"], "positive number"),
        (["--momentum", "1"], "--momentum must be at least 0 and below 1"),
        (["--batch-size", "17"], "--batch-size is at most the number of samples, 16"),
        (["--rtol", "0"], "run: --rtol: expected a number from"),
        (["--record", "often"], "--record expects log:N, every:N or at:A,B"),
        (["--record", "every:x"], "--record every:x"),
        (["--record", "at:10,99999"], "the run ends before"),
        (["--steps", "1e50", "--record", "every:10"], "every:N is for exact steps"),
        (["--log-time", "3", "--record", "at:1,x"], "expected log times"),
        (["--checkpoint", "no/such/folder/c"], "there is no folder"),
        (["-o", "run.txt"], "files that end in .parquet"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(marginflow, arguments, words):
    ended = marginflow(*TOY, *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err
