"""`marginflow reproduce`: verdicts as they are found, a report, an exit code that tells."""

import contextlib
import json
import os
import re
import signal
from dataclasses import replace

import pytest
from tests.report.fake_claims import (
    BROKEN,
    CONTROL_HOLDS,
    FALSE,
    HOLDS,
    PROVED_BUT_FAILS,
    SOUND,
    measure,
)

import marginflow.claims
from marginflow.cli import reproduction
from marginflow.figures import canvas, style
from marginflow.report import Picture, gallery

TIMES = re.compile(r'"(seconds|generated)": [^\n]*')


def a_picture() -> Picture:
    """Draw nothing much."""
    with style():
        figure = canvas(3.0, 2.0)
        figure.subplots().set_axis_off()
    return Picture("a-picture", "A picture", "Nothing.", "An empty picture.", figure)


@pytest.fixture
def registered(monkeypatch):
    """Make these all the claims that there are, with a gallery of one picture."""

    def register(*claims):
        monkeypatch.setattr(marginflow.claims, "all_claims", lambda: claims)
        monkeypatch.setattr(gallery, "GALLERY", (a_picture,))

    return register


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "made" / "for it"


def document_of(folder):
    return json.loads((folder / "claims.json").read_text(), parse_constant=pytest.fail)


def test_a_sound_run_writes_everything_and_names_the_report_last(marginflow, registered, folder):
    registered(*SOUND)
    ended = marginflow("reproduce", "-o", str(folder))
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == [claim.id for claim in SOUND]
    assert [line.split()[1] for line in lines[1:5]] == ["holds", "fails", "undecided", "skipped"]
    assert "error × log t: 1.001, expected 1 ±0.01" in lines[1]
    assert "4 claims: 1 hold, 1 fail as said, 1 undecided, 1 skipped" in ended.out
    assert lines[-1] == f"Report: {folder / 'report.html'}"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert all(claim.id in page for claim in SOUND)
    assert "An empty picture." in page
    drawn = ["a-picture", "fake2020-holds", "fake2021-undecided"]
    files = sorted(path.name for path in (folder / "figures").iterdir())
    assert files == sorted(f"{name}.{kind}" for name in drawn for kind in ("pdf", "png"))
    assert document_of(folder)["status"] == "done"


def test_the_document_is_the_file_and_the_same_twice_but_for_times(marginflow, registered, folder):
    registered(*SOUND)
    first = marginflow("reproduce", "--json", "-o", str(folder))
    assert first.err == ""
    assert first.out == (folder / "claims.json").read_text()
    pictures = {path: path.read_bytes() for path in (folder / "figures").iterdir()}
    second = marginflow("reproduce", "--json", "-o", str(folder))
    assert TIMES.sub("", first.out) == TIMES.sub("", second.out)
    assert pictures == {path: path.read_bytes() for path in (folder / "figures").iterdir()}
    found = first.document
    assert [claim["id"] for claim in found["claims"]] == [claim.id for claim in SOUND]
    assert found["summary"]["controls_fail"] is True
    assert found["environment"]["packages"]["numpy"]
    for claim in found["claims"]:
        assert all(os.path.exists(path) for path in claim["pictures"])


@pytest.mark.parametrize("wrong", [PROVED_BUT_FAILS, CONTROL_HOLDS, BROKEN], ids=lambda c: c.id)
def test_what_is_wrong_is_exit_code_1_and_named(marginflow, registered, folder, wrong):
    registered(HOLDS, wrong)
    ended = marginflow("reproduce", "-o", str(folder))
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert wrong.id in ended.err
    assert HOLDS.id not in ended.err
    assert "This must not be" in (folder / "report.html").read_text(encoding="utf-8")
    document = document_of(folder)
    assert (document["status"], document["exit_code"]) == ("failure", 1)
    assert [problem["id"] for problem in document["summary"]["problems"]] == [wrong.id]


def test_a_picture_that_cannot_be_drawn_loses_nothing_else(marginflow, registered, folder):
    def draw(evidence, ax):
        raise ZeroDivisionError("no line")

    registered(replace(HOLDS, draw=draw), FALSE)
    ended = marginflow("reproduce", "-o", str(folder))
    assert ended.code == 1
    assert "fake2020/holds has a picture that could not be drawn" in ended.err
    assert [claim["verdict"] for claim in document_of(folder)["claims"]] == ["holds", "fails"]


@pytest.mark.parametrize(
    ("patterns", "ids"),
    [
        (["fake2020/holds"], ["fake2020/holds"]),
        (["fake2021"], ["fake2021/undecided", "fake2021/skipped"]),
        (["*as-said", "fake2020/hol?s"], ["fake2020/holds", "fake2020/false-as-said"]),
    ],
)
def test_claims_are_chosen_by_id_source_and_pattern(marginflow, registered, folder, patterns, ids):
    registered(*SOUND)
    found = marginflow("reproduce", *patterns, "--json", "-o", str(folder)).document
    assert [claim["id"] for claim in found["claims"]] == ids
    assert found["pictures"] == []  # the gallery is for a run of all claims
    assert f"marginflow reproduce {' '.join(patterns)}".replace("*", "") in (
        folder / "report.html"
    ).read_text(encoding="utf-8").replace("*", "").replace("&#39;", "").replace("'", "")


def test_an_unknown_claim_is_a_usage_error_with_close_ones(marginflow, registered, folder):
    registered(*SOUND)
    ended = marginflow("reproduce", "fake2020/hold", "-o", str(folder))
    assert (ended.code, ended.out) == (2, "")
    assert "'fake2020/hold'" in ended.err
    assert "fake2020/holds" in ended.err
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_a_usage_error(marginflow, registered, tmp_path):
    registered(HOLDS)
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file", tmp_path / "file" / "below"):
        ended = marginflow("reproduce", "-o", str(target))
        assert (ended.code, ended.out) == (2, "")


def test_listing_runs_nothing(marginflow, registered, folder):
    registered(BROKEN, HOLDS)
    ended = marginflow("reproduce", "--list", "-o", str(folder))
    assert (ended.code, ended.err) == (0, "")
    assert [line.split()[0] for line in ended.out.splitlines()[1:]] == [BROKEN.id, HOLDS.id]
    assert HOLDS.statement in ended.out
    found = marginflow("reproduce", "--list", "--json", "fake2020/h*").document["claims"]
    assert [(claim["id"], claim["proved"]) for claim in found] == [(HOLDS.id, True)]
    assert not folder.exists()


def test_full_takes_the_sources_size(marginflow, registered, folder):
    registered(HOLDS)
    found = marginflow("reproduce", "--full", "--json", "-o", str(folder)).document
    assert found["claims"][0]["checks"][0]["measured"] == 1.0001
    assert found["full"] is True
    assert "At the sources" in (folder / "report.html").read_text(encoding="utf-8")


def test_verdicts_are_printed_as_claims_finish(marginflow, registered, folder, capsys):
    seen = []

    def watching(setting):
        seen.append(capsys.readouterr().out)
        return measure(setting)

    registered(HOLDS, replace(FALSE, experiment=watching))
    marginflow("reproduce", "-o", str(folder))
    assert HOLDS.id in seen[0]
    assert "holds" in seen[0]


def test_progress_says_which_claim_of_how_many_is_running(
    marginflow, registered, folder, monkeypatch
):
    titles = []

    @contextlib.contextmanager
    def noting(title: str, *, wanted: bool):
        titles.append((title, wanted))
        yield lambda step, steps, remark: None

    monkeypatch.setattr(reproduction, "progress_bar", noting)
    registered(HOLDS, FALSE)
    marginflow("reproduce", "-o", str(folder), "--no-progress")
    assert titles[:2] == [
        ("1 of 2  fake2020/holds", False),
        ("2 of 2  fake2020/false-as-said", False),
    ]
    marginflow("reproduce", "-o", str(folder))
    assert titles[-1][1]


def interrupted(setting):
    """Ctrl-C in the middle of a claim."""
    os.kill(os.getpid(), signal.SIGINT)
    return measure(setting)


def swallowing(setting):
    """Ctrl-C that a run takes for its own end, as a flow does, so that half a result comes back."""
    with contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    return measure(setting)


@pytest.mark.parametrize("experiment", [interrupted, swallowing])
def test_ctrl_c_keeps_the_claims_that_were_done(marginflow, registered, folder, experiment):
    registered(HOLDS, replace(FALSE, experiment=experiment), CONTROL_HOLDS)
    before = signal.getsignal(signal.SIGINT)
    ended = marginflow("reproduce", "-o", str(folder))
    assert signal.getsignal(signal.SIGINT) is before
    assert ended.code == 130
    assert "interrupted after 1 of 3 claims" in ended.err
    assert ended.out.splitlines()[-1] == f"Report: {folder / 'report.html'}"
    found = document_of(folder)
    assert found["status"] == "interrupted"
    assert [claim["id"] for claim in found["claims"]] == [HOLDS.id]
    assert found["pictures"] == []
    assert "1 of 3 claims were run" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("fails", [False, True])
def test_ctrl_c_in_the_gallery_keeps_all_claims_and_no_half_picture(
    marginflow, registered, folder, monkeypatch, fails
):
    def half_a_picture():
        """Draw what a run gave that took Ctrl-C for its own end."""
        swallowing(HOLDS.setting)
        return 1 / 0 if fails else a_picture()

    registered(HOLDS)
    monkeypatch.setattr(gallery, "GALLERY", (a_picture, half_a_picture))
    ended = marginflow("reproduce", "-o", str(folder))
    assert ended.code == 130
    found = document_of(folder)
    assert len(found["claims"]) == 1
    assert len(found["pictures"]) == 2
    assert found["summary"]["problems"] == []


def test_ctrl_c_before_the_first_claim_is_done_leaves_an_older_report(
    marginflow, registered, folder
):
    registered(HOLDS)
    marginflow("reproduce", "-o", str(folder))
    before = document_of(folder)
    registered(replace(HOLDS, experiment=interrupted))
    ended = marginflow("reproduce", "-o", str(folder))
    assert ended.code == 130
    assert "before the first claim" in ended.err
    assert document_of(folder) == before


def test_the_real_claims_are_listed(marginflow):
    found = marginflow("reproduce", "--list", "--json").document["claims"]
    assert len({claim["id"] for claim in found}) == len(found) > 10
    assert {claim["arxiv"] for claim in found if claim["arxiv"]} == {
        "2411.01350",
        "1710.10345",
        "2303.07475",
        "2311.17778",
        "2502.04664",
        "2406.10650",
        "2012.06244",
        "1802.08246",
        "1803.01905",
        "2110.03891",
        "2205.12808",
        "2107.00595",
        "2311.14387",
        "2010.15391",
        "2002.09277",
        "1905.13655",
        "1906.05890",
    }
