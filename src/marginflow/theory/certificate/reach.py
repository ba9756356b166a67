"""How far out a template's derivatives can be trusted.

Where exp overflows or underflows inside of a template, its value may still be right while automatic
differentiation gives zero or NaN: −log(1/(1 + S)) has its value down to a margin of −709 and its
slopes to −354.  There the slopes contradict the values, and what they say is no property of the
loss.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from marginflow.theory.certificate.template_view import Evaluation, View

# Equal margins at which values and derivatives are compared.
_LADDER = np.geomspace(2.0, 1e3, 256)
_ROUNDING = 1e-11
# Derivatives are lost from where they contradict values on this share of all that is further out.
MOSTLY = 0.9
_NOTHING = 64 * float(np.finfo(float).eps)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def reach(view: "View") -> tuple[float, float]:
    """The least and the largest margin within which derivatives agree with what they derive."""
    return -_trusted(view, -_LADDER), _trusted(view, _LADDER)


def _trusted(view: "View", levels: np.ndarray) -> float:
    """How far along levels derivatives agree; ∞ if they do not break down for good."""
    found = view.evaluate(np.repeat(levels[:, None], view.n_margins, axis=1))
    slope, bend = found.slope.sum(axis=1), found.hessian.sum(axis=(1, 2))
    lost = _contradict(found.value, slope, levels) | _contradict(slope, bend, levels)
    lost |= _overflow(found)
    # at the border of what is lost, one end of an interval may excuse the other
    share = np.cumsum(lost[::-1])[::-1] / np.arange(len(lost), 0, -1)
    first = np.flatnonzero(lost & (share > MOSTLY))
    return float(abs(levels[max(first[0] - 1, 0)])) if len(first) else np.inf


def _contradict(of: np.ndarray, derivative: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Between neighbors, whether something changes otherwise than its derivatives at both say."""
    with np.errstate(invalid="ignore", over="ignore"):
        change, distance = np.diff(of), np.diff(levels)
        first, second = derivative[:-1] * distance, derivative[1:] * distance
        mean = (first + second) / 2
        size = _ROUNDING * (np.abs(of[:-1]) + np.abs(of[1:])) + _NOTHING
        doubt = size + np.abs(first - second) + np.abs(mean) / 2
        return np.isfinite(change) & (np.abs(change - mean) > doubt)


def _overflow(found: "Evaluation") -> np.ndarray:
    """Between neighbors, whether a derivative is not finite where the value is."""
    finite = np.isfinite(found.value)
    lost = ~np.isfinite(found.slope).all(axis=1) | ~np.isfinite(found.hessian).all(axis=(1, 2))
    return (finite & lost)[1:] & (finite & lost | ~finite)[:-1] | ~finite[1:]
