"""Convex, strictly convex, smooth: what Hessians and pairs of slopes show."""

import numpy as np

from marginflow.theory.certificate.order import flat_end
from marginflow.theory.certificate.scan import noise, rounding, steps
from marginflow.theory.certificate.search import clipped, lines, points, worst
from marginflow.theory.certificate.template_view import BATCH, View
from marginflow.theory.certificate.verdict import Property, refuted, shown, supported

# Two logarithms of slopes nearer than this are the same.
SAME = 1e-13
# Curvature that falls from more than this share of the largest to nothing does so at once.
SUDDEN = 1e-13
# A fall of slopes that is a smaller share of them is rounding.
FALLEN = 1e-9
# So many of the steepest falls are compared with rounding.
MOST_DOUBTS = 64
# The region in which flat pieces are looked for by random points.
NEAR = 6.0
HALVINGS = 42
# Boxes on which the largest curvature is compared: it has to stop growing.
BOXES = (5.0, 20.0, 80.0, 320.0, 960.0)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def convex(view: View, rng: np.random.Generator) -> Property:
    """ψ is convex: Hessians without negative eigenvalues, slopes that never fall along a line."""
    name, k = "convex", view.n_margins

    def score(u: np.ndarray) -> np.ndarray:
        return -_relative_least(view.evaluate(u).hessian)

    found = worst(view, score, points(k, rng), rng)
    directions = _bending(view, found.point)
    ends = found.point + 1e-3 * (1 + np.abs(found.point).max()) * np.outer([-1, 1], directions)
    pairs = [(ends[:1], ends[1:]), _pairs(k, rng), steps(view)]
    starts, stops = (clipped(view, np.concatenate(side)) for side in zip(*pairs, strict=True))
    share = _share_of_fall(view, starts, stops)
    fallen = np.argsort(share)[:MOST_DOUBTS]
    fallen = fallen[share[fallen] < -FALLEN]
    for at in fallen[_beyond_noise(view, starts[fallen], stops[fallen])]:
        pair = view.margins(np.stack([starts[at], stops[at]]))
        slope = view.plain.evaluate(pair).slope
        product = float((slope[1] - slope[0]) @ (pair[1] - pair[0]))
        statement = (
            f"(∇ψ(y) − ∇ψ(x))·(y − x) = {product:.6g} is negative for x = {shown(pair[0])} "
            f"and y = {shown(pair[1])}."
        )
        return refuted(name, view.n_classes, statement, pair, product=product)
    evidence = (
        f"{found.tried} Hessians with a search for a negative eigenvalue, the least "
        f"{-found.score:.2g} of the largest; {len(starts)} pairs of slopes, none of which fell."
    )
    return supported(name, view.n_classes, evidence)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def strictly_convex(view: View, rng: np.random.Generator) -> Property:
    """No segment on which ψ is a line: slopes differ at any two points."""
    name, k = "strictly convex", view.n_margins
    flat = flat_end(view)
    if flat is not None:
        pair = view.margins(flat)
        statement = f"every slope is zero at both x = {shown(pair[0])} and y = {shown(pair[1])}."
        return refuted(name, view.n_classes, statement, pair)
    middle = np.concatenate([points(k, rng, NEAR)[: 2 * 64], rng.uniform(-3, 5, (128, k))])
    along = np.concatenate([lines(k, rng, 128), _flattest(view, middle[128:])])
    pairs = [(middle - along / 2, middle + along / 2), steps(view)]
    starts, stops = (clipped(view, np.concatenate(side)) for side in zip(*pairs, strict=True))
    before, after = view.evaluate(starts), view.evaluate(stops)
    with np.errstate(invalid="ignore"):
        moved = np.abs(after.log_abs - before.log_abs)
    moved = np.where((before.sign == 0) & (after.sign == 0), 0.0, moved)
    moved = np.where(before.sign != after.sign, np.inf, moved).max(axis=1)
    same = np.flatnonzero((moved <= SAME) & (np.abs(stops - starts).max(axis=1) > 0))
    same = rng.permutation(same)[:BATCH]
    straight = same[_are_straight(view, starts[same], stops[same], rng)]
    if len(straight):
        at = straight[-1]  # the one that was looked at most closely
        pair = view.margins(np.stack([starts[at], stops[at]]))
        statement = (
            f"∇ψ is {shown(view.plain.evaluate(pair).slope[0])} at both x = {shown(pair[0])} and "
            f"y = {shown(pair[1])}: ψ is a line between them."
        )
        return refuted(name, view.n_classes, statement, pair)
    evidence = (
        f"{len(starts)} segments, along axes, diagonals, random directions and those of least "
        "curvature; on none were the slopes the same at both ends."
    )
    return supported(name, view.n_classes, evidence)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def smooth(view: View, rng: np.random.Generator, twice: Property) -> Property:
    """The largest eigenvalue of the Hessian, in the template's margins and in the scores.

    Args:
        view: of the template.
        rng: of the points.
        twice: the verdict on twice differentiable; slopes that jump have no such eigenvalue.
    """
    name, k = "smooth", view.n_margins
    example = twice.counterexample
    if example is not None and twice.figures["endless"]:
        return refuted(
            name, view.n_classes, twice.evidence, example.margins, jump=twice.figures["jump"]
        )
    largest, where = [], []
    for box in BOXES:
        starts = points(k, rng, box)
        found = worst(view, lambda u: _largest(view.evaluate(u).hessian), starts, rng, box)
        largest.append(max(found.score, largest[-1] if largest else 0.0))
        where.append(view.margins(found.point))
    curvature = [value * view.scale.curvature for value in largest]
    if largest[-1] > 1.5 * largest[-2] > 0:
        grown = ", ".join(f"{value:.4g}" for value in curvature)
        boxes = ", ".join(f"{box * view.scale.length:g}" for box in BOXES)
        center = view.scale.center
        of = f" of {center:g}" if center else ""
        statement = f"the curvature grows without end: {grown} for margins within {boxes}{of}."
        return refuted(name, view.n_classes, statement, where, largest=curvature)
    starts = points(k, rng, BOXES[1])
    in_scores = worst(view, lambda u: _largest(_in_scores(view.evaluate(u).hessian)), starts, rng)
    scores = in_scores.score * view.scale.curvature
    figures = {"template": curvature[-1], "scores": scores}
    stated = view.loss.smoothness(view.n_classes) if k == view.n_classes - 1 else None
    if stated is not None:
        figures["stated"] = stated
        if scores > stated * (1 + 1e-6):
            statement = (
                f"the loss states β = {stated:.6g} in the scores, and a curvature of {scores:.6g} "
                f"was found at margins {shown(view.margins(in_scores.point))}."
            )
            where = view.margins(in_scores.point)
            return refuted(name, view.n_classes, statement, where, **figures)
    evidence = (
        f"the largest eigenvalue that a search found is {curvature[-1]:.6g} in the margins and "
        f"{scores:.6g} in the scores"
        + (f"; the loss states {stated:.6g}." if stated is not None else ".")
    )
    return supported(name, view.n_classes, evidence, **figures)


def _relative_least(hessians: np.ndarray) -> np.ndarray:
    """The least eigenvalue as a share of the largest in absolute value."""
    safe, _ = _finite(hessians)
    size = np.abs(safe).max(axis=(1, 2))
    scaled = safe / np.where(size > 0, size, 1.0)[:, None, None]
    return np.linalg.eigvalsh(scaled)[:, 0]


def _largest(hessians: np.ndarray) -> np.ndarray:
    """The largest eigenvalue; NaN for what overflows, where finite ones grow towards it."""
    safe, finite = _finite(hessians)
    return np.where(finite, np.linalg.eigvalsh(safe)[:, -1], np.nan)


def _finite(hessians: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Hessians with zeros for those that are not finite, and which are."""
    finite = np.asarray(np.isfinite(hessians).all(axis=(1, 2)))
    return np.where(finite[:, None, None], hessians, 0.0), finite


def _in_scores(hessians: np.ndarray) -> np.ndarray:
    """Hessians in the K scores: B H Bᵀ with B the rows of margins, 1 at the own class."""
    k = hessians.shape[1]
    code = np.vstack([np.ones((1, k)), -np.eye(k)])
    return code @ hessians @ code.T


def _bending(view: View, point: np.ndarray) -> np.ndarray:
    """The direction of least curvature at a point."""
    hessian = view.evaluate(point[None]).hessian[0]
    if not np.isfinite(hessian).all():
        return np.eye(len(point))[0]
    return np.linalg.eigh(hessian)[1][:, 0]


def _flattest(view: View, where: np.ndarray) -> np.ndarray:
    """The directions of least curvature at points."""
    safe, _ = _finite(view.evaluate(where).hessian)
    return np.linalg.eigh(safe)[1][:, :, 0]


def _pairs(k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    starts = points(k, rng, NEAR)
    lengths = 10.0 ** rng.uniform(-2, 1, (len(starts), 1))
    return starts, starts + lengths * lines(k, rng, len(starts))


def _share_of_fall(view: View, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """(∇ψ(y) − ∇ψ(x))·(y − x) as a share of what it is a difference of; 0 if it is rounding."""
    before, after = view.evaluate(starts).slope, view.evaluate(stops).slope
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        rise = ((after - before) * (stops - starts)).sum(axis=1)
        distance = np.abs(stops - starts)
        size = (np.abs(after) + np.abs(before)).max(axis=1) * distance.max(axis=1)
        seen = np.abs(rise) > rounding(view, starts) * distance.sum(axis=1)
        return np.where((size > 0) & np.isfinite(rise) & seen, rise / size, 0.0)


def _beyond_noise(view: View, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Whether slopes fall by more than they are uncertain."""
    before, after = view.evaluate(starts).slope, view.evaluate(stops).slope
    fall = -((after - before) * (stops - starts)).sum(axis=1)
    step = 2e-15 * np.maximum(np.maximum(np.abs(starts), np.abs(stops)), 1e-3)
    doubt = noise(view, starts, step) + noise(view, stops, step)
    return np.asarray(fall > 8 * doubt * np.abs(stops - starts).sum(axis=1))


def _are_straight(
    view: View, starts: np.ndarray, stops: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Whether ψ is a line between two points, and not merely curved by less than rounding, (m,).

    A curvature that fades as e^(−u) is lost to rounding at some distance too.  On the way from a
    curved point it then falls smoothly to nothing; at the end of a straight piece it stops.
    """
    if not len(starts):
        return np.zeros(0, dtype=bool)
    middle, along = (starts + stops) / 2, stops - starts
    along = along / np.linalg.norm(along, axis=1, keepdims=True)
    curved = clipped(view, rng.uniform(-2, 3, (64, middle.shape[1])))
    safe, _ = _finite(view.evaluate(curved).hessian)
    bends = np.linalg.norm(np.einsum("pij,mj->mpi", safe, along), axis=2)
    bends = np.where(_counts(view, curved, bends), bends, 0.0)
    best, most = bends.argmax(axis=1), bends.max(axis=1)
    flat, bent = middle, curved[best]
    for _ in range(HALVINGS):
        between = (flat + bent) / 2
        still = (_bend(view, between, along) == 0)[:, None]
        flat, bent = np.where(still, between, flat), np.where(still, bent, between)
    way = curved[best] - flat
    length = np.abs(curved[best] - middle).max(axis=1, keepdims=True)
    inside = flat + 1e-4 * length * way / np.maximum(np.abs(way).max(axis=1, keepdims=True), 1e-300)
    bend = _bend(view, inside, along)
    straight = (_bend(view, middle, along) == 0) & ((most == 0) | (bend > SUDDEN * most))
    for at in np.flatnonzero(straight & (most > 0)):  # it may be most curved on the way
        path = flat[at] + np.linspace(0, 1, BATCH)[:, None] * way[at]
        straight[at] = bend[at] > SUDDEN * _bend(view, path, np.tile(along[at], (BATCH, 1))).max()
        if straight[at]:
            straight[at + 1 :] = False
            break
    return straight


def _bend(view: View, u: np.ndarray, along: np.ndarray) -> np.ndarray:
    """‖H v‖ at each point for its own v, with what is below rounding of the slopes as zero."""
    safe, finite = _finite(view.evaluate(u).hessian)
    bend = np.linalg.norm((safe @ along[:, :, None])[:, :, 0], axis=1)
    return np.where(finite & _counts(view, u, bend), bend, 0.0)


def _counts(view: View, u: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """Whether ‖H v‖ is more than rounding of the slopes."""
    return np.asarray(bend > 1e-16 * np.abs(view.evaluate(u).slope).max(axis=1))
