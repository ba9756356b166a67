"""Convex, strictly convex, twice differentiable, smooth: what Hessians and pairs of slopes show."""

import math

import numpy as np

from marginflow.theory.certificate.order import flat_end
from marginflow.theory.certificate.search import View, points, worst
from marginflow.theory.certificate.verdict import Property, refuted, shown, supported

# Hessians are right to about this share of their size.
NOISE = 1e-7
# Two logarithms of slopes nearer than this are the same.
SAME = 1e-13
# The region in which flat pieces and kinks are looked for.
NEAR = 6.0
HALVINGS = 42
# Boxes on which the largest curvature is compared: it has to stop growing.
BOXES = (5.0, 20.0, 80.0, 320.0)


def convex(view: View, rng: np.random.Generator) -> Property:
    """ψ is convex: Hessians without negative eigenvalues, slopes that never fall along a line."""
    name, k = "convex", view.n_margins

    def score(u: np.ndarray) -> np.ndarray:
        return -_relative_least(view.evaluate(u).hessian)

    found = worst(score, points(k, rng), rng)
    directions = _bending(view, found.point)
    ends = found.point + 1e-3 * (1 + np.abs(found.point).max()) * np.outer([-1, 1], directions)
    starts, stops = _pairs(k, rng)
    starts, stops = np.vstack([ends[:1], starts]), np.vstack([ends[1:], stops])
    before, after = view.evaluate(starts).slope, view.evaluate(stops).slope
    rise = ((after - before) * (stops - starts)).sum(axis=1)
    size = (np.abs(after) + np.abs(before)).max(axis=1) * np.abs(stops - starts).max(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where((size > 0) & np.isfinite(rise), rise / size, 0.0)
    at = int(np.argmin(share))
    if share[at] < -1e-9:
        statement = (
            f"(∇ψ(y) − ∇ψ(x))·(y − x) = {rise[at]:.6g} is negative for x = {shown(starts[at])} "
            f"and y = {shown(stops[at])}."
        )
        pair = [starts[at], stops[at]]
        return refuted(name, view.n_classes, statement, pair, product=float(rise[at]))
    evidence = (
        f"{found.tried} Hessians with a search for a negative eigenvalue, the least "
        f"{-found.score:.2g} of the largest; {len(starts)} pairs of slopes, none of which fell."
    )
    return supported(name, view.n_classes, evidence)


def strictly_convex(view: View, rng: np.random.Generator) -> Property:
    """No segment on which ψ is a line: slopes differ at any two points."""
    name, k = "strictly convex", view.n_margins
    flat = flat_end(view)
    if flat is not None:
        statement = f"every slope is zero at both x = {shown(flat[0])} and y = {shown(flat[1])}."
        return refuted(name, view.n_classes, statement, flat)
    middle = np.concatenate([points(k, rng, NEAR)[: 2 * 64], rng.uniform(-3, 5, (128, k))])
    along = np.concatenate([_lines(k, rng, 128), _flattest(view, middle[128:])])
    starts, stops = middle - along / 2, middle + along / 2
    before, after = view.evaluate(starts), view.evaluate(stops)
    with np.errstate(invalid="ignore"):
        moved = np.abs(after.log_abs - before.log_abs)
    moved = np.where((before.sign == 0) & (after.sign == 0), 0.0, moved)
    moved = np.where(before.sign != after.sign, np.inf, moved).max(axis=1)
    for at in np.argsort(moved)[:32]:
        if moved[at] > SAME:
            break
        if _is_straight(view, middle[at], along[at], rng):
            statement = (
                f"∇ψ is {shown(before.slope[at])} at both x = {shown(starts[at])} and "
                f"y = {shown(stops[at])}: ψ is a line between them."
            )
            return refuted(name, view.n_classes, statement, [starts[at], stops[at]])
    evidence = (
        f"{len(starts)} segments, along axes, diagonals, random directions and those of least "
        "curvature; on none were the slopes the same at both ends."
    )
    return supported(name, view.n_classes, evidence)


def twice_differentiable(view: View, rng: np.random.Generator) -> Property:
    """Neither slopes nor second derivatives jump along lines; jumps are cornered by halving."""
    name, k = "twice differentiable", view.n_margins
    for what, derivative in (("slope", _slopes), ("second derivative", _second_derivatives)):
        low, high = _segments(k, rng)
        at_low, at_high = derivative(view, low), derivative(view, high)
        wider = np.zeros(len(low))
        for halving in range(HALVINGS):
            if halving == HALVINGS - 10:
                wider = _jump(at_low, at_high)
            between = (low + high) / 2
            at_between = derivative(view, between)
            first = (_jump(at_low, at_between) > _jump(at_between, at_high))[:, None]
            low, high = np.where(first, low, between), np.where(first, between, high)
            at_low, at_high = (
                np.where(first, at_low, at_between),
                np.where(first, at_between, at_high),
            )
        jump = _jump(at_low, at_high)
        size = np.maximum(np.abs(at_low), np.abs(at_high)).max(axis=1)
        distance = np.abs(high - low).max(axis=1)
        if what == "slope":  # a steep slope is not a jump
            bend = np.abs(_second_derivatives(view, low)).max(axis=1)
            bend = np.maximum(bend, np.abs(_second_derivatives(view, high)).max(axis=1))
            jump = np.where(jump > 1e3 * k * bend * distance, jump, 0.0)
        # a change that halves with the distance is a slope, however small the derivative is here
        jump = np.where((jump > 1e-5 * size) & (jump > wider / 8), jump, 0.0)
        at = int(np.argmax(jump))
        if jump[at] > 0:
            statement = (
                f"a {what} jumps at margins {shown(low[at])}, by {jump[at]:.6g} over a distance "
                f"of {distance[at]:.1g}."
            )
            figures = {"jump": float(jump[at]), "distance": float(distance[at]), "of": what}
            return refuted(name, view.n_classes, statement, [low[at], high[at]], **figures)
    evidence = (
        f"no jump of slopes or second derivatives on {len(low)} segments each, halved {HALVINGS} "
        "times towards the largest change."
    )
    return supported(name, view.n_classes, evidence)


def smooth(view: View, rng: np.random.Generator, twice: Property) -> Property:
    """The largest eigenvalue of the Hessian, in the template's margins and in the scores.

    Args:
        view: of the template.
        rng: of the points.
        twice: the verdict on twice differentiable; slopes that jump have no such eigenvalue.
    """
    name, k = "smooth", view.n_margins
    if not twice.holds and twice.figures.get("of") == "slope":
        example = twice.counterexample
        assert example is not None
        return refuted(
            name, view.n_classes, twice.evidence, example.margins, jump=example.figures["jump"]
        )
    largest, where = [], []
    for box in BOXES:
        found = worst(lambda u: _largest(view.evaluate(u).hessian), points(k, rng, box), rng, box)
        largest.append(max(found.score, largest[-1] if largest else 0.0))
        where.append(found.point)
    if not math.isfinite(largest[-1]) or largest[-1] > 1.5 * largest[-2] > 0:
        grown = ", ".join(f"{value:.4g}" for value in largest)
        boxes = ", ".join(f"{box:g}" for box in BOXES)
        statement = f"the curvature grows without end: {grown} for margins within {boxes}."
        return refuted(name, view.n_classes, statement, where, largest=largest)
    scores = worst(
        lambda u: _largest(_in_scores(view.evaluate(u).hessian)), points(k, rng, BOXES[1]), rng
    ).score
    figures = {"template": largest[-1], "scores": scores}
    stated = view.loss.smoothness(view.n_classes) if k == view.n_classes - 1 else None
    if stated is not None:
        figures["stated"] = stated
        if scores > stated * (1 + 1e-6):
            statement = (
                f"the loss states β = {stated:.6g} in the scores, and a curvature of {scores:.6g} "
                f"was found."
            )
            return refuted(name, view.n_classes, statement, where, **figures)
    evidence = (
        f"the largest eigenvalue that a search found is {largest[-1]:.6g} in the margins and "
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
    safe, finite = _finite(hessians)
    return np.where(finite, np.linalg.eigvalsh(safe)[:, -1], np.inf)


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


def _lines(k: int, rng: np.random.Generator, count: int) -> np.ndarray:
    """Unit directions: axes, the diagonal, differences of two axes, random ones."""
    normal = rng.standard_normal((count, k))
    axes = np.eye(k)[rng.integers(k, size=count)]
    other = np.eye(k)[(axes.argmax(axis=1) + rng.integers(1, max(k, 2), size=count)) % k]
    kinds = np.stack([normal, axes, np.ones((count, k)), axes - other + 1e-30])
    lines = kinds[np.arange(count) % 4, np.arange(count)]
    if k == 1:
        lines = np.ones((count, 1))
    return lines / np.linalg.norm(lines, axis=1, keepdims=True)


def _pairs(k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    starts = points(k, rng, NEAR)
    lengths = 10.0 ** rng.uniform(-2, 1, (len(starts), 1))
    return starts, starts + lengths * _lines(k, rng, len(starts))


def _segments(k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """256 segments around margins of ordinary size, from short to crossing all of them."""
    middle = rng.uniform(-3, 5, (256, k))
    along = 10.0 ** rng.uniform(-0.5, 1.1, (256, 1)) * _lines(k, rng, 256)
    return middle - along / 2, middle + along / 2


def _slopes(view: View, u: np.ndarray) -> np.ndarray:
    """(m, k); what overflows counts as no jump."""
    slope = view.evaluate(u).slope
    return np.where(np.isfinite(slope), slope, 0.0)


def _second_derivatives(view: View, u: np.ndarray) -> np.ndarray:
    """(m, k²); what overflows counts as no jump."""
    hessian = view.evaluate(u).hessian.reshape(len(u), -1)
    return np.where(np.isfinite(hessian), hessian, 0.0)


def _jump(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.abs(high - low).max(axis=1)


def _is_straight(
    view: View, middle: np.ndarray, along: np.ndarray, rng: np.random.Generator
) -> bool:
    """Whether ψ is a line here, and not merely curved by less than rounding.

    A curvature that fades as e^(−u) is lost to rounding at some distance too.  On the way from a
    curved point it then falls smoothly to nothing; at the end of a straight piece it stops.
    """
    curved = rng.uniform(-2, 3, (64, len(middle)))
    bends = _bend(view, curved, along)
    if bends.max() == 0:
        return True
    flat, bent = middle, curved[int(np.argmax(bends))]
    for _ in range(HALVINGS):
        between = (flat + bent) / 2
        if _bend(view, between[None], along)[0] == 0:
            flat = between
        else:
            bent = between
    length = np.abs(curved[int(np.argmax(bends))] - middle).max()
    inside = flat + 1e-4 * length * (curved[int(np.argmax(bends))] - flat) / max(
        np.abs(curved[int(np.argmax(bends))] - flat).max(), 1e-300
    )
    return bool(_bend(view, inside[None], along)[0] > 1e-13 * bends.max())


def _bend(view: View, u: np.ndarray, along: np.ndarray) -> np.ndarray:
    """‖H v‖, with what is below rounding of the slopes as zero."""
    found = view.evaluate(u)
    bend = np.linalg.norm(found.hessian @ along, axis=1)
    size = np.abs(found.slope).max(axis=1)
    return np.where(np.isfinite(bend) & (bend > 1e-16 * size), bend, 0.0)
