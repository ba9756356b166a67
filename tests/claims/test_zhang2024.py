"""Claims on Adam without ε: verdicts."""

import pytest

from marginflow.claims import Verdict
from marginflow.claims.zhang2024 import CLAIMS


@pytest.mark.parametrize("name", [claim.id for claim in CLAIMS])
def test_every_statement_of_this_source_holds(name, judged):
    assert judged(name).verdict == Verdict.HOLDS
