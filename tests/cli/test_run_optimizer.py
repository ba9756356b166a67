"""`marginflow run --optimizer`: any registered one, in the norm whose margin it goes for."""

import contextlib

import numpy as np
import pytest
from scipy.optimize import linprog

import marginflow as mf
from marginflow.cli import run as run_module
from marginflow.norms import as_norm

TOY = ["run", "soudry-toy"]
NEEDED = {"steepest": ["--option", "norm=l3"]}
# One of each way in which a rate is chosen and a step is made.
OF_EACH_KIND = ["gd", "nesterov", "steepest", "spectral", "muon", "adam", "prgd", "dual-momentum"]


@pytest.mark.parametrize("name", OF_EACH_KIND)
def test_optimizers_run_as_the_library_runs_them(marginflow, name):
    ended = marginflow(
        *(*TOY, "--optimizer", name, "--steps", "20", "--no-limit", "--json"),
        *NEEDED.get(name, []),
    )
    found, settings = ended.document, {"norm": "l3"} if name in NEEDED else {}
    optimizer = mf.get_optimizer(name, learning_rate=found["learning_rate"], **settings)
    norms = [norm for norm in found["final"]["margins"] if norm != "frobenius"]
    wanted = mf.train(mf.soudry_toy(), "cross-entropy", optimizer, steps=20, norms=norms)
    assert (ended.code, found["optimizer"], found["method"]) == (0, name, "exact")
    assert found["weights"] == wanted.weights.tolist()
    assert found["records"]["risk"] == wanted.observables["risk"].tolist()
    risk = wanted.observables["risk"]
    assert risk[-1] < risk[0]  # the learning rate is of use


def margin_changes(data, step) -> np.ndarray:
    """How much a change of the weights from zero changes each relative margin, by a plain loop."""
    changes = []
    for x, label in zip(data.features, data.labels, strict=True):
        scores = x @ step
        changes += [scores[label] - scores[k] for k in range(data.n_classes) if k != label]
    return np.array(changes)


@pytest.mark.parametrize("name", ["normalized-gd", "sign", "spectral", "nuclear", "coordinate"])
def test_no_margin_changes_by_more_than_1_in_a_recommended_step(marginflow, name):
    """Nor could it be longer: some step of its norm changes some margin by 1."""
    found = marginflow("run", "wine", "--optimizer", name, "--steps", "1", "--no-limit", "--json")
    data, document = mf.load_dataset("wine"), found.document
    assert np.abs(margin_changes(data, np.array(document["weights"]))).max() <= 1 + 1e-12
    norm = as_norm(next(iter(document["final"]["margins"])))
    longest = 0.0
    for x in data.features:
        gradient = np.zeros((len(x), data.n_classes))
        gradient[:, 0], gradient[:, 1] = x, -x
        step = document["learning_rate"] * np.asarray(norm.steepest(gradient))
        longest = max(longest, float(np.sum(gradient * step)))
    assert longest == pytest.approx(1.0, rel=1e-12)


def test_the_margin_is_compared_in_the_optimizer_s_own_norm(marginflow):
    """Sign descent, against a linear program for the best max-norm margin."""
    arguments = ["run", "wine", "--optimizer", "sign", "--steps", "200"]
    found = marginflow(*arguments, "--json").document
    data, weights = mf.load_dataset("wine"), np.array(found["weights"])
    rows = []
    for x, label in zip(data.features, data.labels, strict=True):
        for k in range(3):
            if k != label:
                row = np.zeros((len(x), 3))
                row[:, label], row[:, k] = x, -x
                rows.append(np.append(-row.ravel(), 1.0))
    bounds = [(-1, 1)] * weights.size + [(None, None)]
    program = linprog(
        np.append(np.zeros(weights.size), -1), rows, np.zeros(len(rows)), bounds=bounds
    )
    own = found["final"]["margins"]["max"]
    least = margin_changes(data, weights).min()
    assert own["normalized_margin"] == pytest.approx(least / np.abs(weights).max(), rel=1e-12)
    assert own["best"] == pytest.approx(-program.fun, rel=2e-8)  # its gap is 1e-8
    assert own["fraction_of_best"] == pytest.approx(
        own["normalized_margin"] / -program.fun, rel=1e-7
    )
    assert found["records"]["normalized_margin_max"][-1] == own["normalized_margin"]
    assert found["limit"]["norm"] == "max"
    assert found["prediction"]["norm"] == "max"
    assert "direction_error" not in found["final"]  # many weights may have the best margin
    out = marginflow(*arguments).out
    assert f"{own['fraction_of_best']:.4%} of the best, {own['best']:.6g}" in out
    assert "predicted" in out


def test_the_norms_to_compare_in_can_be_named(marginflow):
    found = marginflow(*TOY, "--steps", "30", "--norm", "l3", "--norm", "max", "--json").document
    assert list(found["final"]["margins"]) == ["l3", "max", "frobenius"]
    assert found["limit"]["norm"] == "l3"
    assert found["final"]["direction_error"] > 0  # a curved norm has one limit
    rows = np.where(mf.soudry_toy().labels == 1, 1.0, -1.0)[:, None] * mf.soudry_toy().features
    weights = np.array(found["weights"])
    length = (np.abs(weights) ** 3).sum() ** (1 / 3)
    seen = found["final"]["margins"]["l3"]["normalized_margin"]
    assert seen == pytest.approx((rows @ weights).min() / length, rel=1e-12)


def test_a_falling_learning_rate_and_settings_reach_the_optimizer(marginflow):
    found = marginflow(
        *(*TOY, "--optimizer", "steepest", "--option", "norm=l1.5", "--schedule", "inverse-sqrt"),
        *("--lr", "0.3", "--momentum", "0.5", "--steps", "40", "--no-limit", "--json"),
    ).document
    optimizer = mf.SteepestDescent("l1.5", mf.inverse_sqrt(0.3), momentum=0.5)
    wanted = mf.train(mf.soudry_toy(), "cross-entropy", optimizer, steps=40, norms=["l1.5"])
    assert found["weights"] == wanted.weights.tolist()
    assert found["schedule"] == "inverse-sqrt"
    assert found["settings"]["momentum"] == 0.5
    assert found["learning_rate_origin"].startswith("as asked")


def test_what_has_an_equation_is_taken_forward(marginflow):
    arguments = [*TOY, "--optimizer", "normalized-gd", "--schedule", "inverse-sqrt"]
    ended = marginflow(*arguments, "--steps", "1e30", "--json")
    found = ended.document
    wanted = mf.fast_forward(
        mf.soudry_toy(),
        "cross-entropy",
        mf.NormalizedGD(mf.inverse_sqrt(found["learning_rate"])),
        steps=10**30,
    )
    assert (ended.code, found["method"]) == (0, "fast-forward")
    np.testing.assert_allclose(found["weights"], wanted.weights, rtol=found["error_estimate"])


def test_an_eps_that_took_over_is_said_and_is_no_failure(marginflow):
    arguments = [*TOY, "--optimizer", "adam", "--option", "eps=0.5", "--lr", "0.05"]
    ended = marginflow(*arguments, "--steps", "3000")
    assert ended.code == 0
    assert "eps took over at step" in ended.out


def test_another_optimizer_does_not_go_on_from_the_checkpoint(marginflow, tmp_path):
    checkpoint = ["--checkpoint", str(tmp_path / "run.ckpt"), "--no-limit", "--json"]
    sign = [*TOY, "--optimizer", "sign", "--steps", "50", *checkpoint]
    assert marginflow(*sign).code == 0
    assert marginflow(*sign).code == 0
    for other in (
        ["--optimizer", "signum"],
        ["--optimizer", "sign", "--lr", "0.5"],
        ["--optimizer", "sign", "--schedule", "inverse-sqrt"],
    ):
        ended = marginflow(*TOY, *other, "--steps", "80", *checkpoint)
        assert (ended.code, ended.document["status"]) == (2, "usage")
        assert "is of another run" in ended.document["message"]


def test_ctrl_c_keeps_the_memory_of_an_optimizer(marginflow, tmp_path, monkeypatch):
    arguments = [*TOY, "--optimizer", "adam", "--steps", "20000", "--no-limit", "--json"]
    checkpoint = ["--checkpoint", str(tmp_path / "adam.ckpt")]
    whole = marginflow(*arguments).document

    @contextlib.contextmanager
    def interrupting(title: str, *, wanted: bool):
        def tell(step: int, steps: int, message: str) -> None:
            raise KeyboardInterrupt

        yield tell

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "progress_bar", interrupting)
        cut = marginflow(*arguments, *checkpoint)
    assert (cut.code, cut.document["status"]) == (130, "interrupted")
    assert marginflow(*arguments, *checkpoint).document["weights"] == whole["weights"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--optimizer", "adm"], "did you mean 'adam'"),
        (["--optimizer", ""], "dual-momentum"),
        (["--optimizer", "adam", "--option", "beta1=0.9"], "b1 (0.9), b2 (0.999), eps (1e-08)"),
        (["--optimizer", "adam", "--option", "b1"], "expects KEY=VALUE"),
        (["--optimizer", "adam", "--option", "b1="], "expects KEY=VALUE"),
        (["--optimizer", "adam", "--option", "b1=nan"], "b1: expected a number in [0, 1)"),
        (["--optimizer", "adam", "--option", "b1=1"], "b1: expected a number in [0, 1)"),
        (["--optimizer", "adam", "--option", "b1=0", "--option", "b1=0"], "given twice"),
        (["--optimizer", "adam", "--option", "learning_rate=1"], "say --learning-rate"),
        (["--optimizer", "adam", "--momentum", "0.9"], "--momentum is no setting of adam"),
        (["--optimizer", "signum", "--momentum", "0", "--option", "momentum=0"], "one of them"),
        (["--optimizer", "dual-momentum", "--option", "b1=0"], "none but the learning rate"),
        (["--optimizer", "muon", "--option", "ns_steps=1000"], "ns_steps: expected at most 100"),
        (["--optimizer", "steepest"], "needs --option norm=VALUE"),
        (["--optimizer", "steepest", "--option", "norm=l0.5"], "from 1 to infinity"),
        (["--option", "eps=0"], "--option eps is no setting of gd"),
        (["--optimizer", "sign", "--log-time", "3"], "leave out --optimizer"),
        (["--schedule", "inverse-sqrt", "--log-time", "3"], "leave out --schedule"),
        (["--momentum", "0", "--log-time", "3"], "leave out --momentum"),
        (["--optimizer", "sign", "--steps", "1e50"], "no fast-forward either: SignDescent moves"),
        (["--optimizer", "adamw", "--method", "fast-forward"], "no equation is known here"),
        (["--schedule", "inverse-sqrt", "--steps", "1e50"], "with a schedule has no equation"),
        (["--schedule", "cosine"], "'constant', 'inverse-sqrt'"),
        (["--optimizer", "sign", "--lr", "0"], "positive number"),
        (["--norm", "l0"], "--norm l0: p: expected"),
        (["--norm", ""], "expected one of 'frobenius'"),
        (["--loss", "label-smoothing", "--log-time", "3"], "turn positive"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(marginflow, arguments, words):
    ended = marginflow(*TOY, *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err


@pytest.mark.parametrize("setting", ["normalized=maybe", "normalized=0.5"])
def test_a_setting_of_the_wrong_kind_is_a_usage_error(marginflow, setting):
    ended = marginflow(*TOY, "--optimizer", "spectral", "--option", setting)
    assert (ended.code, ended.out) == (2, "")
    assert "normalized" in ended.err


def test_steps_without_a_known_length_ask_for_a_learning_rate(marginflow):
    arguments = ["--optimizer", "nuclear", "--option", "normalized=false", "--steps", "5"]
    ended = marginflow(*TOY, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "--learning-rate" in ended.err
    assert marginflow(*TOY, *arguments, "--lr", "0.01", "--no-limit").code == 0


def test_features_without_a_recommended_rate_in_float64_are_a_usage_error(marginflow, tmp_path):
    path = tmp_path / "data.csv"
    for value in (0.0, 1e-300, 1e300):
        path.write_text(f"a,label\n{value!r},x\n{-value!r},y\n")
        ended = marginflow("run", str(path), "--optimizer", "dual-momentum", "--steps", "5")
        assert (ended.code, ended.out) == (2, "")
        assert "features" in ended.err.splitlines()[-1]
