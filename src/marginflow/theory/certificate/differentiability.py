"""Twice differentiable: neither values nor slopes nor second derivatives jump."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from marginflow.theory.certificate.scan import ROUNDING, noise, rounding, scan
from marginflow.theory.certificate.search import clipped, lines
from marginflow.theory.certificate.template_view import Evaluation, View
from marginflow.theory.certificate.verdict import Property, refuted, shown, supported

Derivative = Callable[[Evaluation], np.ndarray]
HALVINGS = 42
# Segments at random places, and those of the scans that stand out.
RANDOM, STANDING_OUT = 192, 64
# A jump is at least this share of what jumps.
LEAST = 1e-5


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def twice_differentiable(view: View, rng: np.random.Generator) -> Property:
    """Nothing up to second derivatives jumps along lines; jumps are cornered by halving."""
    name = "twice differentiable"
    for what, derivative, next_one in _ORDERS:
        low, high = (clipped(view, ends) for ends in _segments(view, rng, derivative))
        low, high, wider = _halved(view, derivative, low, high)
        at_low, at_high = derivative(view.evaluate(low)), derivative(view.evaluate(high))
        jump = _distance(at_low, at_high)
        size = np.maximum(np.abs(at_low), np.abs(at_high)).max(axis=1)
        distance = np.abs(high - low).max(axis=1)
        if next_one is not None:  # what is steep does not jump
            ends = next_one(view.evaluate(low)), next_one(view.evaluate(high))
            steep = np.maximum(*(np.abs(end).max(axis=1) for end in ends))
            jump = np.where(jump > 1e3 * view.n_margins * steep * distance, jump, 0.0)
        least = np.maximum(LEAST * size, rounding(view, low))
        if derivative is _values:
            least = least * (1 + np.abs(low).max(axis=1)) + 1e-11 * size
        # a change that halves with the distance is a slope, however small the derivative is here
        jump = np.where((jump > least) & (jump > wider / 8), jump, 0.0)
        endless = jump > 4 * wider  # and one that grows is no rounding
        doubtful = np.flatnonzero((jump > 0) & ~endless)
        if len(doubtful):
            ends = low[doubtful], high[doubtful]
            away = ends[1] - ends[0]
            doubt = noise(view, ends[0], -away, derivative)
            doubt = np.maximum(doubt, noise(view, ends[1], away, derivative))
            jump[doubtful] = np.where(jump[doubtful] > 8 * doubt, jump[doubtful], 0.0)
        at = int(np.argmax(jump))
        if jump[at] > 0:
            found = _refutation(view, name, what, derivative, low[at], high[at])
            grows = what != "second derivative" or bool(endless[at])
            return replace(found, figures={**found.figures, "endless": grows})
    evidence = (
        f"no jump of values, slopes or second derivatives on {RANDOM + STANDING_OUT} segments "
        f"each, halved {HALVINGS} times towards the largest change."
    )
    return supported(name, view.n_classes, evidence)


def _refutation(
    view: View, name: str, what: str, derivative: Derivative, low: np.ndarray, high: np.ndarray
) -> Property:
    pair = view.margins(np.stack([low, high]))
    at = derivative(view.plain.evaluate(pair))
    jump, distance = float(np.abs(at[1] - at[0]).max()), float(np.abs(pair[1] - pair[0]).max())
    statement = (
        f"a {what} jumps at margins {shown(pair[0])}, by {jump:.6g} over a distance of "
        f"{distance:.1g}."
    )
    figures = {"jump": jump, "distance": distance, "of": what}
    return refuted(name, view.n_classes, statement, pair, **figures)


def _segments(
    view: View, rng: np.random.Generator, derivative: Derivative
) -> tuple[np.ndarray, np.ndarray]:
    """Segments around margins of ordinary size, from short to crossing all of them, and others.

    The others are the intervals of a scan over which a derivative changes most out of keeping with
    the intervals beside them.
    """
    k = view.n_margins
    middle = rng.uniform(-3, 5, (RANDOM, k))
    along = 10.0 ** rng.uniform(-0.5, 1.1, (RANDOM, 1)) * lines(k, rng, RANDOM)
    starts, stops, odd = [middle - along / 2], [middle + along / 2], [np.full(RANDOM, np.inf)]
    for line in scan(view):
        if len(line) < 3:
            continue
        at = derivative(view.evaluate(line))
        change = _distance(at[:-1], at[1:])
        beside = np.pad(change, 1, mode="edge")
        size = np.abs(at).max(axis=1)
        beside = beside[:-2] + beside[2:] + LEAST * np.maximum(size[:-1], size[1:])
        change = np.where(change > rounding(view, line[:-1]), change, 0.0)
        starts.append(line[:-1])
        stops.append(line[1:])
        odd.append(np.where(change > 0, change / np.maximum(beside, 1e-300), 0.0))
    chosen = np.argsort(-np.concatenate(odd), kind="stable")[: RANDOM + STANDING_OUT]
    return np.concatenate(starts)[chosen], np.concatenate(stops)[chosen]


def _halved(
    view: View, derivative: Derivative, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segments halved towards the larger change, and the change ten halvings before the end."""
    at_low, at_high = derivative(view.evaluate(low)), derivative(view.evaluate(high))
    wider = np.zeros(len(low))
    for halving in range(HALVINGS):
        size = np.maximum(np.abs(at_low), np.abs(at_high)).max(axis=1)
        if not (_distance(at_low, at_high) > np.maximum(LEAST * size, ROUNDING)).any():
            break  # what jumps still does
        if halving == HALVINGS - 10:
            wider = _distance(at_low, at_high)
        between = (low + high) / 2
        middle = derivative(view.evaluate(between))
        first = (_distance(at_low, middle) > _distance(middle, at_high))[:, None]
        low, high = np.where(first, low, between), np.where(first, between, high)
        at_low, at_high = np.where(first, at_low, middle), np.where(first, middle, at_high)
    return low, high, wider


def _values(found: Evaluation) -> np.ndarray:
    """(m, 1); NaN for what overflows."""
    return np.where(np.isfinite(found.value), found.value, np.nan)[:, None]


def _slopes(found: Evaluation) -> np.ndarray:
    """(m, k); NaN for what overflows."""
    return np.where(np.isfinite(found.slope), found.slope, np.nan)


def _second_derivatives(found: Evaluation) -> np.ndarray:
    """(m, k²); NaN for what overflows."""
    hessian = found.hessian.reshape(len(found.hessian), -1)
    return np.where(np.isfinite(hessian), hessian, np.nan)


def _distance(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(m,); from what overflows there is no jump."""
    return np.nan_to_num(np.abs(high - low).max(axis=1), nan=0.0)


# What may jump, and what says how steep it is.
_ORDERS = (
    ("value", _values, _slopes),
    ("slope", _slopes, _second_derivatives),
    ("second derivative", _second_derivatives, None),
)
