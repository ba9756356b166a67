"""The likelihoods that the laws are tested on: all that are registered, with both links."""

import dataclasses

import numpy as np
import pytest

import marginflow as mf

REGISTERED = mf.registered_likelihoods()
BOTH_LINKS = {
    **REGISTERED,
    **{
        f"{name}/softplus": dataclasses.replace(family, inverse_link="softplus")
        for name, family in REGISTERED.items()
        if any(family.positive)
    },
}
# A few targets of each support, in numbers that single precision holds exactly.
TARGETS = {
    "binary": [0, 1],
    "categorical": [0, 1, 2],
    "ordinal": [0, 1, 2],
    "real": [0.25, -48.0],
    "count": [0, 1, 7, 50],
    "positive": [2.0**-10, 1.0, 40.0],
    "proportion": [2.0**-10, 0.5, 0.875],
    "angle": [0.0, 0.25, -3.0],
    "censored": [[0.5, 1], [40.0, 1], [0.5, 0], [40.0, 0]],
    "simplex": [[0.25, 0.25, 0.5], [2.0**-10, 0.125, 0.875 - 2.0**-10]],
}

every_family = pytest.mark.parametrize("name", REGISTERED)
every_link = pytest.mark.parametrize("name", BOTH_LINKS)


def targets_of(family: mf.Likelihood) -> np.ndarray:
    return np.array(TARGETS[family.support.name], np.float64)


def shaped(family: mf.Likelihood, rows: np.ndarray) -> np.ndarray:
    """Rows (n, p) as the family takes scores."""
    return rows[:, 0] if family.n_scores == 1 else rows


def pairs(
    family: mf.Likelihood, rows: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Every row with every target."""
    return np.repeat(rows, len(targets), axis=0), np.tile(
        targets, (len(rows), *(1,) * (targets.ndim - 1))
    )
