"""Claims on homogeneous networks, and what they are made of."""

import numpy as np
import pytest

from marginflow.claims import Verdict
from marginflow.claims.lyu2020 import CLAIMS
from marginflow.claims.lyu2020.network_runs import network_run


@pytest.mark.parametrize("name", [claim.id for claim in CLAIMS])
def test_every_statement_of_this_source_holds(name, judged):
    assert judged(name).verdict == Verdict.HOLDS


def test_the_smoothed_margin_is_at_most_the_normalized_one_and_nears_it(judged):
    """L is at least e^-u of the least margin u, and at most n (K - 1) times that."""
    for name, data in judged("lyu2020/margin-rises").evidence.data.items():
        found = network_run(name, "gradient", 1000, 0.1)
        pairs = found.network.margins(found.run.weights).size
        depth, share = -data["log_risk"], data["smoothed"] / data["normalized"]
        # the cross-entropy is e^-u up to a factor of 1 + e^-u, here by less than a half
        assert np.all(share[depth > 1] < 1.0 + 0.5 / depth[depth > 1])
        assert np.all(share >= depth / (depth + np.log(pairs)) - 1e-12)
