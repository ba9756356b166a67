"""`marginflow max-margin`: the certified limit, or the proof that there is none."""

import json

import numpy as np
import pytest

import marginflow as mf
from marginflow.norms import NAMED_NORMS, as_norm


@pytest.fixture
def contradictory(tmp_path):
    """A file in which rows 0 and 2 have one and the same features under two labels."""
    path = tmp_path / "contradictory.csv"
    path.write_text("a,b,label\n1,2,cat\n3,4,dog\n1,2,dog\n")
    return str(path)


@pytest.mark.parametrize("name", ["wine", "soudry-toy", "breast-cancer"])
def test_the_document_holds_a_solution_that_can_be_checked(marginflow, name):
    ended = marginflow("max-margin", name, "--json")
    found = ended.document
    assert (ended.code, ended.err, found["status"]) == (0, "", "done")
    data = mf.soudry_toy() if name == "soudry-toy" else mf.load_dataset(name.replace("-", "_"))
    weights = np.array(found["weights"])
    margins = least_margins(data, weights)
    assert margins.min() >= 1 - 1e-12
    assert found["margin"] == pytest.approx(1 / np.linalg.norm(weights), rel=1e-15)
    assert found["margin_lower"] <= found["margin_upper"]
    total = sum(pair["dual"] for pair in found["support"])
    # strong duality: Σα = ‖Ŵ‖²
    assert total == pytest.approx(np.linalg.norm(weights) ** 2, rel=1e-9)
    for pair in found["support"]:
        assert data.classes[data.labels[pair["sample"]]] == pair["label"] != pair["other"]
    assert found["relative_gap"] <= found["rtol"]
    assert found["data"]["hash"] == data.hash


def least_margins(data, weights):
    """The least relative margin of each sample, by a loop over samples."""
    if weights.ndim == 1:
        weights = np.stack([-weights / 2, weights / 2], axis=1)
    found = []
    for x, label in zip(data.features, data.labels, strict=True):
        scores = x @ weights
        found.append(scores[label] - np.delete(scores, label).max())
    return np.array(found)


def test_the_page_has_the_figures_of_the_document(marginflow):
    out = marginflow("max-margin", "wine").out
    found = marginflow("max-margin", "wine", "--json").document
    assert f"{found['margin']:.12g}" in out
    assert f"{found['relative_gap']:.2g}" in out
    assert f"{found['weights_error_bound']:.2g}" in out
    assert f"{len(found['support'])} of 356 pairs" in out
    assert f"{found['next_margin']:.6g}" in out


def test_iris_is_not_separable_and_the_certificate_says_why(marginflow):
    ended = marginflow("max-margin", "iris")
    assert ended.code == 4
    assert "not linearly separable" in ended.err
    as_json = marginflow("max-margin", "iris", "--json")
    proof = as_json.document["certificate"]
    assert (as_json.code, as_json.document["status"]) == (4, "not_separable")
    assert proof["proved_exactly"]
    data = mf.load_dataset("iris")
    # the balance Σ α (e_y − e_k) xᵀ of the pairs, added up by hand
    balance = np.zeros((data.n_features, data.n_classes))
    for pair in proof["pairs"]:
        row = data.features[pair["sample"]]
        balance[:, pair["label"]] += pair["weight"] * row
        balance[:, pair["other"]] -= pair["weight"] * row
        assert str(pair["sample"]) in ended.out
    assert sum(pair["weight"] for pair in proof["pairs"]) == pytest.approx(1, rel=1e-12)
    assert np.linalg.norm(balance) <= 1e-14


def test_contradictory_rows_are_noted_and_certified(marginflow, contradictory):
    ended = marginflow("max-margin", contradictory)
    assert ended.code == 4
    assert ended.err.startswith("note: The same features stand under different labels in rows 0, 2")
    proof = marginflow("max-margin", contradictory, "--json").document["certificate"]
    assert [pair["sample"] for pair in proof["pairs"]] == [0, 2]
    assert [pair["exact_weight"] for pair in proof["pairs"]] == [1, 1]


def test_a_certificate_looser_than_asked_is_exit_code_3_with_what_was_reached(marginflow):
    ended = marginflow("max-margin", "wine", "--rtol", "1e-40", "--json")
    assert ended.code == 3
    assert ended.document["status"] == "max_steps"
    assert 0 < ended.document["relative_gap"] < 1e-12
    assert ended.document["weights"]
    assert "1.0e-40" in ended.err


def test_the_constant_column_decides_on_breast_cancer(marginflow):
    assert marginflow("max-margin", "breast_cancer").code == 0
    assert marginflow("max-margin", "breast_cancer", "--no-constant").code == 4


def test_sizes_and_seed_make_the_data_of_a_generator(marginflow):
    arguments = ["--samples", "30", "--features", "12", "--classes", "4", "--seed", "5"]
    found = marginflow("max-margin", "linear-teacher", *arguments, "--json").document
    data = mf.linear_teacher(5, n_samples=30, n_features=12, n_classes=4)
    assert found["data"]["hash"] == data.hash
    assert found["margin"] == mf.max_margin(data).margin


def test_weights_are_written_without_loss_and_files_are_read(marginflow, tmp_path):
    data = mf.linear_teacher(3, n_samples=20)
    source, target = tmp_path / "data.npz", tmp_path / "limit.npz"
    np.savez(source, features=data.features, labels=data.labels)
    assert marginflow("max-margin", str(source), "-o", str(target)).code == 0
    limit = mf.max_margin((data.features, data.labels))
    with np.load(target) as written:
        for name in ("weights", "dual", "support", "margin", "relative_gap"):
            assert np.array_equal(written[name], getattr(limit, name))
        assert written["classes"].tolist() == [0, 1, 2]
    document = tmp_path / "limit.json"
    ended = marginflow("max-margin", str(source), "-o", str(document), "--json")
    assert json.loads(document.read_text()) == ended.document
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "data.npz",
        "limit.json",
        "limit.npz",
    ]


def test_the_certificate_of_inseparable_data_is_written_too(marginflow, contradictory, tmp_path):
    target = tmp_path / "proof.npz"
    assert marginflow("max-margin", contradictory, "-o", str(target)).code == 4
    with np.load(target) as written:
        assert written["pairs"].tolist() == [[0, 1], [2, 0]]
        assert written["classes"].tolist() == ["cat", "dog"]
        assert "weights" not in written


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["digit"], "did you mean digits?"),
        (["nothing.csv"], "expected a file at 'nothing.csv'"),
        (["wine", "--target", "y"], "--target names the label column of a file"),
        (["wine", "--samples", "10"], "--samples goes with a generator"),
        (["soudry-toy", "--features", "3"], "whose sizes are fixed"),
        (["linear-teacher", "--standardize"], "--standardize goes with files or bundled data"),
        (["random-labels", "--samples", "1"], "--samples"),
        (["wine", "--norm", "operator"], "'spectral'"),
        (["wine", "--share", "0.9"], "--share goes with --face"),
        (["wine", "--face", "--share", "1"], "lies between 0 and 1"),
        (["wine", "--face", "--share", "nan"], "lies between 0 and 1"),
        (["wine", "--norm", "l0.5"], "--norm l0.5: p: expected a number from 1 to infinity"),
        (["wine", "--rtol", "0"], "--rtol must lie between 0 and 1"),
        (["wine", "--rtol", "nan"], "--rtol must lie between 0 and 1"),
        (["wine", "-o", "weights.txt"], "files that end in .npz, .json"),
        (["wine", "-o", "no/such/folder/w.npz"], "there is no folder"),
        (["wine", "-o", ""], "expected the name of a file, got an empty one"),
        ([], "DATA"),
    ],
)
def test_what_cannot_be_taken_is_a_usage_error(marginflow, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    ended = marginflow("max-margin", *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,label\n1,x\nnan,y\n", "line 3, column 'a'"),
        ("a,label\n1,x\n2,x\n", "at least two classes"),
        ("a,b\n1,2\n", "pass the column's name with --target"),
        ("", "empty file"),
    ],
)
def test_a_bad_file_is_a_usage_error_that_names_the_place(marginflow, tmp_path, content, words):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    ended = marginflow("max-margin", str(path))
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err
    assert str(path) in ended.err


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ((1e300, 1e300), "multiply the features by a power of two"),
        ((1e-300, 1e-300), "multiply the features by a power of two"),
        ((1e300, 1.0), "feature 0 is more than"),
    ],
)
def test_features_whose_solution_leaves_float64_are_a_usage_error(
    marginflow, tmp_path, columns, words
):
    path = tmp_path / "data.csv"
    rows = [(1, 2, "x"), (-1, 1, "y"), (1, -1, "x")]
    a, b = columns
    path.write_text("a,b,label\n" + "".join(f"{a * x},{b * y},{c}\n" for x, y, c in rows))
    ended = marginflow("max-margin", str(path))
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err
    assert "failure of marginflow" not in ended.err


@pytest.mark.parametrize("norm", ["max", "frobenius", "l3"])
def test_the_set_of_best_weights_is_measured_from_inside_and_outside(marginflow, norm):
    arguments = ["max-margin", "linear-teacher", "--samples", "30", "--norm", norm, "--face"]
    found = marginflow(*arguments, "--share", "0.999", "--json").document
    data = mf.linear_teacher(0, n_samples=30)
    face = mf.optimal_face(data, norm, share=0.999)
    assert found["face"]["extent_lower"] == face.extent_lower
    assert found["face"]["extent_upper"] == face.extent_upper
    assert found["face"]["unique"] is face.unique
    out = marginflow(*arguments, "--share", "0.999").out
    assert f"{face.extent_upper:.3g}°" in out
    assert f"{face.extent_lower:.3g}°" in out or norm != "max"
    assert "face" not in marginflow(*arguments[:-1], "--json").document


def test_a_face_that_the_solver_fails_on_is_exit_code_3_with_the_rest(marginflow, monkeypatch):
    from marginflow import limits

    def fail(*given, **settings):
        raise mf.NotConvergedError("optimal_face: the conic solver ended with NumericalError.")

    monkeypatch.setattr(limits, "optimal_face", fail)
    ended = marginflow("max-margin", "soudry-toy", "--norm", "max", "--face", "--json")
    assert (ended.code, ended.document["status"]) == (3, "max_steps")
    assert ended.document["margin"] == pytest.approx(2)
    assert "NumericalError" in ended.document["face"]["message"]


@pytest.mark.parametrize("norm", [*NAMED_NORMS, "l1.3", "schatten1.5", "class_l2_sum", "linf"])
def test_every_norm_is_solved_and_measured_through_the_door(marginflow, norm):
    ended = marginflow("max-margin", "linear-teacher", "--norm", norm, "--json")
    assert ended.code == 0
    data, weights = mf.linear_teacher(0), np.array(ended.document["weights"])
    least = mf.MulticlassMargins(data).margins(weights).min()
    for name, margin in ended.document["margins_in"].items():
        assert margin == pytest.approx(least / as_norm(name)(weights), rel=1e-9)
    assert as_norm(norm).name in marginflow("max-margin", "linear-teacher", "--norm", norm).out


@pytest.mark.parametrize("name", ["wine", "gaussian-clusters"])
def test_a_free_intercept_is_that_of_the_verb(marginflow, tmp_path, name):
    where = tmp_path / "limit.npz"
    sizes = ["--samples", "30", "--features", "12"]
    arguments = sizes if name == "gaussian-clusters" else []
    found = marginflow(
        "max-margin", name, *arguments, "--free-intercept", "--json", "--output", str(where)
    ).document
    data = (
        mf.gaussian_clusters(0, n_samples=30, n_features=12)
        if arguments
        else mf.load_dataset("wine", constant=False)
    )
    limit = mf.max_margin(data, free_intercept=True)
    np.testing.assert_array_equal(found["weights"], limit.weights)
    np.testing.assert_array_equal(found["intercept"], limit.intercept)
    np.testing.assert_array_equal(np.load(where)["intercept"], limit.intercept)
    assert found["rtol"] == 1e-8
    page = marginflow("max-margin", name, *arguments, "--free-intercept").out
    assert f"{limit.intercept[0]:.6g}" in page


@pytest.mark.parametrize("option", ["--constant", "--face"])
def test_what_does_not_go_with_a_free_intercept(marginflow, option):
    ended = marginflow("max-margin", "wine", "--free-intercept", option)
    assert ended.code == 2
    assert option in ended.err
