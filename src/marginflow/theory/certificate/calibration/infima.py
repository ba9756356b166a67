"""The two infima that calibration compares: of C_p over all scores, and over the wrong ones."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Costs are told apart to this share of what C_p varies over scores within 1 of each other.
RESOLVED = 1e-9
RESOLVED_BY_CUTS = 1e-7


class Infima(NamedTuple):
    """For m distributions: the least cost, the least of wrong scores, and these (m, K).

    The true difference of the infima is between `least` and `most`, which are one where nothing
    encloses it; both are shares of `spread`, and up to `resolved` they are nothing.
    """

    p: np.ndarray
    spread: np.ndarray
    infimum: np.ndarray
    wrong_value: np.ndarray
    wrong: np.ndarray
    least: np.ndarray
    most: np.ndarray
    resolved: np.ndarray

    @property
    def gap(self) -> np.ndarray:
        """What wrong scores were found to miss the infimum by, as a share of `spread`, (m,)."""
        return (self.wrong_value - self.infimum) / self.spread

    def of(self, which: np.ndarray) -> "Infima":
        """For some of the distributions."""
        return Infima(*(each[which] for each in self))


def together(parts: Sequence[Infima]) -> Infima:
    """For the distributions of all parts."""
    return Infima(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def is_wrong(scores: np.ndarray) -> np.ndarray:
    """Whether another class comes up to the likeliest one, of scores (..., K): (...)."""
    return scores[..., 1:].max(axis=-1) >= scores[..., 0]
