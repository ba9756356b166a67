"""Oracles: the registered templates as their papers write them, in 60 digits.

Nothing of the package is used here.  A newly registered loss needs its own entry: the tests loop
over all registered losses and look their oracles up by name.
"""

from collections.abc import Iterator

import mpmath
import pytest
from mpmath import mpf
from tests.losses.fenchel_young_oracles import FENCHEL_YOUNG_ORACLES
from tests.losses.margin_loss_oracles import MARGIN_LOSS_ORACLES
from tests.losses.oracles import Oracle, Vector, pair_sum


def cross_entropy_slopes(u: Vector) -> Vector:
    terms = [mpmath.exp(-x) for x in u]
    total = 1 + mpmath.fsum(terms)
    return [-term / total for term in terms]


def crammer_singer_slopes(u: Vector) -> Vector:
    low = min(u)
    share = mpf(1) / u.count(low) if low < 1 else mpf(0)
    return [-share if x == low else mpf(0) for x in u]


ORACLES = {
    "cross-entropy": Oracle(
        lambda u: mpmath.log1p(mpmath.fsum(mpmath.exp(-x) for x in u)), cross_entropy_slopes
    ),
    "multiclass-exponential": pair_sum(lambda x: mpmath.exp(-x), lambda x: -mpmath.exp(-x)),
    "pair-log-loss": pair_sum(
        lambda x: mpmath.log1p(mpmath.exp(-x)), lambda x: -1 / (1 + mpmath.exp(x))
    ),
    "polynomial": pair_sum(
        lambda x: 1 / (1 + x) if x >= 0 else 1 - x + x**2,
        lambda x: -1 / (1 + x) ** 2 if x >= 0 else -1 + 2 * x,
    ),
    "crammer-singer": Oracle(lambda u: max(mpf(0), 1 - min(u)), crammer_singer_slopes),
    "weston-watkins": pair_sum(
        lambda x: max(mpf(0), 1 - x), lambda x: mpf(-1) if x < 1 else mpf(0)
    ),
    **MARGIN_LOSS_ORACLES,
    **FENCHEL_YOUNG_ORACLES,
}


@pytest.fixture(autouse=True)
def _sixty_digits() -> Iterator[None]:
    with mpmath.workdps(60):
        yield


@pytest.fixture(scope="session")
def oracles() -> dict[str, Oracle]:
    """The oracle of each registered loss."""
    return ORACLES
