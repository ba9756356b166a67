"""The paths that the claims look at, by value: data, loss, method, start; each is followed once.

A path is gradient flow, or gradient descent at a multiple of the theorem's step bound.  All are
recorded at the same log times, and once more at the log time from which the asymptote is at its
limit to rounding, 40/min(1, δ, λ); so that many claims can look at one path.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.linalg

from marginflow.claims.ravi2024.problems import (
    limit_of,
    margin_map_of,
    problem,
    start_of,
    support_rows,
)
from marginflow.dynamics import Flow, fast_forward, gradient_flow, step_bound
from marginflow.losses import get_loss
from marginflow.theory import Asymptote, asymptote

EXPONENTIAL_TAILS = ("cross-entropy", "multiclass-exponential", "pair-log-loss")
SHORT = {"multiclass-exponential": "exponential", "pair-log-loss": "pair log loss"}
RECORDS_PER_DECADE = 10
INSEPARABLE = ("iris",)


@dataclass(frozen=True)
class Path:
    """A path of training.

    Attributes:
        problem: the data, by a name of `problems`.
        loss: a registered loss.
        step: the learning rate over the theorem's bound; None for gradient flow.
        momentum: β of heavy ball.
        start: as `problems.start_of` has it.
        log_time: where it ends.
    """

    problem: str
    loss: str = "cross-entropy"
    step: float | None = None
    momentum: float = 0.0
    start: str = "zero"
    log_time: float = 1e6

    @property
    def name(self) -> str:
        """What to call it in a table."""
        words = [self.problem, SHORT.get(self.loss, self.loss)]
        words += [f"{self.step:g} × bound"] if self.step is not None else []
        words += [f"momentum {self.momentum:g}"] if self.momentum else []
        words += [f"{self.start} start"] if self.start != "zero" else []
        return ", ".join(words)


def paths(
    problems: tuple[str, ...], losses: tuple[str, ...] = EXPONENTIAL_TAILS, **rest
) -> tuple[Path, ...]:
    """A path for each problem and loss."""
    return tuple(Path(name, loss, **rest) for name in problems for loss in losses)


SEEDS = tuple(f"seed {seed}" for seed in range(10))
REAL = ("wine", "breast_cancer", "digits")
# The paths that most claims look at: a decisive few, and all.
SMALL = (
    *paths(("seed 0", "seed 3", "seed 4")),
    *paths(REAL, ("cross-entropy",)),
    *paths(("seed 3", "wine"), ("cross-entropy",), step=0.99),
)
FULL = (*paths(SEEDS + REAL), *paths((*SEEDS, "wine"), step=0.99))


@cache
def asymptote_of(path: Path) -> Asymptote:
    """What theory says of a path's end."""
    return asymptote(
        problem(path.problem),
        path.loss,
        learning_rate=learning_rate_of(path),
        momentum=path.momentum,
        limit=limit_of(path.problem),
    )


@cache
def learning_rate_of(path: Path) -> float | None:
    """η, or None for gradient flow."""
    if path.step is None:
        return None
    start = start_of(path.problem, path.start)
    bound = step_bound_of(path.problem, path.loss, start)
    return path.step * bound


def step_bound_of(name: str, loss: str, start: np.ndarray) -> float:
    """The theorem's bound on η; for the multiclass exponential loss the level set's."""
    found = step_bound(margin_map_of(name), get_loss(loss), start)
    assert found is not None, f"{loss} has no step bound"
    return found.value


@cache
def follow(path: Path) -> Flow:
    """Follow a path to its end."""
    data, limit = problem(path.problem), limit_of(path.problem)
    initial = start_of(path.problem, path.start)
    times = _records(path)
    if path.step is None:
        return gradient_flow(data, path.loss, initial=initial, record=times, limit=limit)
    rate = learning_rate_of(path)
    assert rate is not None
    return fast_forward(
        data,
        path.loss,
        learning_rate=rate,
        momentum=path.momentum,
        initial=initial,
        log_steps=path.log_time,
        record=times,
        limit=limit,
    )


def accuracy_of(path: Path) -> np.ndarray:
    """The share of training samples classified right, at every record of gradient flow.

    Unlike `follow` this takes data that nothing separates.
    """
    if path.problem in INSEPARABLE:
        data = problem(path.problem)
        return gradient_flow(data, path.loss, log_time=path.log_time).observables["accuracy"]
    return follow(path).observables["accuracy"]


def has_asymptote(path: Path) -> bool:
    """Whether the loss has an exponential tail."""
    tail = get_loss(path.loss).tail(problem(path.problem).n_classes)
    return tail is not None and tail.is_exponential


def settled(path: Path) -> int:
    """The record from which the residual is at its limit; the last one without an asymptote."""
    times = follow(path).log_time
    if not has_asymptote(path):
        return len(times) - 1
    return int(np.searchsorted(times, asymptote_of(path).valid_from * (1 - 1e-12)))


def residual_margins(path: Path) -> np.ndarray:
    """u_p(ρ) on the support pairs at every record: (records, pairs)."""
    flow = follow(path)
    return flow.recorded_residuals.reshape(len(flow.log_time), -1) @ support_rows(path.problem).T


def direction_constant(flow: Flow, line: Asymptote, rows: np.ndarray) -> float:
    """What direction error · log t tends to: ‖P_⊥ρ‖/‖Ŵ/a‖.

    On the span of the support rows ρ is the one that theory predicts; beside it, where the start
    decides, it is the path's own.

    Args:
        flow: followed until its residual has settled.
        line: what theory says of it.
        rows: of the support pairs.
    """
    span = scipy.linalg.orth(rows.T)
    own = flow.residual.ravel()
    residual = line.residual.ravel() + own - span @ (span.T @ own)
    direction = line.direction.ravel()
    unit = direction / np.linalg.norm(direction)
    beside = residual - unit * (unit @ residual)
    return float(np.linalg.norm(beside) / np.linalg.norm(direction))


def _records(path: Path) -> np.ndarray:
    decades = int(np.ceil(np.log10(path.log_time)))
    grid = 10.0 ** (np.arange(decades * RECORDS_PER_DECADE + 1) / RECORDS_PER_DECADE)
    marks = [path.log_time]
    if has_asymptote(path):
        marks.append(asymptote_of(path).valid_from)
    times = np.union1d(grid, marks)
    return times[times <= path.log_time]
