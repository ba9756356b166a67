"""Likelihoods that are one another in disguise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.likelihood2024.source import SOURCE
from marginflow.likelihoods import (
    Bernoulli,
    Beta,
    Categorical,
    Dirichlet,
    Gamma,
    Laplace,
    LogNormal,
    LogNormalSurvival,
    Ordinal,
    Quantile,
    Weibull,
)
from marginflow.losses import CrossEntropy

N_SAMPLES = 100
# Dirichlet and beta form their Gamma functions in another order.
SAME = 1e-11


@dataclass(frozen=True)
class Pairs:
    """Likelihoods by pairs.

    Attributes:
        shape: of gamma and of Weibull, which coincide at one.
        names: of the pairs, as in `_PAIRS`; all of them if none is named.
    """

    shape: float = 1.0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Samples:
    """Random scores and targets of each kind, (n,) and (n, 2)."""

    one: np.ndarray
    two: np.ndarray
    labels: np.ndarray
    real: np.ndarray
    positive: np.ndarray
    share: np.ndarray


def experiment(setting: Pairs) -> Evidence:
    """The largest difference of the losses of each pair, over 1 and the loss."""
    rng = np.random.default_rng(0)
    samples = Samples(
        rng.standard_normal(N_SAMPLES),
        rng.standard_normal((N_SAMPLES, 2)),
        rng.integers(2, size=N_SAMPLES),
        3.0 * rng.standard_normal(N_SAMPLES),
        rng.gamma(1.0, size=N_SAMPLES) + 0.01,
        rng.uniform(0.01, 0.99, size=N_SAMPLES),
    )
    checks = []
    for name in setting.names or _PAIRS:
        first, second = (np.asarray(each) for each in _PAIRS[name](samples, setting))
        off = np.max(np.abs(first - second) / (1.0 + np.abs(first)))
        checks.append(at_most(name, off, 0.0, SAME))
    return Evidence(tuple(checks))


def _classes(samples: Samples, _: Pairs) -> tuple[Any, Any]:
    scores = np.stack([np.zeros(N_SAMPLES), samples.one], axis=1)
    return Bernoulli().loss(samples.one, samples.labels), Categorical(2).loss(
        scores, samples.labels
    )


def _scores_difference(samples: Samples, _: Pairs) -> tuple[Any, Any]:
    difference = samples.two[:, 1] - samples.two[:, 0]
    return CrossEntropy()(samples.two, samples.labels), Bernoulli().loss(difference, samples.labels)


def _exponential(samples: Samples, setting: Pairs) -> tuple[Any, Any]:
    rows = np.stack([samples.one, np.full(N_SAMPLES, np.log(setting.shape))], axis=1)
    return Gamma().loss(rows, samples.positive), Weibull().loss(rows, _seen(samples))


def _seen(samples: Samples) -> np.ndarray:
    return np.stack([samples.positive, np.ones(N_SAMPLES)], axis=1)


def _beta(samples: Samples, _: Pairs) -> tuple[Any, Any]:
    shares = np.stack([samples.share, 1.0 - samples.share], axis=1)
    return Dirichlet(2).loss(samples.two, shares), Beta().loss(samples.two, samples.share)


_PAIRS: dict[str, Callable[[Samples, Pairs], tuple[Any, Any]]] = {
    "Bernoulli and categorical of two classes": _classes,
    "Bernoulli and ordinal of two classes": lambda s, _: (
        Bernoulli().loss(s.one, s.labels),
        Ordinal(2).loss(s.one, s.labels),
    ),
    "cross-entropy of two classes and Bernoulli of the score difference": _scores_difference,
    "quantile 1/2 and Laplace": lambda s, _: (
        Quantile(0.5).loss(s.two, s.real),
        Laplace().loss(s.two, s.real),
    ),
    "gamma and Weibull of shape one": _exponential,
    "log-normal, survival without censoring and not": lambda s, _: (
        LogNormalSurvival().loss(s.two, _seen(s)),
        LogNormal().loss(s.two, s.positive),
    ),
    "Dirichlet of two shares and beta": _beta,
}

CLAIMS = (
    Claim(
        id="likelihood2024/coincidences",
        source=SOURCE,
        section="losses beyond the common three; as derived here",
        statement=(
            "Bernoulli is categorical and ordinal with two classes, and the cross-entropy of two "
            "classes is the binary one of the score difference; the quantile at one half is "
            "Laplace, gamma and Weibull of shape one are the same, survival without censoring is "
            "log-normal, and Dirichlet of two shares is beta."
        ),
        proved=True,
        experiment=experiment,
        setting=Pairs(),
        control=Pairs(1.1, ("gamma and Weibull of shape one",)),
        control_statement="Gamma and Weibull are the same at shape 1.1.",
        tolerance_reason=(
            "Identities between formulas with Gamma functions of moderate arguments, whose "
            "logarithms are good to 1e-13; 1e-11 is a hundred times that."
        ),
    ),
)
