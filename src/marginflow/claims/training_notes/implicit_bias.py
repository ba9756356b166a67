"""Of all interpolators gradient descent picks the one nearest to its start.

Every gradient is a combination of the samples.  The weights never leave w₀ + span(x_i), in which
there is one interpolator: X⁺y from zero, X⁺y + P w₀ from w₀, P the projection onto the null space.
"""

from dataclasses import dataclass

import numpy as np

from marginflow.claims.checks import at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.training_notes.problems import N_FEATURES, STEPS, descend, gaussian
from marginflow.claims.training_notes.source import SOURCE

SAME = 1e-12


@dataclass(frozen=True)
class Setting:
    """Gradient descent on random regression problems.

    Attributes:
        seeds: of the data.
        from_zero: whether it starts at zero, or at Gaussian weights.
        spread: learning rates of the coefficients go from 1/spread of η to η.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    from_zero: bool = True
    spread: float = 1.0


def least_norm(setting: Setting) -> Evidence:
    """How far the weights are from the shortest interpolator, and how much longer."""
    checks = []
    for seed in setting.seeds:
        problem, _, weights = _run(setting, seed)
        shortest = problem.least_norm()
        size = float(np.linalg.norm(shortest))
        off = float(np.linalg.norm(weights - shortest)) / size
        longer = float(np.linalg.norm(weights)) / size - 1.0
        checks += [
            at_most(f"‖X w − y‖/‖y‖, seed {seed}", _residual(problem, weights), 0.0, SAME),
            at_most(f"‖w − X⁺y‖/‖X⁺y‖, seed {seed}", off, 0.0, SAME),
            at_most(f"‖w‖/‖X⁺y‖ − 1, seed {seed}", abs(longer), 0.0, SAME),
        ]
    return Evidence(tuple(checks))


def null_space(setting: Setting) -> Evidence:
    """How much of the start's null-space part moved, and the distance to X⁺y + P w₀."""
    checks = []
    for seed in setting.seeds:
        problem, start, weights = _run(setting, seed)
        kept = problem.null_part(start)
        moved = float(np.linalg.norm(problem.null_part(weights - start)) / np.linalg.norm(kept))
        limit = problem.least_norm() + kept
        off = float(np.linalg.norm(weights - limit) / np.linalg.norm(limit))
        checks += [
            at_most(f"‖X w − y‖/‖y‖, seed {seed}", _residual(problem, weights), 0.0, SAME),
            at_most(f"‖P(w − w₀)‖/‖P w₀‖, seed {seed}", moved, 0.0, SAME),
            at_most(f"‖w − (X⁺y + P w₀)‖/‖w‖, seed {seed}", off, 0.0, SAME),
        ]
    return Evidence(tuple(checks))


def _run(setting: Setting, seed: int):
    problem = gaussian(seed)
    start = np.zeros(N_FEATURES) if setting.from_zero else problem.start
    scales = np.geomspace(1.0 / setting.spread, 1.0, N_FEATURES)
    return problem, start, descend(problem, start, (2 * STEPS,), scales)[-1]


def _residual(problem, weights: np.ndarray) -> float:
    off = problem.features @ weights - problem.targets
    return float(np.linalg.norm(off) / np.linalg.norm(problem.targets))


_REASON = (
    "Gaussian features of 20 × 50 have s₁²/s₂₀² about 20, so 2000 steps at 1/s₁² leave "
    "0.95^2000 = 1e-45; what remains is the rounding of the steps, each 1e-16 and contracted by "
    "0.95 in the span, summed 2000 times beside it at random: 1e-14. 1e-12 is a hundred times that."
)

CLAIMS = (
    Claim(
        id="training_notes/least-norm",
        source=SOURCE,
        section="implicit bias: linear regression, made precise",
        statement=(
            "Among the weights with zero loss, gradient descent from zero finds those of least "
            "Euclidean norm, X⁺y."
        ),
        proved=True,
        experiment=least_norm,
        setting=Setting(),
        full=Setting(seeds=tuple(range(50))),
        control=Setting(from_zero=False),
        control_statement="It starts at Gaussian weights.",
        tolerance_reason=_REASON,
    ),
    Claim(
        id="training_notes/null-space",
        source=SOURCE,
        section="implicit bias: linear regression from any start; as derived here",
        statement=(
            "From weights w₀ gradient descent ends at X⁺y + P w₀: what w₀ has in the null space of "
            "the features stays to the end."
        ),
        proved=True,
        experiment=null_space,
        setting=Setting(from_zero=False),
        full=Setting(seeds=tuple(range(50)), from_zero=False),
        control=Setting(from_zero=False, spread=2.0),
        control_statement="Each coefficient has a learning rate of its own, from half of η to η.",
        tolerance_reason=_REASON,
    ),
)
