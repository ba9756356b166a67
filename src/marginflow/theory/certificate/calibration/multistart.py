"""Both infima by descents from several starts: for losses that are smooth, convex or not.

The cheapest scores of the table are where the descents begin.  Some go down in all directions, some
on the border, where another class ties with the likeliest one: there the wrong scores are cheapest,
unless an own valley lies deeper in their region.
"""

import numpy as np

from marginflow.theory.certificate.calibration.conditional_risk import (
    ConditionalRisk,
    Values,
    weighed,
)
from marginflow.theory.certificate.calibration.infima import RESOLVED, Infima, is_wrong
from marginflow.theory.certificate.calibration.label_distributions import FEWER
from marginflow.theory.certificate.calibration.newton import descend


def by_newton(
    risk: ConditionalRisk,
    p: np.ndarray,
    spread: np.ndarray,
    table: Values,
    rng: np.random.Generator,
    starts: int,
) -> tuple[Infima, np.ndarray]:
    """Both infima from the best starts of the table, and whether all of a p's descents settled.

    Args:
        risk: of the loss.
        p: (m, K).
        spread: (m,), the measure of costs.
        table: scores to start from.
        rng: draws the class that ties with the likeliest one beside the second.
        starts: of each kind and for each p.
    """
    m, k = p.shape
    border = risk.values(np.where(np.arange(k) == 1, 0.0, table.scores))
    scores, free = _starts(p, table, border, rng, starts)
    rows = np.repeat(np.arange(m), scores.shape[1])
    ends, value, settled = descend(
        risk, p[rows], scores.reshape(-1, k), free.reshape(-1, k), spread[rows]
    )
    found = _cheapest(p, spread, ends.reshape(m, -1, k), value.reshape(m, -1), (table, border))
    return found, np.asarray(settled.reshape(m, -1).all(axis=1))


def challenged(risk: ConditionalRisk, found: Infima) -> Infima:
    """The same, with lower infima where wrong scores that seem to reach one can be improved."""
    infimum = found.infimum.copy()
    close = np.flatnonzero(found.wrong_value - infimum <= found.resolved * found.spread)
    kept = np.ones(len(infimum), dtype=bool)
    # so many are enough for a verdict
    kept[close[FEWER:]], close = False, close[:FEWER]
    for at in close:
        scores = _improvements(found.wrong[at])
        p = np.tile(found.p[at], (len(scores), 1))
        spread = np.full(len(scores), found.spread[at])
        free = np.tile(np.arange(scores.shape[1]) > 0, (len(scores), 1))
        value = descend(risk, p, scores, free, spread)[1]
        infimum[at] = min(infimum[at], np.nanmin(value))
    found = found._replace(infimum=infimum)
    least = np.where(found.resolved == RESOLVED, found.gap, found.least)
    return found._replace(least=least, most=found.gap).of(kept)


def _starts(
    p: np.ndarray, table: Values, border: Values, rng: np.random.Generator, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Scores (m, n, K) to start from, and which of them may move."""
    m, k = p.shape
    classes, everywhere = np.arange(k), np.ones((m, count, k), dtype=bool)
    anywhere, tied = _best(p, table, count), _best(p, border, count)
    parts = [(anywhere, everywhere), (tied, everywhere & (classes != 1))]
    if count > 1:
        inside = table.at(is_wrong(table.scores))
        parts.append((_best(p, inside, count), everywhere))
    if k > 2:
        rival = classes == rng.integers(2, k, (m, count, 1))
        parts.append((np.where(rival, 0.0, anywhere), ~rival))
    scores, free = (np.concatenate(each, axis=1) for each in zip(*parts, strict=True))
    return scores, free & (classes > 0)


def _best(p: np.ndarray, table: Values, count: int) -> np.ndarray:
    """For each p the cheapest scores of each of `count` parts of a table, (m, count, K)."""
    costs = weighed(p, table)
    costs = np.where(np.isnan(costs), np.inf, costs)
    best = [i + count * np.argmin(costs[:, i::count], axis=1) for i in range(count)]
    return table.scores[np.stack(best, axis=1)]


def _cheapest(
    p: np.ndarray,
    spread: np.ndarray,
    ends: np.ndarray,
    value: np.ndarray,
    tables: tuple[Values, Values],
) -> Infima:
    """The infima by all that was looked at.

    Args:
        p: (m, K).
        spread: (m,).
        ends: (m, n, K), where descents ended.
        value: (m, n), what it costs there.
        tables: scores that were tried for every p, and those of the border.
    """
    m = len(p)
    costs = np.hstack([value, *(weighed(p, table) for table in tables)])
    costs = np.where(np.isnan(costs), np.inf, costs)
    seen = [np.broadcast_to(table.scores, (m, *table.scores.shape)) for table in tables]
    scores = np.concatenate([ends, *seen], axis=1)
    at = np.argmin(np.where(is_wrong(scores), costs, np.inf), axis=1)
    each = np.arange(m)
    wrong_value, infimum = costs[each, at], costs.min(axis=1)
    gap = (wrong_value - infimum) / spread
    resolved = np.full(m, RESOLVED)
    return Infima(p, spread, infimum, wrong_value, scores[each, at], gap, gap, resolved)


def _improvements(wrong: np.ndarray) -> np.ndarray:
    """Scores near wrong ones that may cost less: the likeliest class lifted, or put on top."""
    lifts = np.concatenate([np.geomspace(1e-8, 1e4, 25), [0.0]])
    top = int(np.argmax(wrong))
    swapped = wrong.copy()
    swapped[[0, top]] = swapped[[top, 0]]
    scores = np.vstack([wrong - np.outer(lifts, np.arange(len(wrong)) > 0), swapped])
    return scores - scores[:, :1]
