"""How the slopes fade: the class of the tail, and the two bounds of an exponential one.

Slopes are known by their logarithms, so that the tail is simply looked at, along uniform shifts
u + λ1 with λ up to a million, or to where the logarithms end.  With L = log(−∂_j ψ): an exponential
tail falls by aλ, a stretched one by λ^ν, a polynomial one by (p+1) log λ.  An exponential tail in
the sense of Ravi et al. 2024 also needs

    c (1 − Σ_k e^(−a u_k)) e^(−a u_j)  ≤  −∂_j ψ(u)  ≤  c e^(−a u_j)

once every margin is large; a = 1 after rescaling the margins, which rescales the weights.
"""

import math

import numpy as np

from marginflow.losses import TailKind
from marginflow.theory.certificate.order import DEEP, POSITIVE
from marginflow.theory.certificate.template_view import View
from marginflow.theory.certificate.verdict import Property, refuted, shown, supported

FARTHEST = 2.0**20
STARTS = 8
LEVELS = 12
# So much of the way to where slopes underflow they are normal floats.
SUBNORMAL = 0.94
# The two bounds are compared while e^(−a u) is above rounding.
DEEPEST = 24.0
# At margins this deep, times the rate, slope and tail are one in float64.
BOTTOM = 300.0


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def tail_class(view: View, rng: np.random.Generator) -> Property:
    """Finite, exponential, stretched, polynomial or rising, with its constants."""
    name, k = "tail", view.n_margins
    rising = _rising(view, rng)
    if rising is not None:
        point, entry, slope = rising
        words = f"slopes turn positive: {slope:.3g} for margin {entry + 1} of {shown(point)}."
        return supported(name, view.n_classes, words, kind=TailKind.RISING, margins=point)
    starts = np.vstack([np.zeros((1, k)), rng.standard_normal((STARTS - 1, k))])
    end = _last_level(view, starts)
    if end is None:
        words = "every slope is zero once every margin is large."
        return supported(name, view.n_classes, words, kind=TailKind.FINITE)
    levels = end * 2.0 ** -np.arange(LEVELS)[::-1] * SUBNORMAL
    logs = np.stack([view.evaluate(starts + level).log_abs.mean(axis=1) for level in levels])
    kind, figures = _classify(levels, logs, view.scale.length)
    farthest = view.scale.margin(end)
    if kind is None:
        words = f"the slopes fade in no way that is known here, up to margins of {farthest:.3g}."
        return refuted(name, view.n_classes, words, view.margins(starts + end))
    stated = view.loss.tail(view.n_classes) if k == view.n_classes - 1 else None
    listed = ", ".join(f"{key} {value:.6g}" for key, value in figures.items())
    words = f"{kind}, {listed}, along {STARTS} uniform shifts up to a margin of {farthest:.3g}."
    if stated is not None and stated.kind != kind:
        words += f" The loss itself states a tail that is {stated.kind}."
        return refuted(name, view.n_classes, words, view.margins(starts + end))
    return supported(name, view.n_classes, words, kind=kind, **figures)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def exponential_tail(view: View, rng: np.random.Generator, tail: Property) -> Property:
    """The two bounds on an exponential tail, with c, u₊ and u₋."""
    name, k = "exponential tail", view.n_margins
    given, view = view, view.plain  # the bounds are of margins as they are
    kind = tail.figures.get("kind")
    if kind != TailKind.EXPONENTIAL:
        words = f"the tail is {kind}: {tail.evidence}" if tail.holds else tail.evidence
        example = tail.counterexample.margins if tail.counterexample else _witness(given, tail)
        return refuted(name, view.n_classes, words, example)
    a = tail.figures["rate"]
    deep = (BOTTOM + 20 * np.abs(rng.standard_normal((64, k)))) / a
    deep = np.maximum(given.scale.center, 0.0) + deep
    settled = view.evaluate(deep).log_abs + a * deep
    log_c = float(np.median(settled))
    if np.ptp(settled) > 1e-9 * max(1.0, BOTTOM):
        rows, columns = np.unravel_index([settled.argmin(), settled.argmax()], settled.shape)
        words = (
            f"log(−∂_j ψ) + {a:.6g} u_j has no limit: it is {settled.min():.6g} for margin "
            f"{columns[0] + 1} of {shown(deep[rows[0]])} and {settled.max():.6g} for margin "
            f"{columns[1] + 1} of {shown(deep[rows[1]])}."
        )
        return refuted(name, view.n_classes, words, deep[rows])
    u, least = _bounds_points(k, a, rng)
    found = view.evaluate(u)
    ratio = found.log_abs + a * u - log_c
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = np.log1p(-np.minimum(np.exp(-a * u).sum(axis=1), 1.0))[:, None]
    slack = 1e-14 * (1 + np.abs(found.log_abs)) + 1e-15 * BOTTOM
    above, never_above = _last_failure(ratio, slack, least)
    below, never_below = _last_failure(lower - ratio, slack, least)
    for which, bad, never, sign in (
        ("upper", above, never_above, 1.0),
        ("lower", below, never_below, -1.0),
    ):
        if never or a * bad > DEEPEST - 6:
            at = int(np.argmax(np.where(least >= bad, (sign * ratio).max(axis=1), -np.inf)))
            figures = {"rate": a, "log_constant": log_c, "factor": _factor(u, a, ratio)}
            words = (
                f"the {which} bound fails at margins as large as {bad:.4g}: at {shown(u[at])} the "
                f"slopes are e^{shown(ratio[at])} times c e^(−{a:.6g} u), with c = "
                f"{np.exp(log_c):.6g}. {_of_factor(figures['factor'])}"
            )
            return refuted(name, view.n_classes, words, u[at], ratio=ratio[at].tolist(), **figures)
    figures = {"rate": a, "log_constant": log_c, "u_plus": above, "u_minus": below}
    rescaled = "" if abs(a - 1) < 1e-9 else f", after the margins are rescaled by the rate {a:.6g}"
    words = (
        f"both bounds hold with c = {np.exp(log_c):.6g} at {len(u)} points beyond "
        f"u₊ = {above:.3g} and u₋ = {below:.3g}{rescaled}."
    )
    return supported(name, view.n_classes, words, **figures)


def _last_failure(excess: np.ndarray, slack: np.ndarray, least: np.ndarray) -> tuple[float, bool]:
    """The largest least margin at which a bound is exceeded, and whether it is never seen to hold.

    Beyond that margin the two sides may differ by less than rounding: then nothing shows that the
    bound holds there, and everything that shows anything says that it does not.
    """
    last = float(np.where((excess > slack).any(axis=1), least, -np.inf).max())
    beyond = (excess < -slack)[least > last]
    return last, math.isfinite(last) and not bool(beyond.any())


def _factor(u: np.ndarray, a: float, ratio: np.ndarray) -> float:
    """The least M with |log ratio| ≤ M Σ e^(−a u) once all margins are positive; ∞ if it grows.

    Where it is finite the slopes tend to their tail as fast as the theorem's argument needs, though
    not with the factor 1 of its wording.
    """
    total = np.exp(-a * u).sum(axis=1)
    needed = np.abs(ratio).max(axis=1) / total
    depth = a * u.min(axis=1)
    near, far = (needed[(depth > low) & (depth < low + 4)].max(initial=0.0) for low in (4, 8))
    if far > 1.1 * near:
        return float("inf")
    everywhere = needed[(depth > 0) & (depth < 12)].max(initial=0.0)
    return float(everywhere)


def _of_factor(factor: float) -> str:
    if math.isfinite(factor):
        return f"With {factor:.4g} Σ e^(−a u) in place of Σ e^(−a u) both bounds hold there."
    return "No multiple of Σ e^(−a u) bounds what they differ by at margins between 4/a and 12/a."


def _rising(view: View, rng: np.random.Generator) -> tuple[np.ndarray, int, float] | None:
    """A point with large margins and a positive slope."""
    k = view.n_margins
    level = np.repeat([1e2, 1e4, 1e6], 64)[:, None]
    u = level * (1 + rng.exponential(1.0, (len(level), k)) * rng.integers(2, size=(len(level), k)))
    found = view.evaluate(u)
    top = found.log_abs.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        positive = (found.sign > 0) & (found.log_abs - top > np.log(POSITIVE))
    rows, columns = np.nonzero(positive)
    if not len(rows):
        return None
    point, entry = view.margins(u[rows[-1]]), int(columns[-1])
    return point, entry, float(view.plain.evaluate(point[None]).slope[0, entry])


def _last_level(view: View, starts: np.ndarray) -> float | None:
    """The largest shift at which slopes are seen; None where they end, without underflow."""
    near, far = 0.0, FARTHEST
    if np.isfinite(_logs(view, starts + far)).all():
        return far
    for _ in range(50):
        middle = (near + far) / 2
        ended = ~np.isfinite(_logs(view, starts + middle)).any()
        near, far = (near, middle) if ended else (middle, far)
    last = _logs(view, starts + near).max() + view.scale.log_slope
    return None if last > DEEP or last == -np.inf else _last_whole(view, starts)


def _last_whole(view: View, starts: np.ndarray) -> float:
    """The largest shift at which no slope has underflowed yet."""
    whole, broken = 0.0, FARTHEST
    for _ in range(50):
        middle = (whole + broken) / 2
        alive = np.isfinite(_logs(view, starts + middle)).all()
        whole, broken = (middle, broken) if alive else (whole, middle)
    return whole


def _logs(view: View, u: np.ndarray) -> np.ndarray:
    """Logarithms of slopes; −∞ for what is zero or not a number."""
    found = view.evaluate(u)
    return np.where((found.sign != 0) & ~np.isnan(found.log_abs), found.log_abs, -np.inf)


def _classify(
    levels: np.ndarray, logs: np.ndarray, length: float
) -> tuple[TailKind | None, dict[str, float]]:
    """From mean logarithms (levels, starts) at levels that double, of a length that is their 1."""
    mean = logs.mean(axis=1)
    falls = mean[:-1] - mean[1:]
    rates, degrees = falls / np.diff(levels), falls / np.log(2.0)
    if abs(rates[-1] / rates[-2] - 1) < 1e-3 and rates[-1] > 0:
        return TailKind.EXPONENTIAL, {"rate": _rounded(float(rates[-1]) / length, 1e-10)}
    if abs(degrees[-1] / degrees[-2] - 1) < 1e-3 and degrees[-1] > 0:
        # what it is off by halves as the level doubles
        return TailKind.POLYNOMIAL, {
            "degree": _rounded(float(2 * degrees[-1] - degrees[-2]) - 1, 1e-6)
        }
    powers = _powers(falls)
    if abs(powers[-1] - powers[-2]) < 0.02 and powers[-1] > 0:
        return TailKind.STRETCHED, {"power": _rounded(float(powers[-1]), 1e-6)}
    return None, {}


def _powers(falls: np.ndarray) -> np.ndarray:
    """ν of slopes ν u^(ν−1) e^(−u^ν): their logarithms fall by λ^ν (2^ν − 1) + (1 − ν) log 2."""
    powers = np.ones(len(falls) - 1)
    for _ in range(20):
        whole = falls[1:] - (1 - powers) * np.log(2), falls[:-1] - (1 - powers) * np.log(2)
        powers = np.log2(np.maximum(whole[0] / whole[1], 1e-3))
    return powers


def _rounded(value: float, resolved: float) -> float:
    """A short decimal that it equals to what the fit resolves, or the value itself."""
    short = float(f"{value:.6g}")
    return short if abs(short - value) <= resolved * abs(value) else value


def _bounds_points(k: int, a: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points at every depth, with the other margins beside the least, or above, or far away."""
    depth = rng.uniform(-1.0, DEEPEST, (1024, 1))
    beside = np.zeros((256, k))
    above = rng.exponential(1.0, (256, k))
    decades = 10.0 ** rng.uniform(-3, 2, (256, k))
    far = np.where(rng.random((256, k)) < 0.5, 0.0, 30.0)
    far[::2] = 30.0 * (1 - np.eye(k)[rng.integers(k, size=128)])  # the least alone
    spread = np.concatenate([beside, above, decades, far])
    spread -= spread.min(axis=1, keepdims=True)
    u = (depth + spread) / a
    return u, u.min(axis=1)


def _witness(view: View, tail: Property) -> np.ndarray:
    """Margins along which a tail of another class can be seen."""
    point = tail.figures.get("margins")
    if point is not None:
        return np.asarray(point)
    return view.margins(np.repeat(np.array([[10.0], [100.0], [1000.0]]), view.n_margins, axis=1))
