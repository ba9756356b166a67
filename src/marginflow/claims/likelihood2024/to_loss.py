"""From the likelihood to the loss: which likelihood makes which loss, and that it is their mean."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.likelihood2024.source import SOURCE
from marginflow.likelihoods import Bernoulli, Categorical, Gaussian, Laplace, Likelihood

N_SAMPLES, N_CLASSES = 60, 3
ROUNDING = 1e-12

Formula = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Named:
    """Losses as practice writes them.

    Attributes:
        losses: names in `_NAMED`.
    """

    losses: tuple[str, ...] = (
        "Bernoulli, sigmoid: binary cross-entropy",
        "categorical, softmax: cross-entropy",
        "Gaussian of unit variance: half the squared error",
    )


def experiment(setting: Named) -> Evidence:
    """The loss less the named one, but for a constant; its mean against a product by SciPy."""
    rng, checks = np.random.default_rng(0), []
    for name in setting.losses:
        family, formula, density = _NAMED[name]
        scores = rng.standard_normal((N_SAMPLES, family.n_scores))
        scores = scores[:, 0] if family.n_scores == 1 else scores
        targets = np.asarray(family.sample(scores, seed=1))
        loss = np.asarray(family.loss(scores, targets))
        apart = np.ptp(loss - formula(scores, targets))
        product = -np.log(np.prod(density(scores, targets))) / N_SAMPLES
        checks += [
            at_most(f"{name}: range of their difference", apart, 0.0, ROUNDING),
            at_most(
                f"{name}: mean less −log of the product of probabilities, over n",
                abs(loss.mean() - product),
                0.0,
                ROUNDING,
            ),
        ]
    return Evidence(tuple(checks))


def _binary(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = special.expit(scores)
    return -(y * np.log(p) + (1.0 - y) * np.log1p(-p))


def _multiclass(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = special.softmax(scores, axis=1)
    return -np.sum(np.eye(N_CLASSES)[y.astype(int)] * np.log(p), axis=1)


def _of_class(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = special.softmax(scores, axis=1)
    return np.array(
        [stats.multinomial.pmf(np.eye(N_CLASSES)[int(k)], 1, q) for k, q in zip(y, p, strict=True)]
    )


def _squared(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 0.5 * (y - scores) ** 2


_NAMED: dict[str, tuple[Likelihood, Formula, Formula]] = {
    "Bernoulli, sigmoid: binary cross-entropy": (
        Bernoulli(),
        _binary,
        lambda scores, y: stats.bernoulli.pmf(y, special.expit(scores)),
    ),
    "categorical, softmax: cross-entropy": (Categorical(N_CLASSES), _multiclass, _of_class),
    "Gaussian of unit variance: half the squared error": (
        Gaussian(scale=1.0),
        _squared,
        lambda scores, y: stats.norm.pdf(y, scores),
    ),
    "Laplace of unit scale: half the squared error": (
        Laplace(scale=1.0),
        _squared,
        lambda scores, y: stats.laplace.pdf(y, scores),
    ),
}

CLAIMS = (
    Claim(
        id="likelihood2024/likelihood-to-loss",
        source=SOURCE,
        section="the loss from the likelihood",
        statement=(
            "The loss is the sample mean of −log p(y|x): binary cross-entropy for a Bernoulli of "
            "the sigmoid, cross-entropy for a categorical of the softmax, half the squared error "
            "and a constant for a Gaussian of unit variance."
        ),
        proved=True,
        experiment=experiment,
        setting=Named(),
        control=Named(("Laplace of unit scale: half the squared error",)),
        control_statement="Half the squared error comes from Laplace's distribution.",
        tolerance_reason=(
            "Identities. Losses are below 10 and rounded by 1e-15; a product of sixty densities is "
            "rounded by 1e-14 of itself, and its logarithm by that."
        ),
    ),
)
