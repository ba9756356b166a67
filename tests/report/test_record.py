"""Records of judged claims: strict JSON, repeatable but for times."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from tests.report.fake_claims import HOLDS, SOUND, UNSOUND

from marginflow.claims.run_claims import judge
from marginflow.cli.json_document import json_document
from marginflow.losses import CrossEntropy
from marginflow.report import claim_record
from marginflow.report.record import setting_fields


@pytest.mark.parametrize("claim", [*SOUND, *UNSOUND], ids=lambda claim: claim.id)
def test_a_record_is_strict_json_and_repeatable_but_for_seconds(claim):
    first, second = (claim_record(judge(claim)) for _ in range(2))
    assert first.pop("seconds") >= 0
    del second["seconds"]
    document = json_document(first)
    assert document == json_document(second)
    found = json.loads(document, parse_constant=pytest.fail)
    assert found["id"] == claim.id
    assert found["control"]["statement"] == claim.control_statement
    assert found["tolerance_reason"] == claim.tolerance_reason
    assert found["command"] == f"marginflow reproduce {claim.id}"


def test_a_record_has_every_figure():
    judged = judge(HOLDS)
    record = claim_record(judged, ["a.png"])
    assert [check["name"] for check in record["checks"]] == ["error × log t", "accuracy"]
    assert record["checks"][0] == {
        "name": "error × log t",
        "measured": 1.001,
        "relation": "close",
        "expected": 1.0,
        "tolerance": 0.01,
        "uncertainty": 0.0,
        "verdict": "holds",
    }
    assert record["control"]["checks"][0]["measured"] == 1.5
    assert record["pictures"] == ["a.png"]
    np.testing.assert_array_equal(record["data"]["error"], judged.evidence.data["error"])


def test_the_setting_is_the_one_that_was_run():
    assert claim_record(judge(HOLDS))["setting"]["seeds"] == [0, 1, 2, 3]
    full = claim_record(judge(HOLDS, full=True), full=True)
    assert full["setting"]["seeds"] == list(range(10))
    assert full["command"].endswith("--full")
    same = replace(HOLDS, full=None)
    assert claim_record(judge(same, full=True), full=True)["setting"]["seeds"] == [0, 1, 2, 3]


@dataclass(frozen=True)
class Awkward:
    loss: object
    start: object
    table: object
    step: object = np.float64(0.5)


def test_settings_of_any_kind_have_plain_fields():
    found = setting_fields(Awkward(CrossEntropy(), np.zeros((40, 3)), {"a": np.arange(2)}))
    assert found == {
        "loss": "CrossEntropy",
        "start": "array of shape (40, 3)",
        "table": {"a": [0, 1]},
        "step": 0.5,
    }
    assert setting_fields({"n": 3}) == {"n": 3}
    assert setting_fields(7) == {"setting": 7}
    assert setting_fields(None) == {}
    assert "0x" not in str(setting_fields(object()))
