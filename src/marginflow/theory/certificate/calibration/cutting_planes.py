"""Both infima of a convex loss by cutting planes: for losses with kinks, where descents get stuck.

A tangent plane of a convex label loss lies below it.  The least mean of the planes is therefore a
lower bound of C_p, what scores cost is an upper one, and new planes at the scores where the bound
is attained bring the two together (Kelley's method).  A plane belongs to a label, so it serves
every p.
"""

import numpy as np

from marginflow.theory.certificate.calibration.conditional_risk import (
    ConditionalRisk,
    Losses,
    weighed,
)
from marginflow.theory.certificate.calibration.infima import RESOLVED, RESOLVED_BY_CUTS, Infima
from marginflow.theory.certificate.calibration.interior_point import minimize
from marginflow.theory.certificate.calibration.score_table import LEVELS

ROUNDS = 40
# Scores are looked for within the first; within the second if they come to its border.
BOXES = (16.0, 4096.0)
# With more than these, cuts that are not in use are dropped.
MOST_CUTS = 400
# A gap that is enclosed up to this factor is known well enough.
KNOWN = 0.9


def by_cuts(
    risk: ConditionalRisk,
    p: np.ndarray,
    spread: np.ndarray,
    table: Losses,
    rng: np.random.Generator,
) -> Infima | None:
    """Both infima of a convex loss, enclosed; None if it turns out not to be convex.

    Args:
        risk: of the loss.
        p: (m, K).
        spread: (m,), the measure of costs.
        table: scores to cut at first.
        rng: draws the rival that is tried beside the second class.
    """
    programs = _Programs(risk, p, spread, table, rng)
    going = np.arange(3 * len(p))
    for _ in range(ROUNDS):
        programs.tighten(going)
        if programs.contradict:
            return None
        enclosed = programs.infima()
        going = programs.unfinished(enclosed)
        if not len(going) or (enclosed.most <= enclosed.resolved).any():
            break
    return programs.infima()


class _Cuts:
    """Lower bounds t_y ≥ a·v + b of the labels' losses, as rows A x ≤ b in x = (v_2.., t).

    Args:
        table: scores to cut at first.
    """

    def __init__(self, table: Losses):
        self.k = table.scores.shape[1]
        self.rows, self.bounds = np.zeros((0, 2 * self.k - 1)), np.zeros(0)
        self.add(table)

    def add(self, at: Losses) -> None:
        k = self.k
        with np.errstate(invalid="ignore"):
            offset = at.value - (at.gradient * at.scores[:, None]).sum(axis=2)
        labels = np.broadcast_to(-np.eye(k), (len(offset), k, k))
        rows = np.concatenate([at.gradient[:, :, 1:], labels], axis=2).reshape(-1, 2 * k - 1)
        new = np.column_stack([rows, -offset.ravel()])
        new = new[np.isfinite(new).all(axis=1)]
        both = np.vstack([np.column_stack([self.rows, self.bounds]), new])
        kept = np.unique(np.round(both, 10), axis=0, return_index=True)[1]
        self.rows, self.bounds = both[np.sort(kept), :-1], both[np.sort(kept), -1]

    def keep(self, used: np.ndarray) -> None:
        self.rows, self.bounds = self.rows[used], self.bounds[used]


class _Programs:
    """Three programs for each p, and between what their infima are known to be.

    A program is a p (`of` counts them) with a rival: rival 0 leaves all scores free, another may
    not score below 0.  The rivals of a p are 0, the second class and one by lot.
    """

    def __init__(
        self,
        risk: ConditionalRisk,
        p: np.ndarray,
        spread: np.ndarray,
        table: Losses,
        rng: np.random.Generator,
    ):
        self.risk, self.p, self.spread = risk, p, spread
        m, k = p.shape
        lot = rng.integers(min(2, k - 1), k, m)
        one = np.ones(m, dtype=int)
        self.rival, self.of = (
            np.column_stack([0 * one, one, lot]).ravel(),
            np.repeat(np.arange(m), 3),
        )
        table = table.at(np.abs(table.scores).max(axis=1) <= LEVELS[2])
        self.cuts = _Cuts(table)
        allowed = table.scores[:, self.rival].T >= 0
        costs = np.where(allowed, weighed(p, table)[self.of], np.inf)
        self.upper, self.best = costs.min(axis=1), table.scores[costs.argmin(axis=1)]
        self.lower, self.box = np.full(3 * m, -np.inf), np.full(3 * m, BOXES[0])

    def tighten(self, going: np.ndarray) -> None:
        """A round for some programs: bounds by the cuts there are, then cuts where those point."""
        p, size = self.p[self.of[going]], self.box[going, None]
        classes = np.arange(1, p.shape[1])
        least = np.where(classes == self.rival[going, None], 0.0, -size)
        rows, bounds = self.cuts.rows, self.cuts.bounds
        found, bound, used = minimize(rows, bounds, p, least, size + 0 * least)
        self.lower[going] = np.maximum(self.lower[going], bound)
        if len(rows) > MOST_CUTS:
            self.cuts.keep(used)
        for trial in (found, (found + self.best[going]) / 2):
            at = self.risk.losses(trial)
            self.cuts.add(at)
            value = (p * at.value).sum(axis=1)
            less = value < self.upper[going]
            self.upper[going[less]], self.best[going[less]] = value[less], trial[less]

    @property
    def contradict(self) -> bool:
        """Whether a lower bound is above an upper one, which only the cuts of a convex loss bar."""
        apart = RESOLVED_BY_CUTS * self.spread[self.of]
        return bool((self.upper - self.lower < -apart).any())

    def unfinished(self, enclosed: Infima) -> np.ndarray:
        """Programs to go on with; where the best scores are at the border of a box it is widened.

        Args:
            enclosed: what is known.
        """
        tight = self.upper - self.lower <= RESOLVED * self.spread[self.of]
        at_border = np.abs(self.best).max(axis=1) > 0.99 * self.box
        widened = tight & at_border & (self.box < BOXES[-1])
        self.box[widened], self.lower[widened] = BOXES[-1], -np.inf
        known = enclosed.least > KNOWN * enclosed.most
        return np.flatnonzero((~tight & ~known[self.of]) | widened)

    def infima(self) -> Infima:
        """What is known of the infima of each p."""
        m, k = self.p.shape
        each = np.arange(m)
        lower, upper = self.lower.reshape(m, 3), self.upper.reshape(m, 3)
        at = 1 + upper[:, 1:].argmin(axis=1)
        infimum, wrong_value = upper.min(axis=1), upper[each, at]
        return Infima(
            p=self.p,
            spread=self.spread,
            infimum=infimum,
            wrong_value=wrong_value,
            wrong=self.best.reshape(m, 3, k)[each, at],
            least=(lower[:, 1:].min(axis=1) - infimum) / self.spread,
            most=(wrong_value - lower[:, 0]) / self.spread,
            resolved=np.full(m, RESOLVED_BY_CUTS),
        )
