"""Runs of Adam with several ε side by side, and what is read off them.

√v̂       the median over the entries, its bias taken out, as a logarithm
takeover  the step at which half of the entries of √v̂ fell below ε, from Adam's own state
t_a       the step from which on gradients fall at one rate
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np

from marginflow.claims.descents import best_of, descend, least_margins
from marginflow.dynamics import Adam
from marginflow.theory import AdamThrottle, adam_throttle

RECORDS = 240
B1 = 0.9
# After this many memories of the second moment the start is forgotten.
MEMORIES = 20.0
STEADY = 0.01  # by how much a rate may differ from the last e-fold's


@dataclass(frozen=True)
class AdamRuns:
    """Runs with one learning rate each and several ε.

    Attributes:
        steps: (r,) at which was looked.
        weights: (m, r, *shape).
        log_root: (m, r) the logarithm of the median of √v̂.
        takeover: (m,) the step at which ε took over; −1 if it did not.
    """

    steps: np.ndarray
    weights: np.ndarray
    log_root: np.ndarray
    takeover: np.ndarray


@cache
def adam_runs(
    name: str,
    rates: tuple[float, ...],
    eps: tuple[float, ...],
    b2: float,
    last: int,
) -> AdamRuns:
    """Adam with each pair (rate, ε) of the two lists, on a problem, from zero."""
    optimizers = [Adam(rate, B1, b2, each) for rate, each in zip(rates, eps, strict=True)]
    return _run(name, optimizers, np.unique(np.linspace(0, last, RECORDS + 1)[1:].astype(int)))


def _run(name: str, optimizers: list[Adam], steps: np.ndarray) -> AdamRuns:
    def watch(optimizer: Any, memory: Any, step: Any) -> Any:
        _, root = memory.past.value
        unbiased = -0.5 * jnp.log1p(-(optimizer.b2**step))
        return jnp.log(jnp.median(root)) + memory.past.log_scale + unbiased, memory.since

    weights, (log_root, since) = descend(name, optimizers, steps.tolist(), watch=watch)
    return AdamRuns(steps, weights, log_root, since[:, -1])


def throttle_of(name: str, rate: float, b2: float) -> AdamThrottle:
    """The predicted rate on a problem."""
    return adam_throttle(best_of(name, "max").margin, rate, b1=B1, b2=b2)


def rate_of(share: float, name: str, b2: float) -> float:
    """The learning rate with γ·lr = share · ½ log(1/β₂)."""
    return share * -0.5 * float(np.log(b2)) / best_of(name, "max").margin


def gradient_rate(name: str, runs: AdamRuns, index: int, window: tuple[float, float]) -> float:
    """The rate at which gradients fell, between two counts of e-folds that they had fallen by.

    Late gradients are those of the support, e^(−u) with u the least margin.
    """
    margins = least_margins(name, runs.weights[index])
    first, last = np.searchsorted(margins, window)
    return float((margins[last] - margins[first]) / (runs.steps[last] - runs.steps[first]))


def steady_from(runs: AdamRuns, index: int, b2: float) -> int | None:
    """The record of t_a: after 20/(1 − β₂), a rate within 1 % of the last e-fold's; or None.

    The rate is that of the median √v̂, over one e-fold that it fell by.
    """
    fallen = -runs.log_root[index]
    for record in np.flatnonzero(runs.steps >= MEMORIES / (1.0 - b2)):
        now = _last_fold(fallen, runs.steps, int(record))
        before = _last_fold(fallen, runs.steps, now[1]) if now else None
        if now and before and abs(now[0] / before[0] - 1.0) < STEADY:
            return int(record)
    return None


def _last_fold(fallen: np.ndarray, steps: np.ndarray, record: int) -> tuple[float, int] | None:
    """The rate over the last e-fold before a record, and the record where that began."""
    begun = np.flatnonzero(fallen[:record] <= fallen[record] - 1.0)
    if not len(begun):
        return None
    start = int(begun[-1])
    return float((fallen[record] - fallen[start]) / (steps[record] - steps[start])), start
