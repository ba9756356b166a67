"""Non-negative, strictly decreasing, semi-coercive: what can be read off values and signs."""

import numpy as np

from marginflow.theory.certificate.scan import scan, steps
from marginflow.theory.certificate.search import clipped, points, worst
from marginflow.theory.certificate.template_view import BEYOND, TemplateView, View
from marginflow.theory.certificate.verdict import Property, refuted, shown, supported

# Values carry rounding of the margins' size.
ROUNDING = 1e-12
# So is a rise of the value.
RISES = 1e-11
# A slope this much above zero, as a share of the largest beside it, is positive.
POSITIVE = 1e-9
# Slopes that end above e to this have not underflowed.
DEEP = -600.0
FARTHEST = 1e3
FALLS = (1e1, 1e2, 1e3, 1e4)
WAYS = 512


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def non_negative(view: View, rng: np.random.Generator) -> Property:
    """ψ ≥ 0."""
    name, k = "non-negative", view.n_margins

    def score(u: np.ndarray) -> np.ndarray:
        return _below_zero(u, view.evaluate(u).value)

    ladder = np.repeat(np.geomspace(1.0, 1e6, 64)[:, None], k, axis=1)
    starts = np.concatenate([points(k, rng, FARTHEST), ladder, *scan(view)])
    found = worst(view, score, starts, rng, largest=1e6)
    least = float(view.evaluate(found.point[None]).value[0]) * view.scale.unit
    if found.score > ROUNDING:
        return is_negative(view, view.margins(found.point))
    evidence = f"{found.tried} points, with a search downwards; the least value was {least:.3g}."
    return supported(name, view.n_classes, evidence, least=least)


def came_below_zero(view: TemplateView) -> Property | None:
    """The refutation of ψ ≥ 0 by a value that another check has come upon; None if none was."""
    plain, scale = view.plain, view.scale
    if plain.least * scale.length / scale.unit >= -ROUNDING:
        return None
    return is_negative(view, plain.least_at)


def is_negative(view: View, margins: np.ndarray) -> Property:
    """The refutation of ψ ≥ 0 by margins in the user's units."""
    value = float(view.plain.evaluate(margins[None]).value[0])
    statement = f"ψ = {value:.6g} at margins {shown(margins)}."
    return refuted("non-negative", view.n_classes, statement, margins, value=value)


def _below_zero(u: np.ndarray, value: np.ndarray) -> np.ndarray:
    """How far values are below zero, as a share of what rounding is a share of."""
    return np.where(np.isfinite(value), -value, np.nan) / (1 + np.abs(u).max(axis=1))


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def strictly_decreasing(view: View, rng: np.random.Generator) -> Property:
    """∂ψ/∂u_k < 0 for every k, also where it is too small for float64 but not for its logarithm."""

    def score(u: np.ndarray) -> np.ndarray:
        found = view.evaluate(u)
        top = found.log_abs.max(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            return (found.sign * np.exp(found.log_abs - top)).max(axis=1)

    name = "strictly decreasing"
    starts = np.concatenate([points(view.n_margins, rng, FARTHEST), *scan(view)])
    starts = clipped(view, starts)
    found = worst(view, score, starts, rng, largest=FARTHEST)
    if found.score > POSITIVE:
        at = view.evaluate(found.point[None])
        entry = int(np.argmax(np.where(at.sign[0] > 0, at.log_abs[0], -np.inf)))
        point = view.margins(found.point)
        slope = float(view.plain.evaluate(point[None]).slope[0, entry])
        statement = f"∂ψ/∂u_{entry + 1} = {slope:.6g} is positive at margins {shown(point)}."
        return refuted(name, view.n_classes, statement, point, entry=entry, slope=slope)
    rise = _rise(view)
    if rise is not None:
        pair = view.margins(rise)
        value = view.plain.evaluate(pair).value
        statement = (
            f"ψ rises from {value[0]:.8g} at margins {shown(pair[0])} to {value[1]:.8g} at margins "
            f"{shown(pair[1])}, which are no smaller."
        )
        return refuted(name, view.n_classes, statement, pair, values=value.tolist())
    zero = _exact_zero(view, starts)
    if zero is not None:
        point, entry = view.margins(zero[0]), zero[1]
        statement = f"∂ψ/∂u_{entry + 1} = 0 at margins {shown(point)}."
        return refuted(name, view.n_classes, statement, point, entry=entry, slope=0.0)
    evidence = (
        f"{found.tried} points with a search upwards; every slope was negative, also where only "
        "its logarithm is a float64."
    )
    return supported(name, view.n_classes, evidence)


def _rise(view: View) -> np.ndarray | None:
    """Two points (2, k), one with larger margins and a larger value, if a scan has any.

    A jump upwards has no slope, and a derivative that the user states may be wrong.
    """
    lows, highs = steps(view)
    low, high = view.evaluate(lows).value, view.evaluate(highs).value
    with np.errstate(invalid="ignore"):
        size = 1 + np.abs(lows).max(axis=1, initial=0.0) + np.abs(low) + np.abs(high)
        rise = np.where(np.isfinite(low) & np.isfinite(high), (high - low) / size, 0.0)
    at = int(np.argmax(rise)) if len(rise) else 0
    return np.stack([lows[at], highs[at]]) if len(rise) and rise[at] > RISES else None


def _exact_zero(view: View, starts: np.ndarray) -> tuple[np.ndarray, int] | None:
    """A point and an entry whose slope is zero, not by underflow."""
    at = view.evaluate(starts)
    vanishes = (at.sign == 0) & np.isfinite(at.value)[:, None]
    size = np.where(vanishes, np.abs(starts).max(axis=1, keepdims=True), np.inf)
    if not vanishes.any():
        return None
    row, entry = np.unravel_index(int(np.argmin(size)), size.shape)
    nearest = np.abs(starts - starts[row]).max(axis=1) + np.where(at.sign[:, entry] == 0, np.inf, 0)
    if not np.isfinite(nearest).any():
        return starts[row], int(entry)
    flat, steep = starts[row], starts[int(np.argmin(nearest))]
    for _ in range(60):
        middle = (flat + steep) / 2
        if view.evaluate(middle[None]).sign[0, entry] == 0:
            flat = middle
        else:
            steep = middle
    underflowed = view.evaluate(steep[None]).log_abs[0, entry] + view.scale.log_slope < DEEP
    return None if underflowed else (starts[row], int(entry))


def flat_end(view: View) -> np.ndarray | None:
    """Two points (2, k) at which every slope is zero, not by underflow; None if there are none."""
    levels = np.concatenate([[0.0], np.geomspace(1e-2, FARTHEST**2, 200)])
    u = np.repeat(levels[:, None], view.n_margins, axis=1)
    found = view.evaluate(u)
    flat = np.flatnonzero((found.sign == 0).all(axis=1) & np.isfinite(found.value))
    if len(flat) < 2 or _exact_zero(view, u) is None:
        return None
    return u[flat[[0, -1]]]


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def semi_coercive(view: View, rng: np.random.Generator) -> Property:
    """ψ → ∞ as any one margin falls, whatever the others do (Wang & Scott 2024)."""
    name, k, unit = "semi-coercive", view.n_margins, view.scale.unit
    lowest, where = [], []
    for fall in FALLS:
        u = _with_one_low(k, fall, rng)
        value = view.evaluate(u).value
        value = np.where(np.isnan(value), np.inf, value)
        lowest.append(float(value.min()))
        where.append(view.margins(u[int(np.argmin(value))]))
    listed = ", ".join(f"{value * unit:.6g}" for value in lowest)
    falls = ", ".join(f"{view.scale.margin(-fall):.6g}" for fall in FALLS)
    figures = [value * unit for value in lowest]
    if lowest[-1] - lowest[1] <= 1e-9 * (1 + abs(lowest[1])):
        statement = (
            f"ψ stays bounded as a margin falls to {falls}: {listed}, the last at margins "
            f"{shown(where[-1])}."
        )
        return refuted(name, view.n_classes, statement, where, values=figures)
    evidence = (
        f"with a margin at {falls} and the others tried in {WAYS} ways, the least values were "
        f"{listed}."
    )
    return supported(name, view.n_classes, evidence, least=figures)


def _with_one_low(k: int, fall: float, rng: np.random.Generator) -> np.ndarray:
    """Points whose first margin is −fall and whose others lie anywhere above it."""
    ends = np.array([-fall, -fall / 2, 0.0, 1.0, fall, 1e6, BEYOND])
    u = rng.choice(ends, size=(WAYS // 2, k))
    u[: len(ends)] = ends[:, None]
    decades = -fall + 10.0 ** rng.uniform(-2, 7, (WAYS // 2, k))
    u = np.concatenate([u, decades])
    u[:, 0] = -fall
    return u
