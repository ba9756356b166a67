"""Fenchel–Young losses need neither strong convexity nor a regular template to be calibrated.

For ℓ_y(v) = Ω*(v) − v_y + Ω(e_y) the mean loss is C_p(v) = Ω*(v) − ⟨p, v⟩ and what does not depend
on v, so that its minimizers are the subgradients of Ω at p.  Let p′ be p with classes 1 and 2
traded, p_1 > p_2.  As Ω is symmetric, Ω(p′) = Ω(p); where it is strictly convex,

    Ω(p′) > Ω(p) + ⟨v, p′ − p⟩,   so that   (p_1 − p_2)(v_1 − v_2) > 0 :

the likelier class has the higher score.  Strong convexity, which makes Ω* smooth, is not used; nor
is the template's strict convexity, which sparsemax and α-entmax lack.  Without strict convexity of
Ω nothing is left of it: Ω = 0 gives the perceptron's max(0, −min u), whose minimizers are ties.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from marginflow._precision import x64
from marginflow._types import AnyArray
from marginflow.claims.checks import at_most, close
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.wang2024.source import FENCHEL_YOUNG, SOURCE
from marginflow.claims.wang2024.verdicts import (
    CALIBRATED,
    REGULAR,
    STRICTLY_CONVEX,
    draw_verdicts,
    row_of,
    table,
    verdicts_of,
)
from marginflow.losses import (
    EntmaxLoss,
    Loss,
    NormEntropyLoss,
    NormNegentropy,
    SparsemaxLoss,
    TemplateLoss,
    TsallisNegentropy,
)

# Where curvature is looked for: a prediction that leaves this to each of two other classes.
REST = 1e-4
VANISHES = 1e-3
Omega = Callable[[AnyArray], AnyArray]


@dataclass(frozen=True)
class Setting:
    """Losses with their negentropies.

    Attributes:
        strong: losses whose template is not strictly convex; Ω may be strongly convex.
        weak: the same, with an Ω whose curvature vanishes near a vertex.
        n_classes: each K, at least 3.
        seed: of the certificate's points.
    """

    strong: tuple[Loss, ...] = (SparsemaxLoss(), EntmaxLoss(1.5), NormEntropyLoss(2.0))
    weak: tuple[tuple[Loss, Omega], ...] = (
        (EntmaxLoss(3.0), TsallisNegentropy(3.0)),
        (EntmaxLoss(4.0), TsallisNegentropy(4.0)),
        (NormEntropyLoss(4.0), NormNegentropy(4.0)),
    )
    n_classes: tuple[int, ...] = (3,)
    seed: int = 0


def experiment(setting: Setting) -> Evidence:
    """Calibration of losses whose templates are not regular; curvature of their negentropies."""
    checks, found = [], {}
    for k in setting.n_classes:
        names, cells = [], []
        for loss in (*setting.strong, *(loss for loss, _ in setting.weak)):
            verdicts, name = verdicts_of(loss, k, setting.seed), _name(loss)
            for what, expected in ((STRICTLY_CONVEX, 0.0), (REGULAR, 0.0), (CALIBRATED, 1.0)):
                title = f"{what} (1 yes, 0 no): {name}, K = {k}"
                checks.append(close(title, float(verdicts[what]), expected, 0.0))
            names.append(name)
            cells.append(row_of(verdicts))
        for loss, omega in setting.weak:
            title = f"curvature of Ω near a vertex: {_name(loss)}, K = {k}"
            checks.append(at_most(title, curvature_near_vertex(omega, k), VANISHES))
        found[f"K = {k}"] = table(names, cells)
    return Evidence(tuple(checks), found)


def curvature_near_vertex(omega: Omega, n_classes: int) -> float:
    """d²Ω along (e_2 − e_3)/√2 where classes 2, 3, .. have probability 1e-4 each.

    Example:
        >>> from marginflow.claims.wang2024.fenchel_young import curvature_near_vertex
        >>> from marginflow.losses import GiniNegentropy
        >>> round(curvature_near_vertex(GiniNegentropy(), 3), 6)
        1.0
    """
    p, step = np.full(n_classes, REST), np.zeros(n_classes)
    p[0], step[1:3] = 1 - REST * (n_classes - 1), (REST / 2, -REST / 2)
    with x64():
        ends = [float(omega(jnp.asarray(at))) for at in (p - step, p, p + step)]
    return (ends[0] - 2 * ends[1] + ends[2]) / float(step @ step)


def perceptron(margins: AnyArray) -> AnyArray:
    """max(0, −min u), the Fenchel–Young loss of Ω = 0."""
    return jnp.maximum(0.0, -jnp.min(margins))


def nothing(probabilities: AnyArray) -> AnyArray:
    """Ω = 0."""
    return 0.0 * jnp.sum(probabilities)


def _name(loss: Loss) -> str:
    parameters = [
        f"{key} = {value:g}" for key, value in vars(loss).items() if isinstance(value, float)
    ]
    return " ".join([loss.name, *parameters])


CLAIMS = (
    Claim(
        id="wang2024/fenchel-young",
        source=SOURCE,
        section=(
            f"{FENCHEL_YOUNG}; these negentropies need not be totally regular, and the argument "
            "for them is given here"
        ),
        statement=(
            "Fenchel–Young losses are calibrated without strong convexity of the negentropy, as "
            "α-entmax and norm entropies of order above 2 are, and without a regular template: "
            "sparsemax, entmax and norm entropies have none that is strictly convex."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        full=Setting(
            strong=(*Setting().strong, EntmaxLoss(1.25)),
            weak=(*Setting().weak, (NormEntropyLoss(5.0), NormNegentropy(5.0))),
            n_classes=(3, 5),
        ),
        control=Setting(strong=(), weak=((TemplateLoss(perceptron, name="perceptron"), nothing),)),
        control_statement="The same with Ω = 0, which is convex and not strictly convex.",
        tolerance_reason=(
            "Verdicts are yes or no. Where the other classes have 1e-4 each, p^(α−2) and its like "
            "are at most 1e-4 times a constant of order one; a strongly convex Ω has its modulus "
            "there, 1 for sparsemax."
        ),
        draw=draw_verdicts,
    ),
)
