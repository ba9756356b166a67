"""Totally regular implies calibrated, on templates that nobody chose.

Templates are drawn from the library's parts: sums of one to three losses with random weights,
temperatures, margins and exponents, γ and φ combined at random, now and then a hinge or a loss that
is not convex.  The certificate first says which are totally regular; calibration is then tested
on its own, for random distributions of the label.  With convexity in place of total regularity the
same count finds the templates in which a hinge decides.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from marginflow.claims.checks import at_least, close
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.wang2024.source import SOURCE, THEOREM
from marginflow.claims.wang2024.verdicts import (
    CALIBRATED,
    CONVEX,
    TOTALLY_REGULAR,
    draw_verdicts,
    row_of,
    table,
    verdicts_of,
)
from marginflow.losses import (
    CoherenceLoss,
    CrammerSinger,
    CrossEntropy,
    DuchiKhosraviRuan,
    Exponential,
    FocalLoss,
    GammaPhi,
    Identity,
    Logistic,
    LogOnePlus,
    Loss,
    MarginLoss,
    MeanAbsoluteError,
    Polynomial,
    PolynomialLoss,
    SparsemaxLoss,
    SumLoss,
    TemperatureLoss,
    TsallisLoss,
    WestonWatkins,
)

# How often a part is one that is not totally regular by itself.
ROUGH = 0.25


@dataclass(frozen=True)
class Setting:
    """A family of random templates.

    Attributes:
        premise: the property from which calibration is said to follow.
        count: of templates, for each K.
        at_least: so many of them should have the property, or nothing was tried.
        n_classes: each K.
        seed: of the templates and of the certificate's points.
    """

    premise: str = TOTALLY_REGULAR
    count: int = 20
    at_least: int = 8
    n_classes: tuple[int, ...] = (3,)
    seed: int = 0


def experiment(setting: Setting) -> Evidence:
    """How many templates have the premise, and how many of these are not calibrated."""
    checks, found = [], {}
    for k in setting.n_classes:
        names, cells, have, fail = [], [], 0, []
        for i, (name, loss) in enumerate(random_templates(setting.seed, setting.count)):
            verdicts = verdicts_of(loss, k, setting.seed)
            have += verdicts[setting.premise]
            if verdicts[setting.premise] and not verdicts[CALIBRATED]:
                fail.append(i)
            names.append(name)
            cells.append(row_of(verdicts))
        checks += [
            at_least(
                f"{setting.premise} templates of {setting.count}, K = {k}", have, setting.at_least
            ),
            close(f"of these not calibrated, K = {k}", len(fail), 0, 0.0),
        ]
        found[f"K = {k}"] = table(names, cells)
    return Evidence(tuple(checks), found)


@cache
def random_templates(seed: int, count: int) -> tuple[tuple[str, Loss], ...]:
    """Templates and what they are made of; the first of a longer list are those of a shorter one.

    Example:
        >>> from marginflow.claims.wang2024.random_templates import random_templates
        >>> random_templates(0, 2) == random_templates(0, 5)[:2]
        True
    """
    return tuple(_one(np.random.default_rng([seed, i])) for i in range(count))


def _one(rng: np.random.Generator) -> tuple[str, Loss]:
    parts = [
        _rough(rng) if rng.random() < ROUGH else _smooth(rng) for _ in range(rng.integers(1, 4))
    ]
    weights = [float(weight) for weight in np.exp(rng.normal(0, 1, len(parts)))]
    name = " + ".join(
        f"{weight:.2g}·{part}" for weight, (part, _) in zip(weights, parts, strict=True)
    )
    return name, SumLoss([loss for _, loss in parts], weights)


def _smooth(rng: np.random.Generator) -> tuple[str, Loss]:
    """A loss with a parameter drawn at random, from the families that the table knows."""
    x = round(float(rng.uniform(0.3, 3.0)), 2)
    below = round(float(rng.uniform(0.3, 0.9)), 2)
    made: tuple[tuple[str, Loss], ...] = (
        (f"cross-entropy(u/{x:g})", TemperatureLoss(CrossEntropy(), x)),
        (f"cross-entropy(u − {x:g})", MarginLoss(CrossEntropy(), x)),
        (f"pairlog(u/{x:g})", TemperatureLoss(GammaPhi(Identity(), Logistic()), x)),
        (f"exponential({x:g} u)", GammaPhi(Identity(), Exponential(x))),
        (f"gamma-phi T = {x:g}, a = {below:g}", GammaPhi(LogOnePlus(x), Exponential(below))),
        (f"coherence T = {x:g}", CoherenceLoss(x)),
        (f"polynomial p = {x:g}", PolynomialLoss(x)),
        (f"tsallis α = {below:g}", TsallisLoss(below)),
    )
    return made[int(rng.integers(len(made)))]


def _rough(rng: np.random.Generator) -> tuple[str, Loss]:
    """A loss that lacks something: a hinge, one that ends, one that is not convex."""
    made: tuple[tuple[str, Loss], ...] = (
        ("weston-watkins", WestonWatkins()),
        ("crammer-singer", CrammerSinger()),
        ("duchi-khosravi-ruan", DuchiKhosraviRuan()),
        ("sparsemax", SparsemaxLoss()),
        ("log(1 + Σ log(1 + e^(−u)))", GammaPhi(LogOnePlus(), Logistic())),
        ("log(1 + Σ u^(−1))", GammaPhi(LogOnePlus(), Polynomial(1.0))),
        ("focal", FocalLoss()),
        ("mean absolute error", MeanAbsoluteError()),
    )
    return made[int(rng.integers(len(made)))]


CLAIMS = (
    Claim(
        id="wang2024/totally-regular-is-calibrated",
        source=SOURCE,
        section=THEOREM,
        statement=(
            "Totally regular templates are classification-calibrated: every one of a family of "
            "random templates that is found totally regular passes the test of calibration."
        ),
        proved=True,
        experiment=experiment,
        setting=Setting(),
        full=Setting(count=60, at_least=24, n_classes=(2, 3, 5)),
        control=Setting(premise=CONVEX),
        control_statement="The same of convex templates in the same family.",
        tolerance_reason=(
            "A single template that is totally regular and not calibrated would refute the "
            "theorem. Eight are enough for a statement about many."
        ),
        draw=draw_verdicts,
    ),
)
