"""Laws of claims: of the judge, of the registry, and of every claim there is.

Every claim is run at its smallest decisive size, once, with its control.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marginflow.claims import (
    SOURCES,
    Check,
    Claim,
    Evidence,
    Source,
    Verdict,
    all_claims,
    find_claims,
    judge,
    run_claims,
)

CLAIMS = {claim.id: claim for claim in all_claims()}
IDS = list(CLAIMS)

figures = st.floats(-1e6, 1e6)
sizes = st.floats(0, 1e6)


class TestEveryClaim:
    @pytest.mark.parametrize("name", IDS)
    def test_its_control_fails(self, name, judged):
        found = judged(name)
        assert found.status == "run", found.message
        assert found.control_verdict == Verdict.FAILS

    @pytest.mark.parametrize("name", IDS)
    def test_it_is_decided_and_holds_if_its_source_proves_it(self, name, judged):
        found = judged(name)
        assert found.status == "run", found.message
        wrong = [check for check in found.evidence.checks if check.verdict != Verdict.HOLDS]
        assert found.verdict != Verdict.UNDECIDED, wrong
        assert found.sound, wrong

    @pytest.mark.parametrize("name", IDS)
    def test_it_says_what_it_claims_and_why_the_tolerance_is_what_it_is(self, name):
        claim = CLAIMS[name]
        for text in (claim.statement, claim.control_statement, claim.tolerance_reason):
            assert text == text.strip()
            assert text[-1] in ".?"
        assert claim.section.strip()
        assert claim.control not in (claim.setting, claim.full)

    @pytest.mark.parametrize("name", IDS)
    def test_its_settings_are_frozen_values(self, name):
        claim = CLAIMS[name]
        for setting in (claim.setting, claim.control, claim.full or claim.setting):
            assert dataclasses.is_dataclass(setting)
            assert setting.__dataclass_params__.frozen
            hash(setting)

    @pytest.mark.parametrize("name", IDS)
    def test_its_figures_are_finite_and_named(self, name, judged):
        found = judged(name)
        for evidence in (found.evidence, found.control):
            names = [check.name for check in evidence.checks]
            assert names
            assert len(set(names)) == len(names)
            for check in evidence.checks:
                assert math.isfinite(check.expected)
                assert check.tolerance >= 0
                assert not math.isnan(check.measured)
        assert all(math.isfinite(check.measured) for check in found.evidence.checks)

    @pytest.mark.parametrize("name", IDS)
    def test_its_evidence_can_be_written_as_json(self, name, judged):
        found = judged(name)
        for evidence in (found.evidence, found.control):
            checks = [dataclasses.asdict(check) for check in evidence.checks]
            json.dumps([checks, _plain(evidence.data)])

    @pytest.mark.parametrize("name", [name for name in IDS if CLAIMS[name].draw is not None])
    def test_its_evidence_can_be_drawn(self, name, judged):
        figure, ax = plt.subplots()
        try:
            CLAIMS[name].draw(judged(name).evidence, ax)
            figure.canvas.draw()
            assert ax.has_data() or any(child.has_data() for child in ax.child_axes)
        finally:
            plt.close(figure)


def _plain(value: Any) -> Any:
    """Arrays as lists; anything that JSON does not know stays, and fails."""
    if isinstance(value, Mapping):
        assert all(isinstance(key, str) for key in value)
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


class TestFinding:
    def test_ids_are_unique_and_begin_with_a_source(self):
        assert len(IDS) == len(all_claims())
        assert {name.split("/")[0] for name in IDS} == set(SOURCES)

    def test_a_source_and_a_wildcard_and_an_id_select_in_order(self):
        source = SOURCES[0]
        of_source = [name for name in IDS if name.startswith(f"{source}/")]
        assert [claim.id for claim in find_claims([source])] == of_source
        assert [claim.id for claim in find_claims([f"{source}/*"])] == of_source
        assert [claim.id for claim in find_claims([of_source[2], of_source[0]])] == [
            of_source[0],
            of_source[2],
        ]
        assert find_claims() == all_claims()

    def test_a_pattern_without_a_claim_is_refused_with_a_hint(self):
        with pytest.raises(ValueError, match=r"no claim matches 'ravi2024/direktion'.*direction"):
            find_claims(["ravi2024/direktion"])


class TestChecks:
    @given(figures, figures, sizes)
    def test_close_is_symmetric_and_decided(self, measured, expected, tolerance):
        verdict = Check("x", measured, expected, tolerance).verdict
        assert verdict == Check("x", expected, measured, tolerance).verdict
        assert verdict == (
            Verdict.HOLDS if abs(measured - expected) - tolerance <= 0 else Verdict.FAILS
        )

    @given(figures, figures, sizes, sizes)
    def test_at_least_is_at_most_upside_down(self, measured, expected, tolerance, uncertainty):
        below = Check("x", measured, expected, tolerance, "at_most", uncertainty)
        above = Check("x", -measured, -expected, tolerance, "at_least", uncertainty)
        assert below.verdict == above.verdict

    @given(figures, figures, sizes, sizes)
    def test_uncertainty_only_takes_decisions_away(self, measured, expected, tolerance, more):
        sure = Check("x", measured, expected, tolerance)
        unsure = dataclasses.replace(sure, uncertainty=more)
        assert unsure.verdict in (sure.verdict, Verdict.UNDECIDED)
        if abs(sure.excess) > 2 * more + 1e-9:
            assert unsure.verdict == sure.verdict

    @pytest.mark.parametrize("field", ["measured", "expected", "uncertainty"])
    def test_what_is_not_a_number_decides_nothing(self, field):
        check = dataclasses.replace(Check("x", 0.0, 0.0), **{field: math.nan})
        assert check.verdict == Verdict.UNDECIDED

    def test_an_unknown_relation_is_refused(self):
        with pytest.raises(ValueError, match="close, at_most or at_least"):
            _ = Check("x", 0.0, 0.0, relation="about").verdict


HOLDS, FAILS = Check("holds", 0.0, 0.0), Check("fails", 1.0, 0.0)
OPEN = Check("open", 1.0, 0.0, uncertainty=2.0)


class TestVerdicts:
    @pytest.mark.parametrize(
        ("checks", "verdict"),
        [
            ((), Verdict.UNDECIDED),
            ((HOLDS,), Verdict.HOLDS),
            ((HOLDS, OPEN), Verdict.UNDECIDED),
            ((HOLDS, OPEN, FAILS), Verdict.FAILS),
        ],
    )
    def test_one_failure_fails_and_one_doubt_is_doubt(self, checks, verdict):
        assert Evidence(checks).verdict == verdict

    @pytest.mark.parametrize(
        ("setting", "control", "proved", "sound"),
        [
            (HOLDS, FAILS, True, True),
            (FAILS, FAILS, True, False),
            (FAILS, FAILS, False, True),
            (OPEN, FAILS, True, False),
            (HOLDS, HOLDS, True, False),
            (HOLDS, OPEN, False, False),
        ],
    )
    def test_a_run_is_sound_if_the_control_fails_and_theorems_hold(
        self, setting, control, proved, sound
    ):
        found = judge(_claim(setting=setting, control=control, proved=proved))
        assert found.sound == sound

    def test_the_full_setting_is_run_when_asked_for(self):
        claim = _claim(setting=HOLDS, control=FAILS, full=OPEN)
        assert judge(claim).verdict == Verdict.HOLDS
        assert judge(claim, full=True).verdict == Verdict.UNDECIDED

    def test_a_broken_claim_is_an_error_and_the_others_go_on(self):
        broken, whole = _claim(setting=None, control=FAILS), _claim(setting=HOLDS, control=FAILS)
        announced = []
        found = list(run_claims([broken, whole], announce=announced.append))
        assert announced == [broken, whole]
        assert [each.status for each in found] == ["error", "run"]
        assert "AttributeError" in found[0].message
        assert not found[0].sound

    def test_a_claim_whose_extra_is_missing_is_skipped(self):
        found = judge(_claim(setting=HOLDS, control=FAILS, requires=("no_such_package",)))
        assert found.status == "skipped"
        assert "marginflow[no_such_package]" in found.message
        assert found.verdict is None

    def test_a_claim_belongs_to_its_source(self):
        with pytest.raises(ValueError, match="elsewhere"):
            _claim(id="elsewhere/x", setting=HOLDS, control=FAILS)


def _experiment(check: Check) -> Evidence:
    return Evidence((dataclasses.replace(check),)) if check else Evidence((check.missing,))


def _claim(**changes: Any) -> Claim:
    made: dict[str, Any] = {
        "id": "test/x",
        "source": Source("test", "A test."),
        "section": "1",
        "statement": "It is so.",
        "proved": False,
        "experiment": _experiment,
        "control_statement": "It is not.",
        "tolerance_reason": "None is needed.",
    }
    return Claim(**(made | changes))


def test_every_source_of_a_claim_is_among_the_papers_to_cite():
    text = (Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8")
    for source in {claim.source for claim in CLAIMS.values() if claim.source.arxiv}:
        assert f'"arXiv:{source.arxiv}"' in text
        assert f"https://arxiv.org/abs/{source.arxiv}" in text
