"""The score function: the gradient of the loss, of mean zero, with the Fisher information."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.likelihood2024.source import SOURCE
from marginflow.likelihoods import Likelihood, get_likelihood, registered_likelihoods

# Of those that the article names; the others, of which some take a second each, are in full runs.
FAMILIES = (
    "bernoulli",
    "categorical",
    "unit-gaussian",
    "laplace",
    "student-t",
    "poisson",
    "von-mises",
    "beta",
    "gamma",
    "weibull-survival",
)
N_DRAWS, STEP = 2000, 1e-4
SAME, ERRORS, ROUNDING = 1e-8, 4.5, 1e-12


@dataclass(frozen=True)
class Families:
    """Registered likelihoods at scores near zero, with targets drawn from them.

    Attributes:
        names: which.
        inverse_link: of the loss whose differences are taken.
        shift: between the scores that the targets are drawn with and those that are judged.
    """

    names: tuple[str, ...] = FAMILIES
    inverse_link: str = "exp"
    shift: float = 0.0


def gradients(setting: Families) -> Evidence:
    """The score function less differences of the loss, at each target."""
    checks = []
    for name in setting.names:
        family, row, targets = _drawn(name)
        differed = dataclasses.replace(family, inverse_link=setting.inverse_link)
        score = _score(family, row, targets)
        off = 0.0
        for j, move in enumerate(STEP * np.eye(family.n_scores)):
            far_back, back, ahead, far = (
                _loss(differed, row + k * move, targets) for k in (-2, -1, 1, 2)
            )
            slope = (8.0 * (ahead - back) - (far - far_back)) / (12.0 * STEP)
            off = max(off, np.max(np.abs(slope - score[:, j]) / (1.0 + np.abs(score[:, j]))))
        checks.append(at_most(f"{name}: gradient less differences, relative", off, 0.0, SAME))
    return Evidence(tuple(checks))


def moments(setting: Families) -> Evidence:
    """Mean and variance of the score function less zero and the information, in their errors."""
    checks = []
    for name in setting.names:
        family, row, targets = _drawn(name)
        there = row + setting.shift
        score = _score(family, there, targets)
        fisher = np.asarray(family.fisher(_shaped(family, there[None])), np.float64)
        square = score[:, :, None] * score[:, None, :]
        by_mean = _in_errors(score, np.zeros(family.n_scores))
        by_square = _in_errors(square, fisher.reshape(square.shape[1:]))
        checks += [
            at_most(f"{name}: mean score, in standard errors", by_mean, ERRORS),
            at_most(f"{name}: its variance less Fisher's, in standard errors", by_square, ERRORS),
        ]
    return Evidence(tuple(checks))


def _in_errors(drawn: np.ndarray, expected: np.ndarray) -> float:
    """How far means of draws are off; what does not vary may be off by rounding."""
    error = drawn.std(axis=0) / np.sqrt(len(drawn)) + ROUNDING
    return float(np.max(np.abs(drawn.mean(axis=0) - expected) / error))


def _drawn(name: str) -> tuple[Likelihood, np.ndarray, np.ndarray]:
    """A family, scores (p,), and targets with these."""
    family = get_likelihood(name)
    row = 0.5 * np.random.default_rng(0).standard_normal(family.n_scores)
    if family.support.name in ("proportion", "simplex"):  # no mass that hides next to 0 and 1
        row = 1.0 + np.abs(row)
    targets = np.asarray(family.sample(_shaped(family, row[None]), seed=1, size=N_DRAWS))
    return family, row, targets[:, 0]


def _shaped(family: Likelihood, rows: np.ndarray) -> np.ndarray:
    return rows[:, 0] if family.n_scores == 1 else rows


def _loss(family: Likelihood, row: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.asarray(family.loss(_shaped(family, np.tile(row, (N_DRAWS, 1))), targets))


def _score(family: Likelihood, row: np.ndarray, targets: np.ndarray) -> np.ndarray:
    found: Any = family.score(_shaped(family, np.tile(row, (N_DRAWS, 1))), targets)
    return np.asarray(found).reshape(N_DRAWS, family.n_scores)


CLAIMS = (
    Claim(
        id="likelihood2024/gradients",
        source=SOURCE,
        section="losses beyond the common three",
        statement=(
            "Each likelihood makes a loss whose gradient is the score function: from Bernoulli and "
            "Gaussian to Laplace, Student's t, Poisson, von Mises, beta, gamma and Weibull."
        ),
        proved=True,
        experiment=gradients,
        setting=Families(),
        full=Families(tuple(registered_likelihoods())),
        control=Families(("poisson", "gamma"), inverse_link="softplus"),
        control_statement="It is the gradient with the softplus link too.",
        tolerance_reason=(
            "Differences of fourth order with steps of 1e-4 miss 1e-16 times a fifth derivative, "
            "and divide the rounding of losses of size 10, 1e-15, by 1e-4."
        ),
    ),
    Claim(
        id="likelihood2024/score-and-information",
        source=SOURCE,
        section="losses beyond the common three; as derived here",
        statement=(
            "At the truth the score function has mean zero, and its variance is the Fisher "
            "information."
        ),
        proved=True,
        experiment=moments,
        setting=Families(),
        full=Families(tuple(registered_likelihoods())),
        control=Families(("poisson", "unit-gaussian"), shift=0.3),
        control_statement="So it is where scores are .3 off the truth.",
        tolerance_reason=(
            "2,000 draws; of some sixty means one is beyond 4.5 of its standard errors once in two "
            "thousand runs, and all draws are fixed. A shift of .3 is more than ten."
        ),
    ),
)
