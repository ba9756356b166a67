"""`marginflow sweep` and `marginflow report`: a file in, tables and pictures out."""

import pandas as pd
import pytest

import marginflow as mf

TEXT = """\
steps = 60
record = "log:5"
data = "soudry-toy"
norms = ["frobenius", "max"]
[[optimizers]]
name = "gd"
learning_rate = [0.1, 0.2]
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "rates.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def folder(file, marginflow):
    """The finished sweep; it is run once."""
    folder = file.parent / "found"
    assert marginflow("sweep", str(file), "-o", str(folder), "--json").code == 0
    return folder


def test_a_sweep_shows_its_matrix_and_says_where_its_tables_are(file, folder, marginflow):
    ended = marginflow("sweep", str(file), "-o", str(folder))
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[1].split() == ["data", "loss", "optimizer", "seeds", "ended", "frobenius", "max"]
    found = mf.load_sweep(folder).runs["margin_fraction_max"]
    shown = [float(line.split()[-1]) for line in lines[2:4]]
    assert shown == [pytest.approx(value, rel=1e-5) for value in found]
    assert lines[-1] == f"Tables: {folder}; pictures: marginflow report {folder}"


def test_json_is_one_document_with_the_final_figures(file, folder, marginflow):
    ended = marginflow("sweep", str(file), "-o", str(folder), "--json")
    document = ended.document
    assert (ended.code, ended.err, document["status"]) == (0, "", "done")
    assert document["config_hash"] == mf.read_sweep(file).hash
    assert [run["optimizer"] for run in document["runs"]] == [
        "gd learning_rate=0.1",
        "gd learning_rate=0.2",
    ]
    assert {limit["status"] for limit in document["limits"]} == {"done"}
    table = pd.read_parquet(document["tables"]["records"])
    assert len(table) == document["statistics"]["records"]


def test_a_report_is_one_page_with_two_pictures(folder, marginflow):
    ended = marginflow("report", str(folder), "--json")
    assert (ended.code, ended.document["report"]) == (0, str(folder / "report.html"))
    assert len(ended.document["pictures"]) == 4
    page = (folder / "report.html").read_text()
    assert page.count("data:image/svg+xml;base64,") == 2
    assert marginflow("report", str(folder)).out.splitlines()[-1].startswith("Report: ")


def test_another_seed_is_another_sweep(file, folder, marginflow):
    ended = marginflow("sweep", str(file), "-o", str(folder), "--seed", "5")
    assert ended.code == 2
    assert "holds another sweep" in ended.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT.replace("steps = 60", "steps = -1"), "line 1: steps: expected a whole number"),
        (TEXT.replace('"gd"', '"gradient"'), "line 6: 'gradient' is not an optimizer"),
        (TEXT.replace("soudry-toy", "soudry"), "line 3: 'soudry' is not a data set"),
        ("steps = [", "expected TOML"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_a_line(text, words, tmp_path, marginflow):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    ended = marginflow("sweep", str(path), "-o", str(tmp_path / "found"), "--json")
    assert ended.code == 2
    assert words in ended.err
    assert ended.err.count("\n") == 1
    assert ended.document["status"] == "usage"
    assert not (tmp_path / "found").exists()


def test_a_folder_without_a_sweep_has_no_report(tmp_path, marginflow):
    ended = marginflow("report", str(tmp_path))
    assert ended.code == 2
    assert "expected the folder of a sweep, found none" in ended.err


def test_a_missing_file_is_named(tmp_path, marginflow):
    ended = marginflow("sweep", str(tmp_path / "none.toml"))
    assert ended.code == 2
    assert "none.toml" in ended.err


def test_ctrl_c_ends_with_its_exit_code_and_the_command_to_go_on(file, marginflow, monkeypatch):
    import importlib

    verb = importlib.import_module("marginflow.experiments.run_sweep")

    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(verb, "best_margin", stop)
    ended = marginflow("sweep", str(file), "-o", str(file.parent / "stopped"), "--json")
    assert (ended.code, ended.document["status"]) == (130, "interrupted")
    assert "0 of 2 runs finished; run it again" in ended.err
    ended = marginflow("report", str(file.parent / "stopped"))
    assert ended.code == 2
    assert "no run of the sweep is finished yet" in ended.err
