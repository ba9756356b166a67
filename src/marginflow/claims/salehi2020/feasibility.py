"""How large perturbations may be: up to the margin in the norm that matches theirs."""

from dataclasses import dataclass

import numpy as np

from marginflow.claims.checks import at_least, close
from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.salehi2020.problems import CONJUGATES, clouds
from marginflow.claims.salehi2020.source import SOURCE
from marginflow.limits import RobustInseparability, max_margin
from marginflow.margins import RobustMargins
from marginflow.norms import as_norm

ASIDE = 1e-4
SAME = 2e-4
SOLVED = 1e-3


@dataclass(frozen=True)
class Setting:
    """Data and perturbations.

    Attributes:
        seeds: of the data.
        size: n and d.
        matching: pairs of norms: of the perturbations, and of the weights' margin.
    """

    seeds: tuple[int, ...] = (0, 1)
    size: tuple[int, int] = (30, 10)
    matching: tuple[tuple[str, str], ...] = tuple(CONJUGATES.items())


def experiment(setting: Setting) -> Evidence:
    """What is proved a ten-thousandth below and beyond the matching margin."""
    checks: list[Check] = []
    for seed in setting.seeds:
        data = clouds(seed, *setting.size)
        for norm, other in setting.matching:
            best = max_margin(data, other)
            below, beyond = (
                max_margin(RobustMargins(data, best.margin * factor, norm), throw=False)
                for factor in (1.0 - ASIDE, 1.0 + ASIDE)
            )
            # the weights of the best margin keep this much of it
            stretch = float(as_norm(other)(best.weights)) / float(np.linalg.norm(best.weights))
            kept = below.margin_lower / (ASIDE * best.margin * stretch)
            proof = beyond.certificate
            bound = proof.radius_bound if isinstance(proof, RobustInseparability) else np.inf
            name = f"{norm} perturbations, {other} margin, {data.name}"
            checks += [
                at_least(f"margin below, over what must be left: {name}", kept, 1.0, SOLVED),
                close(f"proved bound of ε over the margin: {name}", bound / best.margin, 1.0, SAME),
            ]
    return Evidence(tuple(checks))


CLAIMS = (
    Claim(
        id="salehi2020/feasible-radii",
        source=SOURCE,
        section="the robust max-margin problem (RM), when it has a solution",
        statement=(
            "Some weights have every robust margin positive if and only if the radius of the "
            "perturbations is below the margin of the data in the dual of their norm."
        ),
        proved=True,
        experiment=experiment,
        setting=Setting(),
        full=Setting(seeds=tuple(range(10)), size=(60, 20)),
        control=Setting(seeds=(0,), matching=(("max", "max"), ("l1", "l1"))),
        control_statement="The margin is measured in the norm of the perturbations, not its dual.",
        tolerance_reason=(
            "Both sides are tried a ten-thousandth aside, and the bound that is proved beyond lies "
            "between the margin and that radius. Below, a margin of a ten-thousandth of the best "
            "one is left, which the matching margin's own gap, 1e-8, moves by that much over it."
        ),
    ),
)
