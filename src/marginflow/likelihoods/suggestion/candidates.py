"""Which families compete for a target, each with how it reads the target and what it costs.

All candidates of one target are on one scale: probabilities with probabilities, densities with
densities.  Where whole numbers have a wide spread, continuous families compete too, each by the
probability that it gives to the interval of length one around the number.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from scipy.stats import t as student

from marginflow.likelihoods.categorical import Bernoulli, Categorical
from marginflow.likelihoods.dirichlet import Beta, Dirichlet
from marginflow.likelihoods.fit import linear_coordinates
from marginflow.likelihoods.gamma import Gamma
from marginflow.likelihoods.gaussian import Gaussian
from marginflow.likelihoods.gaussian_mixture import GaussianMixture
from marginflow.likelihoods.huber import Huber
from marginflow.likelihoods.laplace import Laplace, Quantile
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.log_normal import LogNormal
from marginflow.likelihoods.negative_binomial import NegativeBinomial
from marginflow.likelihoods.ordinal import Ordinal
from marginflow.likelihoods.poisson import Poisson, ZeroInflatedPoisson
from marginflow.likelihoods.student_t import StudentT
from marginflow.likelihoods.suggestion.targets import Targets
from marginflow.likelihoods.survival import LogNormalSurvival, Weibull
from marginflow.likelihoods.von_mises import VonMises

DEGREES = (1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0)
LEVELS = (0.05, 0.1, 0.25, 0.75, 0.9, 0.95)
RAREST = 5  # rows of a class, so that every fold's fit has seen it
WIDE = 2.0  # the standard deviation from which whole numbers may be rounded quantities


@dataclass(frozen=True, eq=False)
class Candidate:
    """One family that competes.

    Attributes:
        likelihood: the family.
        encode: the targets as the family takes them.
        rounded: whether a continuous family is asked for the probabilities of whole numbers.
        n_shapes: how many of its own parameters were chosen from the data, besides the scores.
    """

    likelihood: Likelihood
    encode: Callable[[np.ndarray], np.ndarray] = np.asarray
    rounded: bool = False
    n_shapes: int = 0

    @property
    def code(self) -> str:
        """The expression that makes the likelihood."""
        return code_of(self.likelihood)

    @property
    def label(self) -> str:
        """The name in tables: the expression without its module, or the bare name."""
        return self.code.removeprefix("mf.").removesuffix("()")

    def n_parameters(self, n_features: int) -> int:
        """Coefficients that the data determine."""
        linear = int(linear_coordinates(self.likelihood).sum())
        free = self.likelihood.n_scores + n_features * linear + self.n_shapes
        # scores of classes are known up to a common term
        return free - (n_features + 1 if isinstance(self.likelihood, Categorical) else 0)


def code_of(likelihood: Likelihood) -> str:
    """The expression that makes a likelihood, as mf.StudentT(degrees=3.0)."""
    given = [
        f"{item.name}={getattr(likelihood, item.name)!r}"
        for item in fields(likelihood)
        if getattr(likelihood, item.name) != item.default
        or item.name in ("degrees", "tau", "n_classes")
    ]
    return f"mf.{likelihood.name}({', '.join(given)})"


def candidates(targets: Targets, residuals: np.ndarray, n_features: int) -> list[Candidate]:
    """The families that may compete.

    Without features categorical and ordinal are one likelihood, of which one competes.

    Args:
        targets: what was read.
        n_features: of the fits.
        residuals: (m,) targets less their linear prediction, some thousands of them at most, to
            choose the degrees of Student's t and the level of the quantile loss.
    """
    kind, levels = targets.kind, targets.levels
    if kind == "binary":
        return [Candidate(Bernoulli())]
    if kind in ("categorical", "ordinal"):
        named = Candidate(Categorical(len(levels)))
        if kind == "categorical":
            return [named]
        return [Candidate(Ordinal(len(levels))), *([named] if n_features else [])]
    if kind == "few counts":
        often = targets.counts.min() >= RAREST
        return _counts() + (_levels(levels)[: 2 if n_features else 1] if often else [])
    if kind == "count":
        mean = float(np.average(levels, weights=targets.counts))
        spread = float(np.sqrt(np.average((levels - mean) ** 2, weights=targets.counts)))
        if spread < WIDE:
            return _counts()
        return _counts() + _real(residuals, rounded=True) + _positive(levels, rounded=True)
    if kind == "censored":
        return [Candidate(Weibull()), Candidate(LogNormalSurvival())]
    if kind == "simplex":
        return [Candidate(Dirichlet(targets.values.shape[1]))]
    if kind == "angle":
        return [Candidate(VonMises())]
    first = {"proportion": [Candidate(Beta())], "real angle": [Candidate(VonMises())]}
    positive = [] if kind == "real" else _positive(levels)
    return first.get(kind, []) + positive + _real(residuals)


def _levels(levels: np.ndarray) -> list[Candidate]:
    def ranks(y: np.ndarray) -> np.ndarray:
        return np.searchsorted(levels, y).astype(np.float64)

    k = len(levels)
    return [Candidate(Categorical(k), ranks), Candidate(Ordinal(k), ranks)]


def _counts() -> list[Candidate]:
    return [Candidate(Poisson()), Candidate(NegativeBinomial()), Candidate(ZeroInflatedPoisson())]


def _positive(levels: np.ndarray, *, rounded: bool = False) -> list[Candidate]:
    if levels[0] <= 0:
        return []

    def all_seen(y: np.ndarray) -> np.ndarray:
        return np.stack([y, np.ones_like(y)], axis=1)

    return [
        Candidate(Gamma(), rounded=rounded),
        Candidate(LogNormal(), rounded=rounded),
        Candidate(Weibull(), all_seen, rounded=rounded),
    ]


def _real(residuals: np.ndarray, *, rounded: bool = False) -> list[Candidate]:
    return [
        Candidate(Gaussian(), rounded=rounded),
        Candidate(Laplace(), rounded=rounded),
        Candidate(Huber(), rounded=rounded),
        Candidate(StudentT(degrees_of(residuals)), rounded=rounded, n_shapes=1),
        Candidate(Quantile(level_of(residuals)), rounded=rounded, n_shapes=1),
        Candidate(GaussianMixture(2), rounded=rounded),
    ]


def degrees_of(residuals: np.ndarray) -> float:
    """Of `DEGREES` those of greatest likelihood, with a scale by the EM algorithm."""
    r = residuals - np.median(residuals)
    squares = r**2
    best = []
    for nu in DEGREES:
        scale = np.mean(np.abs(r))
        for _ in range(30):
            weights = (nu + 1) / (nu + squares / scale**2)
            scale = np.sqrt(np.mean(weights * squares))
        best.append(np.mean(student.logpdf(r / scale, nu)) - np.log(scale))
    return DEGREES[int(np.argmax(best))]


def level_of(residuals: np.ndarray) -> float:
    """Of `LEVELS` that of greatest likelihood of the asymmetric Laplace density."""
    losses = []
    for tau in LEVELS:
        r = residuals - np.quantile(residuals, tau)
        cost = np.mean(r * np.where(r < 0, tau - 1, tau))
        losses.append(np.log(cost) - np.log(tau * (1 - tau)))
    return LEVELS[int(np.argmin(losses))]
