"""Least in norm is not least in each coefficient, nor in their sum.

The notes say that gradient descent picks "the coefficients smaller in absolute value".  Generic
interpolators in more dimensions than samples can have any one coefficient zero, so none has them
all smallest; and the sum of absolute values is least at a sparse interpolator, found by a linear
program.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.training_notes.problems import N_FEATURES, STEPS, descend, gaussian
from marginflow.claims.training_notes.source import SOURCE

ROUNDING = 1e-9


@dataclass(frozen=True)
class Setting:
    """Gradient descent on random regression problems, judged against other interpolators.

    Attributes:
        seeds: of the data.
        from_zero: whether it starts at zero, or at Gaussian weights.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    from_zero: bool = True


def experiment(setting: Setting) -> Evidence:
    """The share of coefficients that another solution has smaller, and Σ|w_j| over the least."""
    checks, pictures = [], {}
    for seed in setting.seeds:
        problem = gaussian(seed)
        start = np.zeros(N_FEATURES) if setting.from_zero else problem.start
        weights = descend(problem, start, (2 * STEPS,))[-1]
        beaten = np.mean(np.abs(weights) > _smallest(problem.features, problem.targets) + ROUNDING)
        sparse = _least_sum(problem.features, problem.targets)
        ratio = float(np.abs(weights).sum() / np.abs(sparse).sum())
        checks += [
            at_most(f"share of coefficients not the smallest, seed {seed}", beaten, 0.0),
            at_most(f"Σ|w_j| over the least possible, seed {seed}", ratio, 1.0, ROUNDING),
        ]
        pictures[f"seed {seed}"] = {"descent": np.abs(weights), "sparse": np.abs(sparse)}
    return Evidence(tuple(checks), pictures)


def _smallest(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Least |w_j| of all interpolators: 0 if the other features can meet the targets alone."""
    found = np.zeros(features.shape[1])
    for j in range(features.shape[1]):
        others = np.delete(features, j, axis=1)
        across = np.linalg.lstsq(others, np.stack([targets, features[:, j]], axis=1))[0]
        left, by_one = (np.stack([targets, features[:, j]], axis=1) - others @ across).T
        if np.linalg.norm(left) > ROUNDING * np.linalg.norm(targets):
            found[j] = abs(left @ by_one) / (by_one @ by_one)
    return found


def _least_sum(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    size = features.shape[1]
    found = linprog(
        np.ones(2 * size),
        A_eq=np.hstack([features, -features]),
        b_eq=targets,
        bounds=(0, None),
        method="highs",
    )
    return found.x[:size] - found.x[size:]


def draw(evidence: Evidence, ax: Any) -> Any:
    """The absolute coefficients of both interpolators, sorted."""
    name, both = next(iter(evidence.data.items()))
    ax.plot(np.sort(both["descent"])[::-1], "o-", label="gradient descent: least Σ w²")
    ax.plot(np.sort(both["sparse"])[::-1], "s-", label="least Σ|w|")
    ax.set(xlabel="coefficient, sorted", ylabel="|w|", title=f"Two interpolators, {name}")
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="training_notes/smallest-coefficients",
        source=SOURCE,
        section="implicit bias: linear regression, as said",
        statement=(
            "Among the weights with zero loss, gradient descent finds the coefficients smaller in "
            "absolute value: each of them, and their sum."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        full=Setting(seeds=tuple(range(50))),
        control=Setting(from_zero=False),
        control_statement="It starts at Gaussian weights, most of whose length stays.",
        tolerance_reason=(
            "A coefficient is smaller elsewhere or it is not; the linear program and the loop are "
            "exact to 1e-12, so 1e-9 is no difference. Gaussian coefficients are smaller than "
            "1e-9 of their size once in a billion."
        ),
        draw=draw,
    ),
)
