"""Euclidean perturbations change the length of the robust solution and not its direction.

Both classes have a weight vector here, since the solver for one vector uses the statement itself.
The certificate says how far from the weights found the robust solution can be, and that is counted
as the distance's uncertainty.
"""

from dataclasses import dataclass

import numpy as np

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.salehi2020.problems import clouds, distance
from marginflow.claims.salehi2020.source import SOURCE
from marginflow.limits import max_margin
from marginflow.margins import MulticlassMargins, RobustMargins

SAME = 1e-5
LENGTH = 1e-7


@dataclass(frozen=True)
class Setting:
    """Data and perturbations.

    Attributes:
        seeds: of the data.
        size: n and d.
        shares: ε over the margin of the SVM.
        norm: of the perturbations.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    size: tuple[int, int] = (30, 10)
    shares: tuple[float, ...] = (0.1, 0.5, 0.9)
    norm: str = "l2"


def experiment(setting: Setting) -> Evidence:
    """Distances of robust directions to that of the SVM, and their margins."""
    checks: list[Check] = []
    for seed in setting.seeds:
        data = clouds(seed, *setting.size)
        svm = max_margin(data)
        for share in setting.shares:
            maps = RobustMargins(MulticlassMargins(data), share * svm.margin, setting.norm)
            found = max_margin(maps, throw=False)
            weights = found.weights[:, 1] - found.weights[:, 0]
            unsure = 2.0 * (found.weights_error_bound or np.inf) / np.linalg.norm(found.weights)
            left = 1.0 / float(np.linalg.norm(weights)) / ((1.0 - share) * svm.margin)
            name = f"ε = {share:g} margins, {data.name}"
            checks += [
                at_most(
                    f"distance to the SVM: {name}",
                    distance(weights, svm.weights),
                    0.0,
                    SAME,
                    uncertainty=unsure,
                ),
                Check(f"margin over (margin of the SVM − ε): {name}", left, 1.0, LENGTH),
            ]
    return Evidence(tuple(checks))


CLAIMS = (
    Claim(
        id="salehi2020/euclidean-perturbations",
        source=SOURCE,
        section="the robust max-margin problem (RM) with p = 2",
        statement=(
            "Against perturbations of bounded Euclidean norm the robust max-margin classifier has "
            "the direction of the SVM, at every radius below its margin."
        ),
        proved=True,
        experiment=experiment,
        setting=Setting(),
        full=Setting(seeds=tuple(range(10)), size=(60, 20), shares=(0.1, 0.3, 0.5, 0.7, 0.9)),
        control=Setting(norm="l3", shares=(0.1, 0.5)),
        control_statement="The perturbations are bounded in the 3-norm instead.",
        tolerance_reason=(
            "A relative gap g of the certified solution bounds its direction by 2 sqrt(2g): 2e-6 "
            "for the gaps of up to 5e-13 that are reached; the default gap, 1e-8, bounds the "
            "margin."
        ),
    ),
)
