"""Matrix completion by one, two and three factors, from small and from larger starts.

The problems are those of `completions`.
"""

from dataclasses import dataclass

import numpy as np

from marginflow.claims.arora2019.source import SOURCE
from marginflow.claims.checks import at_least, at_most, close
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.completions import (
    OBSERVED,
    RANK,
    completion_problem,
    draw_figures,
    figures,
    run_of,
)
from marginflow.dynamics import effective_rank
from marginflow.limits import nuclear_completion

SHARE = 0.3
LONGER = 1.001
# unobserved mean squared error and effective rank by depth, as published in notes of that run
TABLE = {1: (1.009, 32.3), 2: (0.047, 4.49), 3: (0.0002, 3.02)}


@dataclass(frozen=True)
class DepthSetting:
    """Products of factors on one problem a seed.

    Attributes:
        seeds: of the problems; figures are averaged over them.
        depths: the number of factors that stand for one, two and three.
        scale: of the first product.
        steps: of gradient descent.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    depths: tuple[int, int, int] = (1, 2, 3)
    scale: float = 1e-3
    steps: int = 5000


def by_depth(setting: DepthSetting) -> Evidence:
    """The error on what is not observed and the effective rank, against the table."""
    checks, pictures = [], {}
    for depth, stands_for in zip(setting.depths, TABLE, strict=True):
        error, rank = figures(setting.seeds, depth, setting.scale, setting.steps)
        expected = TABLE[stands_for]
        name = f"unobserved mean squared error, {stands_for} factors"
        if stands_for == 3:  # it goes on falling with training
            checks.append(at_most(name, error, expected[0], SHARE * expected[0]))
        else:
            checks.append(close(name, error, expected[0], SHARE * expected[0]))
        name = f"effective rank, {stands_for} factors"
        checks.append(close(name, rank, expected[1], SHARE * expected[1]))
        pictures[f"{stands_for} factors"] = {"error": error, "rank": rank}
    return Evidence(tuple(checks), {"found": pictures})


@dataclass(frozen=True)
class ScaleSetting:
    """Products of a few factors from ever smaller starts.

    Attributes:
        seeds: of the problems.
        depth: L.
        scales: of the first product, descending.
        steps: of gradient descent.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    depth: int = 2
    scales: tuple[float, ...] = (3.0, 0.1, 1e-3)
    steps: int = 5000


def by_scale(setting: ScaleSetting) -> Evidence:
    """The error and the effective rank from scale to scale."""
    pairs = [
        figures(setting.seeds, setting.depth, scale, setting.steps) for scale in setting.scales
    ]
    errors, ranks = np.array(pairs).T
    checks = (
        at_most(
            "largest ratio of errors from scale to scale", (errors[1:] / errors[:-1]).max(), 0.8
        ),
        at_most("largest ratio of ranks from scale to scale", (ranks[1:] / ranks[:-1]).max(), 0.9),
        at_least("effective rank from the largest start", ranks[0], 2.0 * RANK),
        at_most("effective rank from the smallest start", ranks[-1], 2.0 * RANK),
    )
    found = {
        f"scale {scale:g}": {"error": error, "rank": rank}
        for scale, (error, rank) in zip(setting.scales, pairs, strict=True)
    }
    return Evidence(checks, {"found": found})


@dataclass(frozen=True)
class NuclearSetting:
    """Three factors against the completion of least nuclear norm.

    Attributes:
        seeds: of the problems.
        observed: how many entries.
        steps: of gradient descent.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    observed: int = OBSERVED
    steps: int = 5000


def not_nuclear(setting: NuclearSetting) -> Evidence:
    """The nuclear norm over the least, and the error over that of the least one's completion."""
    checks, found = [], {}
    for seed in setting.seeds:
        matrix, observed = completion_problem(seed, setting.observed)
        run = run_of(seed, 3, 1e-3, setting.steps, setting.observed)
        least = nuclear_completion(matrix, observed)
        longer = float(np.linalg.norm(run.effective, "nuc")) / least.nuclear_norm
        error = float(run.observables["unobserved_error"][-1])
        of_least = float(np.mean((least.matrix - matrix)[~observed] ** 2))
        checks += [
            at_least(f"nuclear norm of three factors over the least, seed {seed}", longer, LONGER),
            at_most(f"error of three factors over the least's, seed {seed}", error / of_least, 0.1),
        ]
        for name, product, off in (
            ("three factors", run.effective, error),
            ("least nuclear norm", least.matrix, of_least),
        ):
            rank = float(effective_rank(product))
            found[f"{name}, seed {seed}"] = {"error": off, "rank": rank}
    return Evidence(tuple(checks), {"found": found})


CLAIMS = (
    Claim(
        id="arora2019/depth",
        source=SOURCE,
        section="section 4 and figure 1; the figures are those of notes on training, 50 × 50",
        statement=(
            "From a small start more factors mean lower rank: one, two and three leave a mean "
            "squared error of 1.009, .047 and at most .0002 on the entries that are not observed, "
            "and an effective rank of 32.3, 4.49 and 3.02."
        ),
        proved=False,
        experiment=by_depth,
        setting=DepthSetting(),
        full=DepthSetting(seeds=tuple(range(10)), steps=20_000),
        control=DepthSetting(depths=(1, 1, 1)),
        control_statement="There is one factor, however many are said.",
        tolerance_reason=(
            "The mean square of a rank-3 Gaussian matrix varies by √(2·2·3/(3·50)) = 28 % about 1, "
            "by 16 % in the mean of three; the published figures are of one seed, so 30 % is the "
            "least that can be asked. The error of three factors goes on falling, to 1e-5."
        ),
        draw=draw_figures,
    ),
    Claim(
        id="arora2019/scale",
        source=SOURCE,
        section="section 2, the role of a small start",
        statement=(
            "The smaller the start, the lower the rank of two factors and the smaller their error "
            "on entries that are not observed."
        ),
        proved=False,
        experiment=by_scale,
        setting=ScaleSetting(),
        full=ScaleSetting(seeds=tuple(range(10)), scales=(10.0, 3.0, 0.1, 1e-3), steps=20_000),
        control=ScaleSetting(depth=1),
        control_statement="There is one factor.",
        tolerance_reason=(
            "A start of spectral norm 2·scale beside singular values near 30 with a few steps "
            "between the scales: each factor of thirty in the scale is to change the error by a "
            "fifth and the rank by a tenth at least, and twice the true rank parts low from not."
        ),
        draw=draw_figures,
    ),
    Claim(
        id="arora2019/not-nuclear-norm",
        source=SOURCE,
        section="section 2.2: few observations; here 28 % of 50 × 50, rank 3",
        statement=(
            "Where entries are too few for the least nuclear norm to find the truth, three factors "
            "do not end at the completion of least nuclear norm, but at one of lower rank that "
            "predicts better."
        ),
        proved=False,
        experiment=not_nuclear,
        setting=NuclearSetting(),
        full=NuclearSetting(seeds=tuple(range(10)), steps=20_000),
        control=NuclearSetting(observed=1500),
        control_statement="60 % are observed, and the least nuclear norm finds the truth.",
        tolerance_reason=(
            "The three factors still miss the observed entries by 1e-3 each, 0.03 in all, which "
            "times √3 moves a nuclear norm of 87 by 6e-4; the certified gap is 1e-6. An error ten "
            "times smaller is no accident of one problem, where it varies by a factor of two."
        ),
        draw=draw_figures,
    ),
)
