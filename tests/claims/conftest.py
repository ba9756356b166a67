"""Claims are run once for all tests of a session."""

import functools
from collections.abc import Callable

import jaxtyping
import pytest

from marginflow.claims import Judged, find_claims, judge


@pytest.fixture(scope="session")
def judged() -> Callable[[str], Judged]:
    """The claim of that id with its control, run at its smallest decisive size.

    A claim that needs an extra which is missing skips the test that asks for it.
    """

    @functools.cache
    def run(name: str) -> Judged:
        [claim] = find_claims([name])
        # Types are checked by the tests of each room; here they would double the time.
        jaxtyping.config.update("jaxtyping_disable", True)
        try:
            return judge(claim)
        finally:
            jaxtyping.config.update("jaxtyping_disable", False)

    def found(name: str) -> Judged:
        result = run(name)
        if result.status == "skipped":
            pytest.skip(result.message)
        return result

    return found
