"""Why *totally*: where a class has probability zero, a truncation is minimized.

Inside the simplex a regular template is calibrated: C_p has a minimizer, and trading places and
parting ties exclude all wrong ones.  On its border the classes without probability go out of the
question, v_k → −∞, and the template of fewer classes that is left is ψ's truncation.  It may have
lost what made ψ regular.  So does

    ψ(u) = Σ_{j≠k} h(u_j, τ(u_k)),   h(u, w) = (√(u² + 4w²) − u)/2,   τ(u) = h(u, 1),

a hinge max(0, −u_j) that is rounded over a width τ, which fades as the other margins grow.  It is
convex because h is, and grows in w, and τ is convex; its truncation to one margin is the hinge
itself, under which ties minimize.
"""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from marginflow._types import AnyArray
from marginflow.claims.checks import at_most, close
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.wang2024.source import REGULARITY, SOURCE
from marginflow.claims.wang2024.verdicts import (
    CALIBRATED,
    REGULAR,
    TOTALLY_REGULAR,
    verdicts_of,
)
from marginflow.losses import CrossEntropy, Loss, TemplateLoss

FAR = 1e9
RESOLVED = 1e-7


def narrowing_hinge(margins: AnyArray) -> AnyArray:
    """ψ(u) = Σ_{j≠k} h(u_j, τ(u_k)) for one sample's margins (K−1,).

    Example:
        >>> import jax.numpy as jnp
        >>> from marginflow.claims.wang2024.border import narrowing_hinge
        >>> float(narrowing_hinge(jnp.zeros(2)))
        2.0
    """
    widths = _rounded_hinge(margins, jnp.ones_like(margins))
    pairs = _rounded_hinge(margins[:, None], widths[None, :])
    return jnp.sum(jnp.where(jnp.eye(len(margins), dtype=bool), 0.0, pairs))


def _rounded_hinge(u: AnyArray, width: AnyArray) -> AnyArray:
    """h(u, w), without the difference that cancels where u is large."""
    root = jnp.sqrt(u * u + 4 * width * width)
    return jnp.where(u > 0, 2 * width * width / (root + jnp.abs(u)), (root - u) / 2)


@dataclass(frozen=True)
class Setting:
    """A template of three classes.

    Attributes:
        loss: to try.
        p: the probabilities of two classes; the third has none.
        seed: of the certificate's points.
    """

    loss: Loss
    p: tuple[float, float] = (0.7, 0.3)
    seed: int = 0


def experiment(setting: Setting) -> Evidence:
    """The certificate's verdicts, and what a tie costs beyond the infimum on the border."""
    verdicts = verdicts_of(setting.loss, 3, setting.seed)
    expected = ((REGULAR, 1.0), (TOTALLY_REGULAR, 0.0), (CALIBRATED, 1.0))
    ahead = np.linspace(-3.0, 3.0, 601)
    cost = mean_loss(setting.loss, setting.p, ahead)
    tie = float(cost[np.argmin(np.abs(ahead))] - cost.min())
    title = f"what a tie costs beyond the infimum at p = ({setting.p[0]:g}, {setting.p[1]:g}, 0)"
    checks = [
        close(f"{what} (1 yes, 0 no)", float(verdicts[what]), value, 0.0)
        for what, value in expected
    ]
    checks.append(at_most(title, tie, 0.0, RESOLVED))
    return Evidence(tuple(checks), {"ahead": ahead, "mean loss": cost, "loss": setting.loss.name})


def mean_loss(loss: Loss, p: tuple[float, float], ahead: np.ndarray) -> np.ndarray:
    """C_p at scores (`ahead`, 0, −1e9), where the third class has no probability."""
    far = np.full_like(ahead, FAR)
    first = loss.template(np.column_stack([ahead, ahead + far]))
    second = loss.template(np.column_stack([-ahead, far]))
    return p[0] * np.asarray(first) + p[1] * np.asarray(second)


def draw_mean_loss(evidence: Evidence, ax: Any) -> Any:
    """What scores cost on the border, over how far the likelier class is ahead."""
    ahead, cost = evidence.data["ahead"], evidence.data["mean loss"]
    ax.plot(ahead, cost, label=f"{evidence.data['loss']}, third class without probability")
    ax.plot(0.0, float(cost[np.argmin(np.abs(ahead))]), "o", label="a tie")
    ax.set(
        xlabel="score of class 1 less that of class 2",
        ylabel="mean loss at p = (.7, .3, 0)",
        title="On the border of the simplex a tie reaches the infimum",
    )
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="wang2024/regular-is-not-enough",
        source=SOURCE,
        section=REGULARITY + "; the example is derived here",
        statement=(
            "A template can be regular and a truncation of it not: it is calibrated for all p "
            "inside the simplex and not on its border, where a tie reaches the infimum."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(TemplateLoss(narrowing_hinge, name="narrowing hinge")),
        control=Setting(CrossEntropy()),
        control_statement="The same for cross-entropy, whose truncations are cross-entropies.",
        tolerance_reason=(
            "With the third class at −1e9 the hinge is rounded over a width of 1e-9 and the "
            "infimum is known to a few times that. Scores are tried in steps of 0.01, from which "
            "cross-entropy's infimum is 1e-5 off; its tie costs .08."
        ),
        draw=draw_mean_loss,
    ),
)
