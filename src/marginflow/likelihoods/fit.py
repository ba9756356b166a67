"""Maximum likelihood: any family, with scores that are constant or linear in features.

A family gives its loss and its score function in coordinates; the gradient in the coefficients
follows by the chain rule.  One optimizer, L-BFGS, serves all of them.  It starts from `start`, in
units in which every coefficient has about unit curvature: a coordinate is measured by the spread of
its score at the start, and features come as an orthonormal basis (`orthonormal`).  Nothing is
penalized.

XLA compiles a program for each family and each length; rows are therefore taken in blocks of one
length, the last of them padded.
"""

import functools
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import numpy as np
from scipy.optimize import minimize

from marginflow._precision import x64
from marginflow.likelihoods.likelihood import Likelihood

BLOCK = 1024  # rows
MOST_STEPS = 200
WIDEST_STEP = 3.0  # in a logarithm, whose score says little where it barely matters
OUT_OF_RANGE = 1e12  # stands for a loss that overflows, which the line search then leaves


@dataclass(frozen=True, eq=False)
class Fit:
    """A family with its coefficients.

    Attributes:
        likelihood: the family.
        intercepts: (p,), in coordinates.
        slopes: (d, p), zero where a coordinate is constant; d is 0 without features.
    """

    likelihood: Likelihood
    intercepts: np.ndarray
    slopes: np.ndarray

    def coordinates(self, design: np.ndarray) -> np.ndarray:
        """The coordinates (n, p) of rows of features (n, d)."""
        return self.intercepts + design @ self.slopes


def fit(
    likelihood: Likelihood,
    targets: np.ndarray,
    design: np.ndarray,
    weights: np.ndarray,
    linear: np.ndarray,
) -> Fit:
    """The coefficients of greatest likelihood.

    Args:
        likelihood: the family.
        targets: (n,) or (n, m).
        design: (n, d) features with an orthonormal basis; d may be 0.
        weights: (n,) ≥ 0, how often each row counts.
        linear: (p,) of booleans, which coordinates are linear in the features.
    """
    share = weights / weights.sum()
    start = Fit(
        likelihood,
        _finite_start(likelihood, targets, weights),
        np.zeros((design.shape[1], likelihood.n_scores)),
    )
    units = _units(likelihood, targets, share, start.coordinates(design))
    chosen = np.flatnonzero(linear)

    def unpacked(moves: np.ndarray) -> Fit:
        p = likelihood.n_scores
        slopes = start.slopes.copy()
        slopes[:, chosen] = moves[p:].reshape(-1, len(chosen)) * units[chosen]
        return Fit(likelihood, start.intercepts + moves[:p] * units, slopes)

    def objective(moves: np.ndarray) -> tuple[float, np.ndarray]:
        coordinates = unpacked(moves).coordinates(design)
        losses, scores = losses_and_scores(likelihood, coordinates, targets)
        value = float(share @ losses)
        if not np.isfinite(value):
            return OUT_OF_RANGE, np.zeros_like(moves)
        pulls = np.nan_to_num(scores, posinf=0.0, neginf=0.0) * share[:, None] * units
        of_slopes = design.T @ pulls[:, chosen]
        return value, np.concatenate([pulls.sum(axis=0), of_slopes.reshape(-1)])

    n_moves = likelihood.n_scores + design.shape[1] * len(chosen)
    options = {"maxiter": MOST_STEPS, "ftol": 1e-8, "gtol": 1e-5}
    with np.errstate(all="ignore"):
        found = minimize(objective, np.zeros(n_moves), jac=True, method="L-BFGS-B", options=options)
    return unpacked(found.x)


def losses_and_scores(
    likelihood: Likelihood, coordinates: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The loss (n,) and the score function (n, p) of rows, in coordinates."""
    n, blocks = len(targets), []
    with x64():
        for i in range(0, n, BLOCK):
            rows = [_padded(array[i : i + BLOCK]) for array in (coordinates, targets)]
            blocks.append(_compiled()(likelihood, *rows))
    losses, scores = (
        np.concatenate([np.asarray(each) for each in part]) for part in zip(*blocks, strict=True)
    )
    return losses[:n], scores[:n]


def orthonormal(features: np.ndarray) -> np.ndarray:
    """Features (n, d) as r ≤ d centered columns of mean square 1 that span the same, (n, r)."""
    varied = features[:, np.ptp(features, axis=0) > 0]
    if not varied.shape[1]:
        return varied
    centered = varied - varied.mean(axis=0)
    centered -= centered.mean(axis=0)  # what rounding has left of a mean that is large
    scaled = centered / np.abs(centered).max(axis=0)
    left, values, _ = np.linalg.svd(scaled, full_matrices=False)
    kept = values > values[0] * max(features.shape) * np.finfo(np.float64).eps
    return left[:, kept] * np.sqrt(len(features))


def linear_coordinates(likelihood: Likelihood) -> np.ndarray:
    """Which coordinates (p,) a regression makes linear in the features.

    The location or the rate alone, as in generalized linear models; every class, both shapes of
    shares, the whole vector of an angle, and every mean of a mixture.
    """
    name, p = likelihood.name, likelihood.n_scores
    if name in ("Categorical", "Dirichlet", "Beta", "VonMises"):
        return np.ones(p, dtype=bool)
    if name == "GaussianMixture":
        return np.arange(p) // (p // 3) == 1
    return np.arange(p) == 0


def _finite_start(likelihood: Likelihood, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The family's own start; a class that does not occur gets half a row."""
    if np.all(weights == weights[0]):
        rows = targets
    else:
        # a start needs no more than the shape of the distribution: as many rows, by their weights
        most = max(len(targets), 20_000)
        share = np.maximum(np.rint(weights * min(1.0, most / weights.sum())), weights > 0)
        rows = np.repeat(targets, share.astype(np.int64), axis=0)
    start = likelihood._start(np.asarray(rows, np.float64))
    return np.where(np.isfinite(start), start, np.log(0.5 / len(rows)))


def _units(
    likelihood: Likelihood, targets: np.ndarray, share: np.ndarray, coordinates: np.ndarray
) -> np.ndarray:
    _, scores = losses_and_scores(likelihood, coordinates, targets)
    size = np.sqrt(share @ np.nan_to_num(scores, posinf=0.0, neginf=0.0) ** 2)
    units = 1 / np.where(size > 0, size, 1.0)
    return np.where(likelihood.positive, np.minimum(units, WIDEST_STEP), units)


def _padded(array: np.ndarray) -> np.ndarray:
    padded = np.empty((BLOCK, *array.shape[1:]))
    padded[: len(array)] = array
    padded[len(array) :] = array[-1]
    return padded


@functools.cache
def _compiled() -> Any:
    @eqx.filter_jit
    def evaluate(likelihood: Any, coordinates: Any, targets: Any) -> Any:
        return likelihood._loss(coordinates, targets), likelihood._score(coordinates, targets)

    return evaluate
