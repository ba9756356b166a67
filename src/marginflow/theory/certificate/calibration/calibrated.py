"""`calibrated`: which method finds the infima of a loss, and what follows from them."""

from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from marginflow.theory.certificate.calibration.conditional_risk import (
    ConditionalRisk,
    Losses,
    Values,
)
from marginflow.theory.certificate.calibration.cutting_planes import by_cuts
from marginflow.theory.certificate.calibration.infima import together
from marginflow.theory.certificate.calibration.judgment import judged, nowhere_finite, without_end
from marginflow.theory.certificate.calibration.label_distributions import (
    FEWER,
    label_distributions,
)
from marginflow.theory.certificate.calibration.multistart import by_newton, challenged
from marginflow.theory.certificate.calibration.score_table import (
    is_curved,
    more_scores,
    score_patterns,
    seems_convex,
    spreads,
)
from marginflow.theory.certificate.template_view import TemplateView
from marginflow.theory.certificate.verdict import Property

# Where the loss is not convex: starts times K², anywhere, in the wrong region and on its border.
# Among few classes all valleys can be seen; among many, so many starts are what time allows.
STARTS, FEWEST = 300, 5


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def calibrated(view: TemplateView, rng: np.random.Generator) -> Property:
    """Scores that minimize C_p, or tend to its infimum, put the likeliest class first for every p.

    Args:
        view: of the template for K classes.
        rng: draws the distributions p and some of the scores to start from.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> from marginflow.theory.certificate.calibration import calibrated
        >>> from marginflow.theory.certificate.template_view import TemplateView
        >>> view = TemplateView(mf.CrammerSinger(), n_classes=3)
        >>> found = calibrated(view, np.random.default_rng(0))
        >>> print(found.verdict, found.counterexample.margins[0] + 0.0)
        refuted [0. 0. 0.]
    """
    view = view.of_scores()
    # idle threads of the linear algebra cost more than they do for matrices of this size
    with _controller().limit(limits=1, user_api="blas"):
        p, scores = label_distributions(view.n_classes, rng), score_patterns(view.n_classes, rng)
        spread = spreads(p, ConditionalRisk(view).losses(scores))
        if spread is None:
            return nowhere_finite(view, p[0])
        unit = float(spread.max()) or 1.0
        risk, spread = ConditionalRisk(view, unit), np.where(spread > 0, spread / unit, 1.0)
        return _searched(risk, p, spread, risk.losses(scores), rng)


def _searched(
    risk: ConditionalRisk,
    p: np.ndarray,
    spread: np.ndarray,
    table: Losses,
    rng: np.random.Generator,
) -> Property:
    """By Newton's method, and by cutting planes where it does not settle and the loss is convex."""
    endless = without_end(risk, p, spread, table)
    if endless is not None:
        return endless
    if not seems_convex(table):
        return _by_many_starts(risk, p, spread, table.values, rng)
    parts, rest = [], np.arange(len(p))
    if is_curved(table):
        found, settled = by_newton(risk, p, spread, table.values, rng, 1)
        parts, rest = [found.of(settled)], np.flatnonzero(~settled)
    if len(rest):
        rest = rest[:FEWER]
        enclosed = by_cuts(risk, p[rest], spread[rest], table, rng)
        if enclosed is None:
            return _by_many_starts(risk, p, spread, table.values, rng)
        proved = (enclosed.most <= enclosed.resolved).any()
        parts.append(enclosed if proved else challenged(risk, enclosed))
    return judged(risk, together(parts))


def _by_many_starts(
    risk: ConditionalRisk,
    p: np.ndarray,
    spread: np.ndarray,
    table: Values,
    rng: np.random.Generator,
) -> Property:
    """By Newton's method from many starts, where the loss is not convex."""
    table = table.joined(risk.values(more_scores(risk.n_classes, rng)))
    starts = max(STARTS // risk.n_classes**2, FEWEST)
    found, _ = by_newton(risk, p[:FEWER], spread[:FEWER], table, rng, starts)
    return judged(risk, challenged(risk, found), settled=False)


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
