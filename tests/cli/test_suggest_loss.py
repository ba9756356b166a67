"""`marginflow suggest-loss`: files in, a choice with its reason out, in words and as a document."""

import json

import numpy as np
import pandas as pd
import pytest

import marginflow as mf

N = 300


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    return pd.DataFrame(
        {
            "claims": rng.poisson(2.0, N),
            "x": x,
            "time": rng.weibull(2.0, N),
            "seen": rng.integers(0, 2, N),
            "color": rng.choice(["red", "green", "blue"], N),
            "group": rng.choice(["a", "b"], N),
        }
    )


@pytest.fixture(scope="module")
def file(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    frame.to_csv(path, index=False)
    return str(path)


def test_the_document_is_that_of_the_verb(marginflow, file, frame):
    ended = marginflow("suggest-loss", file, "--target", "claims", "--json")
    found = mf.suggest_loss(frame["claims"])
    document = ended.document
    assert ended.code == 0
    assert document["choice"] == found.choice.name == "Poisson"
    assert document["reason"] == found.reason
    assert document["code"] == found.code
    assert document["known_as"]["torch"] == "PoissonNLLLoss(full=False)"
    assert document["indistinguishable"] == list(found.indistinguishable)
    assert [row["likelihood"] for row in document["candidates"]] == list(
        found.to_frame().likelihood
    )
    assert document["statistics"]["n_used"] == N


def test_the_page_says_what_and_why(marginflow, file):
    ended = marginflow("suggest-loss", file, "--target", "color")
    assert ended.code == 0
    for words in ("Categorical(n_classes=3)", "loss = mf.Categorical(", "CrossEntropyLoss"):
        assert words in ended.out
    assert "3 classes (blue, green, red)" in ended.out


def test_times_with_their_events_and_features(marginflow, file, frame):
    arguments = ("--target", "time", "--event", "seen", "--features", "x", "--json")
    document = marginflow("suggest-loss", file, *arguments).document
    found = mf.suggest_loss(frame[["time", "seen"]].to_numpy(), frame[["x"]])
    assert document["choice"] == found.choice.name
    assert document["statistics"]["n_features"] == 1
    assert {row["likelihood"] for row in document["candidates"]} == {"Weibull", "LogNormalSurvival"}


def test_all_features_are_all_other_columns(marginflow, tmp_path, frame):
    path = tmp_path / "numbers.parquet"
    frame[["claims", "x", "time"]].to_parquet(path)
    arguments = ("--target", "claims", "--features", "all", "--json")
    assert (
        marginflow("suggest-loss", str(path), *arguments).document["statistics"]["n_features"] == 2
    )


@pytest.mark.parametrize("suffix", ["json", "csv", "parquet"])
def test_the_table_is_written(marginflow, file, tmp_path, suffix):
    path = tmp_path / f"out.{suffix}"
    ended = marginflow("suggest-loss", file, "--target", "group", "-o", str(path))
    assert ended.code == 0
    if suffix == "json":
        assert json.loads(path.read_text())["choice"] == "Bernoulli"
    else:
        read = pd.read_csv if suffix == "csv" else pd.read_parquet
        assert list(read(path).likelihood) == ["Bernoulli"]


def test_pictures_are_written(marginflow, file, tmp_path):
    folder = tmp_path / "pictures"
    arguments = ("--target", "group", "--pictures", str(folder), "--json")
    document = marginflow("suggest-loss", file, *arguments).document
    names = {
        f"{name}.{end}" for name in ("densities", "residuals", "loss") for end in ("pdf", "png")
    }
    assert {path.name for path in folder.iterdir()} == names
    assert sorted(document["pictures"]) == sorted(str(path) for path in folder.iterdir())


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        ("a,b\n1,2\n", ["--target", "c"], "expected one column 'c', got 'a', 'b'"),
        ("", ["--target", "a"], "an empty file"),
        ("a,b\n", ["--target", "a"], "expected rows, got none"),
        ("a,b\n" + ",1\n" * 20, ["--target", "a"], "all 20 are missing"),
        ("a,b\n" + "1,1\ninf,2\n" * 20, ["--target", "a"], "20 of 40 are infinite"),
        ("a,b\n" + "7,1\n" * 20, ["--target", "a"], "a constant needs no model"),
        ("a,b\n" + "1,x\n2,y\n" * 20, ["--target", "a", "--features", "b"], "got 'x' (str)"),
        ("a,b\n" + "1,1\n2,2\n" * 20, ["--target", "a", "--features", "a"], "is the target"),
        ("a,b\n1,2,3\n", ["--target", "a"], "cannot be read"),
        ("a;b\n1;2\n", ["--target", "a"], "separated by ';'"),
        ("a,b\n1,2\n", ["--target", "a", "--event", "a"], "another column"),
        ("a,b\n1,2\n", ["--target", "a", "--support", "some"], "expected one of"),
        ("a,b\n1,2\n", ["--target", "a", "-o", "x.npz"], "--output writes"),
    ],
)
def test_what_cannot_be_judged_is_a_usage_error(marginflow, tmp_path, content, arguments, words):
    path = tmp_path / "table.csv"
    path.write_text(content)
    ended = marginflow("suggest-loss", str(path), *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert ended.err.count("\n") == 1


def test_a_missing_file_and_another_kind_of_file_are_usage_errors(marginflow, tmp_path):
    for name in ("none.csv", "table.xlsx"):
        ended = marginflow("suggest-loss", str(tmp_path / name), "--target", "a")
        assert ended.code == 2
        assert name in ended.err
