"""Cross-entropy and divergence have one minimizer; narrow distributions and their entropies."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, special

from marginflow.claims.checks import at_most, close
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.likelihood2024.source import SOURCE
from marginflow.likelihoods import Gaussian, Laplace, StudentT, cross_entropy, entropy, kl

N_VALUES, N_PROBLEMS = 6, 20
SCALES = (0.5, 1.0, 2.0)
# Over six values: the spread of each and its entropy need not go together.
TABLES = {
    "a bell": (0.01, 0.09, 0.4, 0.4, 0.09, 0.01),
    "even": (1 / 6,) * 6,
    "two far atoms": (0.5, 0.0, 0.0, 0.0, 0.0, 0.5),
}


@dataclass(frozen=True)
class Minimized:
    """What is minimized besides the cross-entropy: "forward" KL(p‖q), or "reverse" KL(q‖p)."""

    divergence: str = "forward"


@dataclass(frozen=True)
class Pairs:
    """Whose spreads and entropies are compared: "families" of a scale, or all "tables"."""

    among: str = "families"
    names: tuple[str, ...] = ("a bell", "even")


def same_model(setting: Minimized) -> Evidence:
    """Fit q(y) ∝ exp(a y + b y²) to random p by both, and see how far the fits are apart."""
    rng = np.random.default_rng(0)
    values = np.linspace(-1, 1, N_VALUES)
    apart, identity = [], []

    def model(theta: np.ndarray) -> np.ndarray:
        return special.softmax(theta[0] * values + theta[1] * values**2)

    for p in rng.dirichlet(np.ones(N_VALUES), size=N_PROBLEMS):

        def divergence(theta: np.ndarray, p: np.ndarray = p) -> float:
            q = model(theta)
            return float(kl(p, q) if setting.divergence == "forward" else kl(q, p))

        def crossed(theta: np.ndarray, p: np.ndarray = p) -> float:
            return float(cross_entropy(p, model(theta)))

        fits = [
            optimize.minimize(f, np.zeros(2), method="BFGS", options={"gtol": 1e-7}).x
            for f in (crossed, divergence)
        ]
        apart.append(np.abs(model(fits[0]) - model(fits[1])).max())
        q = model(fits[1])
        total = float(entropy(p)) + float(kl(p, q))
        identity.append(abs(float(cross_entropy(p, q)) - total) / total)
    return Evidence(
        (
            at_most("largest difference of the two fits' probabilities", max(apart), 1e-5),
            at_most("relative error of H(p, q) = H(p) + KL(p‖q)", max(identity), 1e-14),
        ),
        {"apart": np.array(apart)},
    )


def narrower(setting: Pairs) -> Evidence:
    """The entropy of the narrower less that of the wider, for each pair."""
    if setting.among == "families":
        found = {
            f"{name}, scale {small:g} against {large:g}": _scaled(family, small, large)
            for name, family in _FAMILIES.items()
            for small, large in itertools.pairwise(SCALES)
        }
        checks = [close(f"{pair}, nats", gap, -np.log(2), 1e-9) for pair, gap in found.items()]
        return Evidence(tuple(checks))
    ordered = sorted(setting.names, key=_deviation)
    gaps = {
        f"{narrow} against {wide}": float(entropy(TABLES[narrow]) - entropy(TABLES[wide]))
        for i, narrow in enumerate(ordered)
        for wide in ordered[i + 1 :]
    }
    return Evidence(tuple(at_most(f"{pair}, nats", gap, 0.0) for pair, gap in gaps.items()))


_FAMILIES: dict[str, Any] = {
    "Gaussian": Gaussian(),
    "Laplace": Laplace(),
    "t with 3 degrees": StudentT(degrees=3.0),
}


def _scaled(family: Any, small: float, large: float) -> float:
    scores = np.array([[0.0, np.log(small)], [0.0, np.log(large)]])
    low, high = family.entropy(scores)
    return float(low - high)


def _deviation(name: str) -> float:
    p, values = np.array(TABLES[name]), np.arange(N_VALUES) - (N_VALUES - 1) / 2
    return float(np.sqrt(np.sum(p * values**2)))


CLAIMS = (
    Claim(
        id="likelihood2024/cross-entropy-and-divergence",
        source=SOURCE,
        section="cross-entropy and the Kullback-Leibler divergence",
        statement="Minimizing the cross-entropy and minimizing KL(p‖q) give the same model.",
        proved=True,
        experiment=same_model,
        setting=Minimized(),
        control=Minimized("reverse"),
        control_statement="Minimizing KL(q‖p) gives that model too.",
        tolerance_reason=(
            "H(p, q) and KL(p‖q) differ by a constant. BFGS stops at gradients of 1e-7, by "
            "differences of functions of size 1, which finds a minimizer to about 1e-6."
        ),
    ),
    Claim(
        id="likelihood2024/narrower-in-a-family",
        source=SOURCE,
        section="entropy",
        statement=(
            "Within a family of a location and a scale the narrower distribution has the lower "
            "entropy, by the logarithm of the ratio of scales."
        ),
        proved=True,
        experiment=narrower,
        setting=Pairs(),
        control=Pairs("tables", ("even", "two far atoms")),
        control_statement="So it is between an even distribution and two atoms far apart.",
        tolerance_reason="Entropies are closed forms or quadratures to 1e-10.",
    ),
    Claim(
        id="likelihood2024/narrower",
        source=SOURCE,
        section="entropy",
        statement="The narrower a distribution, the lower its entropy.",
        proved=False,
        experiment=narrower,
        setting=Pairs("tables", tuple(TABLES)),
        control=Pairs("tables", ("even", "two far atoms")),
        control_statement="So it is between an even distribution and two atoms far apart.",
        tolerance_reason="Sums of six terms; an order has no tolerance.",
    ),
)
