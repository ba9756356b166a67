"""Claims on rates and growth of margins: their verdicts, and what growth is."""

import numpy as np
import pytest

from marginflow.claims import Verdict, find_claims
from marginflow.claims.descents import best_of
from marginflow.claims.growth import PER_DECADE, TOLERANCE, bound_of, growth_check

SOURCES = ("gunasekar2018", "nacson2019", "wang2022", "sun2022", "ji2021", "wang2023")


@pytest.mark.parametrize("name", [claim.id for claim in find_claims(SOURCES)])
def test_every_statement_of_these_sources_holds(name, judged):
    assert judged(name).verdict == Verdict.HOLDS


def test_growth_tells_the_norm_apart_where_the_direction_is_still_late():
    norms = ("frobenius", "max", "l1")
    times = np.log(np.geomspace(1e2, 1e6, 4 * PER_DECADE + 1))[:, None, None]
    residual = np.random.default_rng(1).standard_normal((5, 3))
    for norm in norms:
        late = 1e3 * times * best_of("clusters", norm).weights + residual
        verdicts = {each: growth_check("", "clusters", late, each).verdict for each in norms}
        assert [each for each in norms if verdicts[each] == Verdict.HOLDS] == [norm]


def test_the_bound_is_that_of_the_largest_singular_value():
    from marginflow.claims.descents import problem

    # cross-entropy has smoothness ½ in the scores: η < 2/(½ σ²)
    assert bound_of("clusters") == pytest.approx(
        4.0 / np.linalg.norm(problem("clusters").features, 2) ** 2, rel=1e-9
    )
    assert TOLERANCE < 0.05
