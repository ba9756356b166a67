"""How fast the risk falls: L(W(t)) · t tends to ‖Ŵ‖²/(a² h).

On the support the pulls tend to α*/(a t h), so that the risk, their sum over a, tends to
Σα*/(a² h t), and Σα* = ‖Ŵ‖².  h is 1 for gradient flow and η for gradient descent.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.checks import close
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.ravi2024.paths import (
    FULL,
    SMALL,
    Path,
    asymptote_of,
    follow,
    has_asymptote,
    learning_rate_of,
    settled,
)
from marginflow.claims.ravi2024.problems import limit_of
from marginflow.claims.ravi2024.source import DERIVED, SOURCE

TOLERANCE = 1e-7


@dataclass(frozen=True)
class Setting:
    """Which paths.

    Attributes:
        paths: to follow.
    """

    paths: tuple[Path, ...] = SMALL


def risk_times_time(setting: Setting) -> Evidence:
    """L · t over its constant, once the residual has settled."""
    checks, times, curves, constants = [], {}, {}, {}
    for path in setting.paths:
        flow, record = follow(path), settled(path)
        constant = _constant(path)
        with np.errstate(over="ignore"):
            products = np.exp(flow.observables["log_risk"] + flow.log_time)
        ratio = float(products[record]) / constant
        checks.append(close(f"L · t / constant: {path.name}", ratio, 1.0, TOLERANCE))
        curve = slice(0, record + 1)
        times[path.name], curves[path.name] = flow.log_time[curve], products[curve] / constant
        constants[path.name] = constant
    data = {"log_time": times, "risk times t over its constant": curves, "constants": constants}
    return Evidence(tuple(checks), data)


def _constant(path: Path) -> float:
    """‖Ŵ‖²/(a² h); a = 1 where the tail has no rate, as the theorem would have it."""
    rate = asymptote_of(path).rate if has_asymptote(path) else 1.0
    step = learning_rate_of(path) or 1.0
    return float(np.linalg.norm(limit_of(path.problem).weights)) ** 2 / (rate**2 * step)


def draw(evidence: Evidence, ax: Any) -> Any:
    """L · t over its constant against log t."""
    from marginflow.figures import loss_times_t

    data = evidence.data
    ax = loss_times_t(ax, data["log_time"], data["risk times t over its constant"], limit=1.0)
    ax.set_ylabel(r"risk $\times\ t\,/\,(\|\hat{W}\|^2/h)$")
    return ax


CLAIMS = (
    Claim(
        id="ravi2024/risk-times-t",
        source=SOURCE,
        section=DERIVED,
        statement=(
            "The risk falls as 1/t: L · t tends to ‖Ŵ‖² for gradient flow and to ‖Ŵ‖²/η for "
            "gradient descent."
        ),
        proved=False,
        experiment=risk_times_time,
        setting=Setting(),
        full=Setting(FULL),
        control=Setting((Path("seed 3", "polynomial", log_time=600.0),)),
        control_statement="The same for a loss with a polynomial tail, whose risk falls slower.",
        tolerance_reason=(
            "Judged at log t ≥ 40/min(1, δ, λ), where what is left of the residual's approach is "
            "e⁻⁴⁰ of it; log L + log t is a difference of numbers up to 2·10⁵, known to 1e-9."
        ),
        draw=draw,
    ),
)
