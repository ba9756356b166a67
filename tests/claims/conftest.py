"""Claims are run once for all tests of a session."""

import functools
from collections.abc import Callable

import pytest

from marginflow.claims import Judged, find_claims, judge


@pytest.fixture(scope="session")
def judged() -> Callable[[str], Judged]:
    """The claim of that id with its control, run at its smallest decisive size."""

    @functools.cache
    def run(name: str) -> Judged:
        [claim] = find_claims([name])
        return judge(claim)

    return run
