"""Classification-calibrated: whoever minimizes the loss on average ranks the likeliest class first.

For a distribution p of the label, C_p(v) = Σ_y p_y ℓ_y(v) is what scores v cost on average.  A loss
is calibrated if no scores that let another class come up to the likeliest one reach the infimum of
C_p, nor come as near to it as one likes (Wang & Scott 2024, arXiv 2311.17778).  That is tried as it
is said, for one p after another: the infimum over all v is compared with the one over the wrong v.

Classes are numbered so that p falls, and the score of the likeliest one is 0.  If scores are wrong
by a class j, let j and the second likeliest class trade places: as the template is symmetric, they
cost no more, provided that a class with a higher score has the lower loss.  So the second class is
always tried, and another one by lot.

Three methods share the work.  A table of scores of many patterns, up to a million apart, is weighed
by every p at once: it finds infima at infinity, and starts for the rest.  Newton's method goes down
from there for all p together, in all directions and on the border v_j = v_1.  Where kinks stop it
and the loss is convex, cutting planes enclose both infima from below and from above; a cut of a
label's loss serves every p, and one interior-point method solves the programs of all p at once.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from marginflow.theory.certificate.template_view import TemplateView
from marginflow.theory.certificate.verdict import Property, refuted, shown, supported

NAME = "classification-calibrated"
# Costs are told apart to this share of what C_p varies over scores within 1 of each other.
RESOLVED = 1e-9
RESOLVED_BY_CUTS = 1e-7
# What Newton's model still promises, as such a share, where a point is a minimum.
SETTLED = 1e-12
ITERATIONS = 40
# Where the loss is not convex: starts times K, anywhere, in the wrong region and on its border.
STARTS = 50
LEVELS = (0.3, 1.0, 4.0, 30.0, 1e3, 1e6)
# Distributions of each kind; fewer where cutting planes or many starts are needed.
OF_EACH_KIND = 5
FEWER = 10
ROUNDS = 40
BOXES = (16.0, 4096.0)
MOST_CUTS = 400
# A gap that is enclosed up to this factor is known well enough.
KNOWN = 0.9
# Interior points: what feasibility and complementarity are to come to, and what is enough.
EXACT, ENOUGH = 1e-11, 1e-8
# Values and slopes are right to about this share.
ROUNDING = 1e-12
# What stands for a slope or curvature that overflows.
HUGE = 1e100


class Losses(NamedTuple):
    """What each label loses at scores (s, K): (s, K), with gradient and Hessian in the scores."""

    scores: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray


class Costs(NamedTuple):
    """C_p at n scores: value (n,), gradient (n, K), Hessian (n, K, K), sum of pulls (n,)."""

    value: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray
    pull: np.ndarray


class Infima(NamedTuple):
    """For m distributions: the least cost, the least of wrong scores, and these (m, K).

    The true difference of the infima is between `least` and `most`, which are one where nothing
    encloses it; both are shares of `spread`, and up to `resolved` they are nothing.
    """

    p: np.ndarray
    spread: np.ndarray
    infimum: np.ndarray
    wrong_value: np.ndarray
    wrong: np.ndarray
    least: np.ndarray
    most: np.ndarray
    resolved: np.ndarray


class Risk:
    """What scores cost: all labels' losses, and their mean for a distribution.

    Args:
        view: of the template.
        unit: what losses are counted in.
    """

    def __init__(self, view: TemplateView, unit: float = 1.0):
        self.view, self.n_classes, self.unit = view, view.n_classes, unit
        eye = np.eye(self.n_classes)
        self.code = np.stack([eye[y] - np.delete(eye, y, axis=0) for y in range(self.n_classes)])

    def losses(self, scores: np.ndarray) -> Losses:
        s, k = scores.shape
        margins = np.einsum("ykc,sc->syk", self.code, scores)
        found = self.view.evaluate(margins.reshape(s * k, k - 1))
        value = np.where(np.isnan(found.value), np.inf, found.value).reshape(s, k)
        with np.errstate(all="ignore"):
            gradient = found.slope.reshape(s, k, 1, k - 1) @ self.code
            hessian = found.hessian.reshape(s, k, k - 1, k - 1) @ self.code
            hessian = self.code.transpose(0, 2, 1) @ hessian
            return Losses(
                scores,
                value / self.unit,
                gradient[:, :, 0] / self.unit,
                hessian / self.unit,
            )

    def costs(self, p: np.ndarray, scores: np.ndarray) -> Costs:
        """At scores (n, K), each with its own p (n, K)."""
        at = self.losses(scores)
        with np.errstate(all="ignore"):
            return Costs(
                (p * at.value).sum(axis=1),
                (p[:, None] @ at.gradient)[:, 0],
                np.einsum("ny,nycd->ncd", p, at.hessian),
                (p * np.abs(at.gradient).sum(axis=2)).sum(axis=1),
            )


def calibrated(view: TemplateView, rng: np.random.Generator) -> Property:
    """Scores that minimize C_p, or tend to its infimum, put the likeliest class first for every p.

    Args:
        view: of the template for K classes.
        rng: draws the distributions p and some of the scores to start from.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> from marginflow.theory.certificate.template_view import TemplateView
        >>> view = TemplateView(mf.CrammerSinger(), n_classes=3)
        >>> found = calibrated(view, np.random.default_rng(0))
        >>> print(found.verdict, found.counterexample.margins[0] + 0.0)
        refuted [0. 0. 0.]
    """
    # idle threads of the linear algebra cost more than they do for matrices of this size
    with _controller().limit(limits=1, user_api="blas"):
        p, scores = _distributions(view.n_classes, rng), _patterns(view.n_classes, rng)
        spread = _spread(p, Risk(view).losses(scores))
        if spread is None:
            return _nowhere_finite(view, p[0])
        unit = float(spread.max()) or 1.0
        risk, spread = Risk(view, unit), np.where(spread > 0, spread / unit, 1.0)
        return _searched(risk, p, spread, risk.losses(scores), rng)


def _nowhere_finite(view: TemplateView, p: np.ndarray) -> Property:
    scores = np.zeros(len(p))
    value = float(Risk(view).costs(p[None], scores[None]).value[0])
    statement = f"the mean loss is {value} at equal scores, and finite at none that were tried."
    figures = {"p": p.tolist(), "scores": scores.tolist(), "value": value, "infimum": value}
    return refuted(NAME, len(p), statement, scores, space="scores", **figures)


def _searched(
    risk: Risk,
    p: np.ndarray,
    spread: np.ndarray,
    table: Losses,
    rng: np.random.Generator,
) -> Property:
    endless = _without_end(risk, p, spread, table)
    if endless is not None:
        return endless
    if not _seems_convex(table):
        return _by_many_starts(risk, p, spread, table, rng)
    parts, rest = [], np.arange(len(p))
    if _is_curved(table):
        found, settled = _by_newton(risk, p, spread, table, rng, 1)
        parts, rest = [_part(found, settled)], np.flatnonzero(~settled)
    if len(rest):
        rest = rest[:FEWER]
        enclosed = _by_cuts(risk, p[rest], spread[rest], table, rng)
        if enclosed is None:
            return _by_many_starts(risk, p, spread, table, rng)
        proved = (enclosed.most <= enclosed.resolved).any()
        parts.append(enclosed if proved else _challenged(risk, enclosed))
    return _judged(risk, Infima(*(np.concatenate(each) for each in zip(*parts, strict=True))))


def _by_many_starts(
    risk: Risk, p: np.ndarray, spread: np.ndarray, table: Losses, rng: np.random.Generator
) -> Property:
    k = risk.n_classes
    more = rng.standard_normal((512, k)) * rng.choice([1, 3, 9], (512, 1))
    both = zip(table, risk.losses(more - more[:, :1]), strict=True)
    table = Losses(*(np.concatenate(pair) for pair in both))
    found, _ = _by_newton(risk, p[:FEWER], spread[:FEWER], table, rng, STARTS // k)
    return _judged(risk, _challenged(risk, found), settled=False)


def _part(found: Infima, which: np.ndarray) -> Infima:
    return Infima(*(each[which] for each in found))


def _judged(risk: Risk, found: Infima, settled: bool = True) -> Property:
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
    gaps = (found.wrong_value - found.infimum) / found.spread
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
    figures = {
        "gap": float(gaps[at]),
        "p": found.p[at].tolist(),
        "scores": found.wrong[at].tolist(),
        "value": float(found.wrong_value[at]) * risk.unit,
        "infimum": float(found.infimum[at]) * risk.unit,
    }
    return supported(NAME, risk.n_classes, evidence, **figures)


def _refutation(risk: Risk, p: np.ndarray, scores: np.ndarray, infimum: float) -> Property:
    scores = _short(risk, p, scores)
    value = float(risk.costs(p[None], scores[None]).value[0]) * risk.unit
    infimum *= risk.unit
    rival = int(np.argmax(scores[1:])) + 1
    against = f"the infimum found is {infimum:.10g}" if infimum > -np.inf else "there is no infimum"
    statement = (
        f"where the classes have probabilities {shown(p)}, scores {shown(scores)} have a mean loss "
        f"of {value:.10g} and {against}, though class {rival + 1} comes up to class 1."
    )
    figures = {"p": p.tolist(), "scores": scores.tolist(), "value": value, "infimum": infimum}
    return refuted(NAME, len(p), statement, scores, space="scores", **figures)


def _short(risk: Risk, p: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The scores in as few digits as cost nothing."""
    rounded = np.stack([np.round(scores, digits) + 0.0 for digits in (2, 4, 6, 9)] + [scores])
    value = risk.costs(np.tile(p, (len(rounded), 1)), rounded).value
    fine = _is_wrong(rounded) & (value <= value[-1] + 1e-12 * (1 + abs(value[-1])))
    return rounded[int(np.argmax(fine))]


def _is_slanted(risk: Risk, found: Infima, at: int) -> bool:
    """Whether the wrong scores cost less at once when the likeliest class's score is raised.

    Slopes tell what values cannot: a gap is as small as the square of the slope that makes it.
    """
    costs = risk.costs(found.p[at][None], found.wrong[at][None])
    return bool(-costs.gradient[0, 0] > RESOLVED * max(costs.pull[0], found.spread[at]))


def _without_end(risk: Risk, p: np.ndarray, spread: np.ndarray, table: Losses) -> Property | None:
    """A refutation by wrong scores along which C_p falls for ever."""
    far = np.where(_is_wrong(table.scores), _weighed(p, table), np.inf) / spread[:, None]
    at, row = np.unravel_index(int(np.argmin(far)), far.shape)
    return _refutation(risk, p[at], table.scores[row], -np.inf) if far[at, row] < -1e4 else None


def _distributions(k: int, rng: np.random.Generator) -> np.ndarray:
    """(m, K), each falling, away from the boundary and from ties at the top; kinds alternate."""
    m = OF_EACH_KIND
    any_kind = rng.dirichlet(np.ones(k), m)
    above = rng.uniform(0.52, 0.9, (m, 1))
    above = np.hstack([above, (1 - above) * rng.dirichlet(np.ones(k - 1), m)])
    below = rng.dirichlet(np.full(k, 2.0), m)
    top = below.max(axis=1, keepdims=True)
    towards = np.clip((0.47 - 1 / k) / (top - 1 / k + 1e-9), 0, 1)
    below = 1 / k + towards * (below - 1 / k)
    tied = np.sort(rng.dirichlet(np.ones(k), m), axis=1)[:, ::-1]
    tied[:, :2] = tied[:, :2].mean(axis=1, keepdims=True)
    uniform = np.full((m, k), 1 / k) * (1 + 0.1 * rng.uniform(-1, 1, (m, k)))
    p = np.stack([below, above, any_kind, tied, uniform], axis=1).reshape(-1, k)
    p = -np.sort(-(0.97 * p / p.sum(axis=1, keepdims=True) + 0.03 / k), axis=1)
    p[:, 0] = np.maximum(p[:, 0], p[:, 1] + 0.02)
    return p / p.sum(axis=1, keepdims=True)


def _patterns(k: int, rng: np.random.Generator) -> np.ndarray:
    """Scores (s, K) with the first at 0: tied groups and ladders at every level, random ones."""
    groups = np.tril(np.ones((k, k)))
    alone = np.eye(k)[1:]
    ladders = np.stack([np.arange(k, 0, -1), np.arange(k)])
    stairs = np.maximum(np.array([[2.0], [3.0]]) - np.arange(k), 0)
    shapes = np.vstack([groups, alone, ladders / k, stairs / 3])
    near = rng.standard_normal((24, k)) * 1e-4
    falling = -np.sort(-rng.standard_normal((48, k)), axis=1) * rng.choice([0.3, 1, 3], (48, 1))
    loose = rng.standard_normal((48, k)) * rng.choice([1, 4], (48, 1))
    scores = np.vstack([*(level * shapes for level in LEVELS), near, falling, loose])
    return scores - scores[:, :1]


def _weighed(p: np.ndarray, table: Losses) -> np.ndarray:
    """C_p of every p (rows) at all scores of a table (columns)."""
    with np.errstate(invalid="ignore", over="ignore"):
        return p @ table.value.T


def _spread(p: np.ndarray, table: Losses) -> np.ndarray | None:
    """How far each C_p varies over the table's scores within 1 of each other; None if infinite."""
    costs = _weighed(p, table)[:, np.ptp(table.scores, axis=1) <= 1]
    costs = costs[:, np.isfinite(costs).all(axis=0)]
    return np.ptp(costs, axis=1) if costs.size else None


def _is_wrong(scores: np.ndarray) -> np.ndarray:
    return scores[..., 1:].max(axis=-1) >= scores[..., 0]


def _is_curved(table: Losses) -> bool:
    """Whether the loss is more than linear pieces."""
    return bool((np.abs(table.hessian).max(axis=(1, 2, 3)) > 0).mean() > 0.1)


def _seems_convex(table: Losses) -> bool:
    """Whether every label's loss is nowhere below a tangent plane that it has elsewhere."""
    near = np.abs(table.scores).max(axis=1) <= LEVELS[3]
    near &= np.isfinite(table.value).all(axis=1) & np.isfinite(table.gradient).all(axis=(1, 2))
    scores, value, gradient = (part[near] for part in table[:3])
    plane = value - (gradient * scores[:, None]).sum(axis=2)
    rise = gradient @ scores.T
    size = np.abs(gradient) @ np.abs(scores).T
    size = size + (np.abs(value) + np.abs(plane))[:, :, None]
    return bool((plane[:, :, None] + rise <= value.T + ROUNDING * (size + np.abs(value.T))).all())


def _by_newton(
    risk: Risk,
    p: np.ndarray,
    spread: np.ndarray,
    table: Losses,
    rng: np.random.Generator,
    starts: int,
) -> tuple[Infima, np.ndarray]:
    """Both infima from the best starts of the table, and whether all of a p's descents settled."""
    m, k = p.shape
    border = risk.losses(np.where(np.arange(k) == 1, 0.0, table.scores))
    anywhere, tied = _best(p, table, starts), _best(p, border, starts)
    parts = [(anywhere, np.ones((m, starts, k))), (tied, np.arange(k) != np.ones((m, starts, 1)))]
    if starts > 1:
        inside = Losses(*(part[_is_wrong(table.scores)] for part in table))
        parts.append((_best(p, inside, starts), np.ones((m, starts, k))))
    if k > 2:
        rival = np.arange(k) == rng.integers(2, k, (m, starts, 1))
        parts.append((np.where(rival, 0.0, anywhere), ~rival))
    scores = np.concatenate([part[0] for part in parts], axis=1)
    free = np.concatenate([part[1] for part in parts], axis=1) * (np.arange(k) > 0)
    rows = np.repeat(np.arange(m), scores.shape[1])
    scores, value, settled = _descend(
        risk, p[rows], scores.reshape(-1, k), free.reshape(-1, k), spread[rows]
    )
    ends = value.reshape(m, -1)
    costs = np.hstack([ends, _weighed(p, table), _weighed(p, border)])
    wrong = np.hstack(
        [
            _is_wrong(scores).reshape(m, -1),
            np.broadcast_to(_is_wrong(table.scores), (m, len(table.scores))),
            np.ones((m, len(table.scores)), dtype=bool),
        ]
    )
    costs = np.where(np.isnan(costs), np.inf, costs)
    at = np.argmin(np.where(wrong, costs, np.inf), axis=1)
    tried = [np.vstack([scores[rows == i], table.scores, border.scores])[at[i]] for i in range(m)]
    value, infimum = costs[np.arange(m), at], costs.min(axis=1)
    gap = (value - infimum) / spread
    found = Infima(p, spread, infimum, value, np.array(tried), gap, gap, np.full(m, RESOLVED))
    return found, np.asarray(settled.reshape(m, -1).all(axis=1))


def _best(p: np.ndarray, table: Losses, count: int) -> np.ndarray:
    """For each p the cheapest scores of each of `count` parts of a table, (m, count, K)."""
    costs = _weighed(p, table)
    costs = np.where(np.isnan(costs), np.inf, costs)
    best = [i + count * np.argmin(costs[:, i::count], axis=1) for i in range(count)]
    return table.scores[np.stack(best, axis=1)]


def _descend(
    risk: Risk, p: np.ndarray, scores: np.ndarray, free: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Newton's method with a bound on its steps, from n scores at once, in the free directions.

    Returns:
        Scores, costs, and whether Newton's model promises nothing more.
    """
    scores, at = scores.copy(), risk.costs(p, scores)
    value, gradient, hessian = (np.array(part) for part in at[:3])
    radius, settled = np.ones(len(p)), np.zeros(len(p), dtype=bool)
    going = np.arange(len(p))
    for _ in range(ITERATIONS):
        step, promised = _step(gradient[going], hessian[going], free[going], radius[going])
        trial = scores[going] + step
        new = risk.costs(p[going], trial)
        with np.errstate(invalid="ignore"):
            better = new.value <= value[going] + 1e-15 * np.abs(value[going])
        better &= np.isfinite(new.gradient).all(axis=1) & np.isfinite(new.hessian).all(axis=(1, 2))
        took = going[better]
        scores[took], value[took] = trial[better], new.value[better]
        gradient[took], hessian[took] = new.gradient[better], new.hessian[better]
        radius[going] = np.where(better, np.minimum(3 * radius[going], 1e9), radius[going] / 4)
        settled[going] = promised <= SETTLED * spread[going]
        going = going[~settled[going] & (radius[going] > 1e-13)]
        if not len(going):
            break
    return scores, value, settled


def _step(
    gradient: np.ndarray, hessian: np.ndarray, free: np.ndarray, radius: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Steps no longer than the radius, and twice what the full steps promise."""
    both = (free[:, :, None] > 0) & (free[:, None, :] > 0)
    gradient = np.where(free > 0, np.nan_to_num(gradient), 0.0).clip(-HUGE, HUGE)
    hessian = np.where(both, np.nan_to_num(hessian), 0.0).clip(-HUGE, HUGE)
    curvature, axes = np.linalg.eigh(hessian)
    curvature = np.abs(curvature)
    floor = 1e-10 * curvature.max(axis=1, keepdims=True) + 1e-290
    along = (gradient[:, None] @ axes)[:, 0]
    damped = curvature + floor + np.linalg.norm(gradient, axis=1, keepdims=True) / radius[:, None]
    step = -(axes @ (along / damped)[:, :, None])[:, :, 0]
    with np.errstate(over="ignore"):
        return step, (along**2 / (curvature + floor)).sum(axis=1)


def _challenged(risk: Risk, found: Infima) -> Infima:
    """The same, with lower infima where wrong scores that seem to reach one can be improved."""
    infimum = found.infimum.copy()
    close = np.flatnonzero(found.wrong_value - infimum <= found.resolved * found.spread)
    kept = np.ones(len(infimum), dtype=bool)
    # so many are enough for a verdict
    kept[close[FEWER:]], close = False, close[:FEWER]
    lifts = np.concatenate([np.geomspace(1e-8, 1e4, 25), [0.0]])
    for at in close:
        top = int(np.argmax(found.wrong[at]))
        swapped = found.wrong[at].copy()
        swapped[[0, top]] = swapped[[top, 0]]
        scores = found.wrong[at] - np.outer(lifts, np.arange(len(swapped)) > 0)
        scores = np.vstack([scores, swapped])
        scores -= scores[:, :1]
        p = np.tile(found.p[at], (len(scores), 1))
        spread = np.full(len(scores), found.spread[at])
        free = np.tile(np.arange(len(swapped)) > 0, (len(scores), 1))
        value = _descend(risk, p, scores, free, spread)[1]
        infimum[at] = min(infimum[at], np.nanmin(value))
    gap = (found.wrong_value - infimum) / found.spread
    exact = found.resolved == RESOLVED
    least = np.where(exact, gap, found.least)
    return _part(found._replace(infimum=infimum, least=least, most=gap), kept)


class Cuts:
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


def _by_cuts(
    risk: Risk,
    p: np.ndarray,
    spread: np.ndarray,
    table: Losses,
    rng: np.random.Generator,
) -> Infima | None:
    """Both infima of a convex loss, enclosed; None if it turns out not to be convex.

    A problem is a p with a rival: rival 0 leaves all scores free, another may not score below 0.
    """
    m, k = p.shape
    lot = rng.integers(min(2, k - 1), k, m)
    rival = np.column_stack([np.zeros(m, dtype=int), np.ones(m, dtype=int), lot]).ravel()
    of = np.repeat(np.arange(m), 3)
    small = np.abs(table.scores).max(axis=1) <= LEVELS[2]
    table = Losses(*(part[small] for part in table))
    cuts = Cuts(table)
    costs = np.where(table.scores[:, rival].T >= 0, _weighed(p, table)[of], np.inf)
    upper, best = costs.min(axis=1), table.scores[costs.argmin(axis=1)]
    lower, box = np.full(len(of), -np.inf), np.full(len(of), BOXES[0])
    going = np.arange(len(of))
    for _ in range(ROUNDS):
        size = box[going, None]
        least = np.where(np.arange(1, k) == rival[going, None], 0.0, -size)
        found, bound, used = _minimize(cuts, p[of[going]], least, size + 0 * least)
        lower[going] = np.maximum(lower[going], bound)
        if len(cuts.rows) > MOST_CUTS:
            cuts.keep(used)
        for trial in (found, (found + best[going]) / 2):
            at = risk.losses(trial)
            cuts.add(at)
            value = (p[of[going]] * at.value).sum(axis=1)
            less = value < upper[going]
            upper[going[less]], best[going[less]] = value[less], trial[less]
        if (upper - lower < -RESOLVED_BY_CUTS * spread[of]).any():
            return None
        enclosed = _enclosed(p, spread, lower, upper, best)
        tight = upper - lower <= RESOLVED * spread[of]
        edge = tight & (np.abs(best).max(axis=1) > 0.99 * box) & (box < BOXES[-1])
        box[edge], lower[edge] = BOXES[-1], -np.inf
        known = enclosed.least > KNOWN * enclosed.most
        going = np.flatnonzero((~tight & ~known[of]) | edge)
        if not len(going) or (enclosed.most <= enclosed.resolved).any():
            break
    return _enclosed(p, spread, lower, upper, best)


def _enclosed(
    p: np.ndarray,
    spread: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    best: np.ndarray,
) -> Infima:
    m, k = p.shape
    lower, upper, best = lower.reshape(m, 3), upper.reshape(m, 3), best.reshape(m, 3, k)
    at = 1 + upper[:, 1:].argmin(axis=1)
    infimum, wrong_value = upper.min(axis=1), upper[np.arange(m), at]
    least = (lower[:, 1:].min(axis=1) - infimum) / spread
    most = (wrong_value - lower[:, 0]) / spread
    wrong = best[np.arange(m), at]
    return Infima(p, spread, infimum, wrong_value, wrong, least, most, np.full(m, RESOLVED_BY_CUTS))


def _minimize(
    cuts: Cuts, p: np.ndarray, least: np.ndarray, most: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least p·t over the cuts with v between two bounds, for all rows at once.

    Mehrotra's interior-point method on A x + s = b, s ≥ 0, with multipliers z.

    Returns:
        Scores (n, K), lower bounds (n,) from the multipliers, and which cuts are in use.
    """
    n, k = p.shape
    eye = np.eye(2 * k - 1)
    a = np.vstack([cuts.rows, eye[: k - 1], -eye[: k - 1]])
    b = np.hstack([np.tile(cuts.bounds, (n, 1)), most, -least])
    c = np.hstack([np.zeros((n, k - 1)), p])
    squares = (a[:, :, None] * a[:, None, :]).reshape(len(a), -1)
    x = np.hstack([(least + most) / 2, np.zeros((n, k))])
    s = np.maximum(b - x @ a.T, 1.0)
    z = np.ones_like(s)
    held, bound, used = (
        x.copy(),
        np.full(n, -np.inf),
        np.zeros((n, len(cuts.rows)), dtype=bool),
    )
    going, error = np.arange(n), np.full(n, np.inf)
    for _ in range(40):
        dual, primal = z @ a + c[going], x @ a.T + s - b[going]
        off = (s * z).sum(axis=1) + np.abs(dual).max(axis=1) + np.abs(primal).max(axis=1)
        better = off < error[going]
        at = going[better]
        reach = np.maximum(np.abs(x[better]), np.abs(x[better]).max(axis=1, keepdims=True))
        floor = -(b[at] * z[better]).sum(axis=1) - (np.abs(dual[better]) * reach).sum(axis=1)
        error[at], held[at] = off[better], x[better]
        bound[at] = floor
        used[at] = (z > 1e-3 * s)[better, : len(cuts.rows)]
        left = (off > EXACT) & (better | (error[going] > ENOUGH))
        if not left.any():
            break
        going, x, s, z = going[left], x[left], s[left], z[left]
        x, s, z = _advance(a, squares, x, s, z, dual[left], primal[left])
    return np.hstack([np.zeros((n, 1)), held[:, : k - 1]]), bound, np.asarray(used.any(axis=0))


def _advance(
    a: np.ndarray,
    squares: np.ndarray,
    x: np.ndarray,
    s: np.ndarray,
    z: np.ndarray,
    dual: np.ndarray,
    primal: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A predictor and a corrector step, given what is missing of dual and primal feasibility."""
    size = a.shape[1]
    normal = ((z / s) @ squares).reshape(-1, size, size)
    scale = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    normal = normal + 1e-14 * scale * np.eye(size)

    def solve(complement: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        right = -dual - ((z * primal - complement) / s) @ a
        dx = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
        ds = -primal - dx @ a.T
        return dx, ds, -(complement + z * ds) / s

    def length(of: np.ndarray, step: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.minimum(1.0, np.where(step < 0, -of / step, np.inf).min(axis=1))[:, None]

    mean = (s * z).mean(axis=1)
    dx, ds, dz = solve(s * z)
    after = ((s + length(s, ds) * ds) * (z + length(z, dz) * dz)).mean(axis=1)
    target = (after / mean) ** 3 * mean
    dx, ds, dz = solve(s * z + ds * dz - target[:, None])
    forward, back = 0.99 * length(s, ds), 0.99 * length(z, dz)
    return x + forward * dx, s + forward * ds, z + back * dz


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
