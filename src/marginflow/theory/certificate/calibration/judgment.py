"""From infima to a verdict, in words and figures.

Where wrong scores reach the infimum for some p, this p and these scores refute calibration: anybody
can evaluate the mean loss there.  Otherwise the verdict says how near they came.
"""

import numpy as np

from marginflow.theory.certificate.calibration.conditional_risk import (
    ConditionalRisk,
    Losses,
    weighed,
)
from marginflow.theory.certificate.calibration.infima import RESOLVED, Infima, is_wrong
from marginflow.theory.certificate.template_view import TemplateView
from marginflow.theory.certificate.verdict import Property, refuted, shown, supported

NAME = "classification-calibrated"
# A mean loss as many spreads below zero falls for ever.
FOR_EVER = 1e4


def judged(risk: ConditionalRisk, found: Infima, settled: bool = True) -> Property:
    """The verdict.

    Args:
        risk: of the loss.
        found: the infima.
        settled: whether slopes can be trusted where nothing encloses a gap: descents have ended,
            and not at kinks.
    """
    for at in np.flatnonzero(found.most <= found.resolved):
        smooth = settled and found.resolved[at] == RESOLVED
        if not (smooth and _is_slanted(risk, found, int(at))):
            return _refutation(risk, found.p[at], found.wrong[at], float(found.infimum[at]))
    gaps = found.gap
    at, enclosed = int(np.argmin(gaps)), found.resolved > RESOLVED
    evidence = (
        f"{len(gaps)} distributions p of the label: scores that let another class come up to the "
        f"likeliest one miss the infimum by {gaps[at]:.2g} of what the mean loss varies over "
        f"scores within 1 of each other, or by more; least at p = {shown(found.p[at])}."
    )
    if enclosed.any():
        bound = found.least[enclosed].min()
        known = f"a gap of {bound:.2g} or more" if bound > 0 else "no gap for every p"
        evidence += f" For {enclosed.sum()} of them cutting planes bound it from below: {known}."
    unit, length = risk.user_unit, risk.view.scale.length
    figures = {
        "gap": float(gaps[at]),
        "p": found.p[at].tolist(),
        "scores": (found.wrong[at] * length).tolist(),
        "value": float(found.wrong_value[at]) * unit,
        "infimum": float(found.infimum[at]) * unit,
    }
    return supported(NAME, risk.n_classes, evidence, **figures)


def nowhere_finite(view: TemplateView, p: np.ndarray) -> Property:
    """A refutation where C_p is not finite at any scores that were tried."""
    scores = np.zeros(len(p))
    risk = ConditionalRisk(view)
    value = float(risk.costs(p[None], scores[None]).value[0]) * risk.user_unit
    statement = f"the mean loss is {value} at equal scores, and finite at none that were tried."
    figures = {"p": p.tolist(), "scores": scores.tolist(), "value": value, "infimum": value}
    return refuted(NAME, len(p), statement, scores, space="scores", **figures)


def without_end(
    risk: ConditionalRisk, p: np.ndarray, spread: np.ndarray, table: Losses
) -> Property | None:
    """A refutation by wrong scores along which C_p falls for ever, if the table has some."""
    far = np.where(is_wrong(table.scores), weighed(p, table), np.inf) / spread[:, None]
    at, row = np.unravel_index(int(np.argmin(far)), far.shape)
    if far[at, row] < -FOR_EVER:
        return _refutation(risk, p[at], table.scores[row], -np.inf)
    return None


def _refutation(
    risk: ConditionalRisk, p: np.ndarray, scores: np.ndarray, infimum: float
) -> Property:
    scores = _short(risk, p, scores)
    value = float(risk.costs(p[None], scores[None]).value[0]) * risk.user_unit
    infimum *= risk.user_unit
    scores = scores * risk.view.scale.length
    rival = int(np.argmax(scores[1:])) + 1
    against = f"the infimum found is {infimum:.10g}" if infimum > -np.inf else "there is no infimum"
    statement = (
        f"where the classes have probabilities {shown(p)}, scores {shown(scores)} have a mean loss "
        f"of {value:.10g} and {against}, though class {rival + 1} comes up to class 1."
    )
    figures = {"p": p.tolist(), "scores": scores.tolist(), "value": value, "infimum": infimum}
    return refuted(NAME, len(p), statement, scores, space="scores", **figures)


def _short(risk: ConditionalRisk, p: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The scores in as few digits as cost nothing."""
    rounded = np.stack([np.round(scores, digits) + 0.0 for digits in (2, 4, 6, 9)] + [scores])
    value = risk.costs(np.tile(p, (len(rounded), 1)), rounded).value
    fine = is_wrong(rounded) & (value <= value[-1] + 1e-12 * (1 + abs(value[-1])))
    return rounded[int(np.argmax(fine))]


def _is_slanted(risk: ConditionalRisk, found: Infima, at: int) -> bool:
    """Whether the wrong scores cost less at once when the likeliest class's score is raised.

    Slopes tell what values cannot: a gap is as small as the square of the slope that makes it.
    """
    costs = risk.costs(found.p[at][None], found.wrong[at][None])
    return bool(-costs.gradient[0, 0] > RESOLVED * max(costs.pull[0], found.spread[at]))
