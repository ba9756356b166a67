"""Likelihoods that tend to others as a parameter grows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.likelihood2024.source import SOURCE
from marginflow.likelihoods import (
    Gamma,
    Gaussian,
    Huber,
    Laplace,
    LogNormal,
    NegativeBinomial,
    Poisson,
    StudentT,
    VonMises,
    ZeroInflatedPoisson,
)

N_SAMPLES = 100
NEAR = (1e2, 1e3, 1e4)


@dataclass(frozen=True)
class Limits:
    """Which likelihoods tend to which.

    Attributes:
        names: in `_PAIRS`.
    """

    names: tuple[str, ...] = (
        "negative binomial to Poisson",
        "zero-inflated Poisson to Poisson",
        "Student-t to Gaussian",
        "Huber to Gaussian",
        "Huber to Laplace",
        "gamma to log-normal",
        "von Mises to Gaussian",
    )


class Samples(NamedTuple):
    """Locations, standardized residuals within two deviations, and counts, (n,)."""

    location: np.ndarray
    residual: np.ndarray
    counts: np.ndarray

    def rows(self, second: float = 0.0) -> np.ndarray:
        """Scores (n, 2): the location, and a number."""
        return np.stack([self.location, np.full(N_SAMPLES, second)], axis=1)

    @property
    def real(self) -> np.ndarray:
        """Targets with a scale of one."""
        return self.location + self.residual

    @property
    def away(self) -> np.ndarray:
        """Those with residuals of a tenth and more."""
        return self.real + 0.1 * np.sign(self.residual)


def experiment(setting: Limits) -> Evidence:
    """The largest gap of the losses near the limit, over that ten times further off."""
    rng = np.random.default_rng(0)
    samples = Samples(
        rng.standard_normal(N_SAMPLES),
        np.clip(rng.standard_normal(N_SAMPLES), -2.0, 2.0),
        rng.poisson(3.0, size=N_SAMPLES),
    )
    checks, gaps = [], {}
    for name in setting.names:
        pairs = [_PAIRS[name](samples, near) for near in NEAR]
        found = np.array([np.abs(np.subtract(*pair)).max() for pair in pairs])
        ratio = found[-1] / found[-2]
        checks += [
            at_most(f"{name}: largest gap of the losses, nats", found[-1], 0.0, 0.01),
            at_most(f"{name}: over that ten times further off", ratio, 0.1, 0.03),
        ]
        gaps[name] = found
    return Evidence(tuple(checks), {"near": np.array(NEAR), "gaps": gaps})


def _negative_binomial(s: Samples, near: float) -> tuple[Any, Any]:
    rows = s.rows(np.log(near))
    return NegativeBinomial().loss(rows, s.counts), Poisson().loss(s.location, s.counts)


def _zero_inflated(s: Samples, near: float) -> tuple[Any, Any]:
    rows = s.rows(-np.log(near))
    return ZeroInflatedPoisson().loss(rows, s.counts), Poisson().loss(s.location, s.counts)


def _student_t(s: Samples, near: float) -> tuple[Any, Any]:
    return StudentT(near).loss(s.rows(), s.real), Gaussian().loss(s.rows(), s.real)


def _student_t_to_laplace(s: Samples, near: float) -> tuple[Any, Any]:
    return StudentT(near).loss(s.rows(), s.real), Laplace().loss(s.rows(), s.real)


def _far_threshold(s: Samples, near: float) -> tuple[Any, Any]:
    # a threshold that one in `near` passes, but for a factor
    family = Huber(float(np.sqrt(2.0 * np.log(near))))
    return family.loss(s.rows(), s.real), Gaussian().loss(s.rows(), s.real)


def _near_threshold(s: Samples, near: float) -> tuple[Any, Any]:
    # in a threshold of δ and a scale of δ, losses differ by δ⁴
    threshold = near**-0.25
    loss = Huber(threshold).loss(s.rows(np.log(threshold)), s.away)
    return loss, Laplace().loss(s.rows(), s.away)


def _gamma(s: Samples, near: float) -> tuple[Any, Any]:
    # a deviation is 1/near of the mean
    targets = np.exp(s.location + s.residual / near)
    normal = LogNormal().loss(s.rows(-np.log(near)), targets)
    return Gamma().loss(s.rows(2.0 * np.log(near)), targets), normal


def _von_mises(s: Samples, near: float) -> tuple[Any, Any]:
    angles = s.location + s.residual / np.sqrt(near)
    direction = near * np.stack([np.cos(s.location), np.sin(s.location)], axis=1)
    normal = Gaussian().loss(s.rows(-0.5 * np.log(near)), angles)
    return VonMises().loss(direction, angles), normal


_PAIRS: dict[str, Callable[[Samples, float], tuple[Any, Any]]] = {
    "negative binomial to Poisson": _negative_binomial,
    "zero-inflated Poisson to Poisson": _zero_inflated,
    "Student-t to Gaussian": _student_t,
    "Student-t to Laplace": _student_t_to_laplace,
    "Huber to Gaussian": _far_threshold,
    "Huber to Laplace": _near_threshold,
    "gamma to log-normal": _gamma,
    "von Mises to Gaussian": _von_mises,
}


def draw(evidence: Evidence, ax: Any) -> Any:
    """The gaps over how near the limit is."""
    for name, gaps in evidence.data["gaps"].items():
        ax.loglog(evidence.data["near"], gaps, marker="o", label=name)
    ax.set(
        xlabel="nearness of the limit",
        ylabel="largest gap of the losses, nats",
        title="One likelihood becomes another",
    )
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


CLAIMS = (
    Claim(
        id="likelihood2024/limits",
        source=SOURCE,
        section="losses beyond the common three; as derived here",
        statement=(
            "In a limit the negative binomial and the zero-inflated Poisson are Poisson, Student's "
            "t is Gaussian, Huber's is Gaussian or Laplace's, gamma of a large shape is log-normal "
            "and von Mises of a large concentration Gaussian."
        ),
        proved=True,
        experiment=experiment,
        setting=Limits(),
        control=Limits(("Student-t to Laplace",)),
        control_statement="Student's t is Laplace's.",
        tolerance_reason=(
            "The gaps fall as one over the parameter, and so to a tenth, but for the next term and "
            "logarithms, which at 10³ are below a third of that; the constants are below a hundred."
        ),
        draw=draw,
    ),
)
