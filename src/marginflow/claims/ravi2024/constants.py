"""The constants of the theorem for its three losses: smoothness in the scores, and the tail.

They are measured on templates written out here in a line each, which state nothing of themselves:
the largest eigenvalue of the Hessian that a search finds, and the two bounds on the slopes,

    c (1 − Σ_k e^(−u_k)) e^(−u_j)  ≤  −∂_j ψ(u)  ≤  c e^(−u_j),

at all depths.  A score of the own class moves all K − 1 margins at once; so PairLogLoss, whose
template has smoothness ¼ whatever K is, has K/4 in the scores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from marginflow._types import AnyArray
from marginflow.claims.checks import at_most, close
from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.ravi2024.source import SOURCE, THEOREM
from marginflow.losses import TemplateLoss
from marginflow.theory.certificate.curvature import smooth
from marginflow.theory.certificate.differentiability import twice_differentiable
from marginflow.theory.certificate.tail_class import exponential_tail, tail_class
from marginflow.theory.certificate.template_view import TemplateView
from marginflow.theory.certificate.verdict import Property

FOUND = 1e-4
RATE = 1e-6
EXACT = 1e-9
# Below this least margin the bounds are not tried.
LOWEST = -1.0


def cross_entropy(u: AnyArray) -> AnyArray:
    """log(1 + Σ e^(−u_k))."""
    return jax.nn.logsumexp(jnp.concatenate([jnp.zeros(1), -u]))


def multiclass_exponential(u: AnyArray) -> AnyArray:
    """Σ e^(−u_k)."""
    return jnp.sum(jnp.exp(-u))


def pair_log_loss(u: AnyArray) -> AnyArray:
    """Σ log(1 + e^(−u_k))."""
    return jnp.sum(jnp.logaddexp(0.0, -u))


Template = Callable[[AnyArray], AnyArray]


@dataclass(frozen=True)
class Constants:
    """What is expected of a template.

    Attributes:
        template: of one sample's margins.
        beta: the smoothness in the scores for each K of the setting; 0 where there is none.
    """

    template: Template
    beta: tuple[float, ...]


@dataclass(frozen=True)
class Setting:
    """Templates with their constants.

    Attributes:
        rows: the templates.
        n_classes: each K.
        binary: the smoothness in the one margin of two classes, weights (d,); None if not asked.
        seed: of the search.
    """

    rows: tuple[Constants, ...]
    n_classes: tuple[int, ...] = (2, 3, 5)
    binary: float | None = 0.25
    seed: int = 0


def experiment(setting: Setting) -> Evidence:
    """The smoothness that a search finds, and the constants of the tail."""
    checks, found = [], {}
    for row in setting.rows:
        for k, beta in zip(setting.n_classes, row.beta, strict=True):
            curved, tail = _properties(row.template, k, setting.seed)
            name = f"{row.template.__name__}, K = {k}"
            checks += [_smoothness(curved, beta, name), *_tail(tail, name)]
            found[name] = {
                "smoothness in the scores": curved.figures.get("scores"),
                "smoothness in the margins": curved.figures.get("template"),
                "evidence of the tail": tail.evidence,
            }
    if setting.binary is not None:
        curved, _ = _properties(cross_entropy, 2, setting.seed)
        measured = curved.figures["template"]
        name = "β of the binary logistic loss in its margin"
        checks.append(close(name, measured, setting.binary, FOUND * setting.binary))
    return Evidence(tuple(checks), found)


def _smoothness(curved: Property, beta: float, name: str) -> Check:
    if beta == 0:
        title = f"whether the curvature is bounded (1 yes, 0 no): {name}"
        return close(title, float(curved.holds), 0.0, 0.0)
    return close(f"β in the scores: {name}", curved.figures["scores"], beta, FOUND * beta)


def _tail(tail: Property, name: str) -> list[Check]:
    figures = tail.figures
    return [
        close(f"rate of the tail: {name}", figures["rate"], 1.0, RATE),
        close(f"log c: {name}", figures["log_constant"], 0.0, EXACT),
        at_most(f"u₊, at least {LOWEST:g}: {name}", max(figures["u_plus"], LOWEST), 0.0),
        at_most(f"u₋, at least {LOWEST:g}: {name}", max(figures["u_minus"], LOWEST), 0.0),
    ]


@cache
def _properties(template: Template, n_classes: int, seed: int) -> tuple[Property, Property]:
    view = TemplateView(TemplateLoss(template), n_classes)
    rng = np.random.default_rng([seed, n_classes])
    bent = smooth(view, rng, twice_differentiable(view, rng))
    return bent, exponential_tail(view, rng, tail_class(view, rng))


_K, _MORE = (2, 3, 5), (2, 3, 5, 10)


def _rows(n_classes: tuple[int, ...]) -> tuple[Constants, ...]:
    return (
        Constants(cross_entropy, (0.5,) * len(n_classes)),
        Constants(pair_log_loss, tuple(k / 4 for k in n_classes)),
        Constants(multiclass_exponential, (0.0,) * len(n_classes)),
    )


CLAIMS = (
    Claim(
        id="ravi2024/constants",
        source=SOURCE,
        section=THEOREM + ": smoothness and exponential tail of its three losses; β as derived",
        statement=(
            "In the scores cross-entropy has smoothness ½, PairLogLoss K/4 and the multiclass "
            "exponential loss none; the binary logistic loss has ¼. All three have the theorem's "
            "exponential tail with c = 1 and both bounds at all positive margins."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(_rows(_K), _K),
        full=Setting(_rows(_MORE), _MORE),
        control=Setting((Constants(pair_log_loss, (0.25,) * len(_K)),), _K, binary=None),
        control_statement=(
            "β of PairLogLoss is taken to be its template's in the margins, ¼ whatever K is."
        ),
        tolerance_reason=(
            "A search of 2000 points ends within 1e-3 of the place of the maximum, and the "
            "curvature within the square of that, with room. The rate is fitted to 1e-6; log c is "
            "read off at margins of 300 and more, exact but for rounding of the logarithm."
        ),
    ),
)
