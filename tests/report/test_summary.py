"""What a run comes to: the headline counts, and what is wrong is named."""

from dataclasses import replace

import pytest
from tests.report.fake_claims import (
    BROKEN,
    CONTROL_HOLDS,
    FALSE,
    HOLDS,
    PROVED_BUT_FAILS,
    SOUND,
    UNDECIDED,
    Setting,
)

from marginflow.claims.claim import Check, Verdict
from marginflow.claims.run_claims import judge
from marginflow.report import Problem, summarize
from marginflow.report.check_text import (
    deciding,
    expected_text,
    limit_text,
    measured_text,
    number,
    telling,
    tolerance_text,
)


def test_a_sound_run_has_nothing_wrong():
    found = summarize([judge(claim) for claim in SOUND])
    assert found.sound
    assert found.headline == (
        "4 claims: 1 hold, 1 fail as said, 1 undecided, 1 skipped; all controls fail: yes"
    )


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (PROVED_BUT_FAILS, "is proved by its source, and fails here"),
        (
            replace(PROVED_BUT_FAILS, setting=Setting(1.0, uncertainty=1.0)),
            "is proved by its source, and is undecided here",
        ),
        (CONTROL_HOLDS, "has a control that should fail and holds"),
        (
            replace(HOLDS, control=Setting(1.0, uncertainty=1.0)),
            "has a control that should fail and is undecided",
        ),
        (BROKEN, "could not be run: ZeroDivisionError: nothing to divide by"),
    ],
)
def test_whatever_is_wrong_is_named(claim, words):
    judged = judge(claim)
    found = summarize([judge(HOLDS), judged])
    assert not judged.sound
    assert [problem.id for problem in found.problems] == [claim.id]
    assert words in found.problems[0].sentence


def test_a_claim_can_be_wrong_twice():
    twice = replace(PROVED_BUT_FAILS, control=Setting(1.0))
    assert len(summarize([judge(twice)]).problems) == 2


def test_a_picture_that_failed_is_wrong():
    problem = Problem("fake2020/holds", "has a picture that could not be drawn")
    assert summarize([judge(HOLDS)], [problem]).problems == (problem,)


def test_every_claim_is_counted_once():
    claims = [*SOUND, PROVED_BUT_FAILS, CONTROL_HOLDS, BROKEN]
    found = summarize([judge(claim) for claim in claims])
    parts = [found.holds, found.fails, found.undecided, found.contradicted, found.skipped]
    assert sum(parts) + found.errors == found.claims == 7
    assert found.controls_fail is False
    assert "1 proved but not found" in found.headline
    assert "1 could not be run" in found.headline


def test_without_a_control_nothing_is_said_of_controls():
    found = summarize([judge(BROKEN)])
    assert found.controls_fail is None
    assert found.headline.endswith("none was run")
    assert summarize([]).headline.startswith("0 claims")
    assert summarize([judge(UNDECIDED)]).headline.startswith("1 claim:")


def test_a_statement_that_no_source_proves_may_fail():
    assert summarize([judge(FALSE)]).sound


def test_digits_follow_the_tolerance():
    fine = Check("x", 0.314405461234567, 0.3144054612, tolerance=1e-9)
    coarse = replace(fine, tolerance=0.1)
    assert measured_text(fine) == "0.3144054612"
    assert measured_text(coarse) == "0.3144"
    assert (expected_text(fine), tolerance_text(fine)) == ("0.3144054612", "±1e-9")
    bound = Check("x", 2e-12, 1e-11, relation="at_most", uncertainty=1e-13)
    assert measured_text(bound) == "2e-12 ± 1e-13"
    assert (expected_text(bound), tolerance_text(bound)) == ("≤ 1e-11", "none")
    least = Check("x", 0.99, 1.0, tolerance=0.02, relation="at_least")
    assert (expected_text(least), tolerance_text(least)) == ("≥ 1", "-0.02")
    assert measured_text(Check("rise", -0.00038638865767, 0.0, 1e-13, "at_most")) == "-0.0003864"
    assert measured_text(Check("gap", 1.0000001234, 1.0, relation="at_most")) == "1.00000012"


def test_limits_are_one_phrase():
    check = Check("x", 1.0, 1.0, tolerance=0.01)
    assert limit_text(check) == "expected 1 ±0.01"
    assert limit_text(replace(check, tolerance=0.0)) == "expected 1"
    assert limit_text(replace(check, relation="at_most")) == "at most 1 +0.01"
    assert limit_text(replace(check, relation="at_least")) == "at least 1 -0.01"
    assert limit_text(replace(check, relation="at_least", expected=0.0)) == "at least -0.01"
    assert (
        limit_text(replace(check, relation="at_most", expected=0.0, tolerance=0.0)) == "at most 0"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "not a number"),
        (float("-inf"), "-∞"),
        (1e300, "1e300"),
        (1e-7, "1e-7"),
        (-2.5, "-2.5"),
    ],
)
def test_every_number_has_words(value, text):
    assert number(value, 4) == text


def test_the_check_that_decides_is_the_worst_or_the_nearest_to_its_limit():
    easy = Check("easy", 1.0, 1.0, tolerance=0.1)
    near = Check("near", 1.09, 1.0, tolerance=0.1)
    exact = Check("exact", 1.0, 1.0, relation="at_least")
    vague = Check("vague", 1.0, 1.0, tolerance=0.1, uncertainty=1.0)
    wrong = Check("wrong", 1.2, 1.0, tolerance=0.1)
    nothing = Check("nothing", float("nan"), 1.0, tolerance=0.1)
    assert deciding([easy, near, exact]) is near
    assert deciding([exact, easy]) is easy
    assert deciding([near, vague]) is vague
    assert deciding([nothing, wrong, vague]) is wrong
    assert deciding([]) is None
    assert [check.name for check in telling([easy, wrong, exact, near], 2)] == ["wrong", "near"]
    assert nothing.verdict == Verdict.UNDECIDED
