"""The driver: it carries a discrete dynamics from record to record, in chunks.

A chunk is one call of the compiled loop, about a fifth of a second long.  Between chunks the host
keeps the records, writes a checkpoint, tells the progress and heeds Ctrl-C; none of that happens
inside the loop.  Where a chunk ends does not change a bit of the result: a chunk in which the run
diverged, or came to rest, is bisected from the state it began with, and that finds the exact step.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from marginflow.dynamics.discrete_dynamics import Chunk, DiscreteDynamics, Health, advance
from marginflow.dynamics.interrupts import deferred_interrupt
from marginflow.dynamics.progress import Progress
from marginflow.dynamics.recording import Schedule
from marginflow.dynamics.records import Columns, Records

TARGETS = 64  # at most so many records in a chunk
CHUNK_SECONDS = 0.2
SAVE_SECONDS = 3.0


class Position(NamedTuple):
    """A step, its state, and what was seen of it (one row)."""

    step: int
    state: Any
    observables: Columns
    health: Health


class End(StrEnum):
    """Why a run ended."""

    REACHED = "reached"
    DIVERGED = "diverged"
    FIXED = "fixed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        end: the reason.
        position: the last finite state; where the run came to rest, the first such state.
        records: those on the schedule up to the position, and the position itself.
    """

    end: End
    position: Position
    records: Records


Save = Callable[[Position, Records], None]


def drive(
    dynamics: DiscreteDynamics,
    state: Any,
    *,
    steps: int,
    schedule: Schedule,
    step: int = 0,
    records: Records | None = None,
    save: Save | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Carry a dynamics to `steps`, or to where it cannot or need not go on.

    Args:
        dynamics: with JAX arrays.
        state: what `dynamics.init` gave, or where an earlier run stopped.
        steps: the last step.
        schedule: which steps are recorded; the last position is recorded in any case.
        step: the step of `state`.
        records: those that an earlier run on the same schedule made by then.
        save: called with a position and its records every few seconds and at the end.
        progress: called between chunks.
    """
    with deferred_interrupt() as interrupted:
        run = Run(dynamics, schedule, steps, records or Records())
        end = run.begin(state, step)
        last_save = time.perf_counter()
        try:
            while end is None and not interrupted():
                end = run.next_chunk()
                if progress is not None:
                    progress(run.position.step, steps, run.remark())
                now = time.perf_counter()
                if save is not None and end is None and now - last_save > SAVE_SECONDS:
                    save(run.position, run.records)
                    # a file that takes long to write is written less often
                    last_save = now + 10 * (time.perf_counter() - now)
        except KeyboardInterrupt:
            end = end or End.INTERRUPTED
        run.close()
        if save is not None:
            save(run.position, run.records)
    return Outcome(end or End.INTERRUPTED, run.position, run.records)


class Run:
    """The host's side of a run: a position, the records up to it, and the length of a chunk.

    A KeyboardInterrupt between any two statements leaves it whole: the position is assigned once,
    last, and `close` drops records beyond it.
    """

    position: Position

    def __init__(
        self, dynamics: DiscreteDynamics, schedule: Schedule, steps: int, records: Records
    ):
        self.dynamics = dynamics
        self.schedule = schedule
        self.steps = steps
        self.records = records
        self.budget = 1

    def begin(self, state: Any, step: int) -> End | None:
        """Look at the first state, and record it where the schedule asks for it."""
        self.position = self.run_to(state, step, step)
        wanted = step in self.schedule.following(step - 1, self.steps, 1)
        if wanted and step > self.records.last_step:
            self.records.add(np.array([step]), self.position.observables)
        if not self.position.health.finite:
            return End.DIVERGED
        if self.position.health.fixed:
            return End.FIXED
        return End.REACHED if step == self.steps else None

    def next_chunk(self) -> End | None:
        """Advance by one chunk and keep what came of it; the reason to stop, if there is one."""
        targets, n_recorded = self.plan()
        began = time.perf_counter()
        chunk = self.run(self.position.state, self.position.step, targets)
        self.learn(int(targets[-1]) - self.position.step, time.perf_counter() - began)
        end, position = self.judge(chunk, targets)
        kept = int(np.searchsorted(targets[:n_recorded], position.step, side="right"))
        self.records.add(targets[:kept], _rows(chunk.observables, 0, kept))
        self.position = position
        return end

    def judge(self, chunk: Chunk, targets: np.ndarray) -> tuple[End | None, Position]:
        """The reason to stop, if there is one, and the position to keep."""
        last = int(targets[-1])
        if not chunk.health.finite:
            return End.DIVERGED, self.bisect(last, lambda health: not health.finite)[0]
        if chunk.health.fixed:
            return End.FIXED, self.bisect(last, lambda health: bool(health.fixed))[1]
        row = _rows(chunk.observables, len(targets) - 1, len(targets))
        position = Position(last, chunk.state, row, chunk.health)
        return End.REACHED if last == self.steps else None, position

    def bisect(self, last: int, holds: Callable[[Health], bool]) -> tuple[Position, Position]:
        """The last position where a sticky property fails and the first where it holds."""
        low, high = self.position, self.run_to(self.position.state, self.position.step, last)
        while high.step - low.step > 1:
            middle = self.run_to(low.state, low.step, (low.step + high.step) // 2)
            low, high = (low, middle) if holds(middle.health) else (middle, high)
        return low, high

    def plan(self) -> tuple[np.ndarray, int]:
        """The targets of the next chunk, and how many of them are records.

        The last target is the end of the chunk, which need not be a record.
        """
        at = self.position.step
        horizon = min(at + self.budget, self.steps)
        targets = self.schedule.following(at, self.steps, TARGETS)
        targets = targets[targets <= horizon]
        n_recorded = len(targets)
        if n_recorded == TARGETS or (n_recorded and targets[-1] == horizon):
            return targets, n_recorded
        return np.append(targets, horizon), n_recorded

    def learn(self, steps: int, seconds: float) -> None:
        """Set the length of the next chunk from the pace of the last."""
        self.budget = max(1, min(8 * self.budget, int(steps * CHUNK_SECONDS / seconds)))

    def run_to(self, state: Any, step: int, target: int) -> Position:
        chunk = self.run(state, step, np.array([target]))
        return Position(target, chunk.state, _rows(chunk.observables, 0, 1), chunk.health)

    def run(self, state: Any, step: int, targets: np.ndarray) -> Chunk:
        padded = np.zeros(TARGETS, dtype=np.int64)
        padded[: len(targets)] = targets
        count = jnp.asarray(len(targets), dtype=jnp.int64)
        start = jnp.asarray(step, dtype=jnp.int64)
        return jax.block_until_ready(
            advance(self.dynamics, state, start, jnp.asarray(padded), count)
        )

    def remark(self) -> str:
        return f"risk {self.position.observables['risk'][0]:.3g}"

    def close(self) -> None:
        """Drop records beyond the position, and record the position itself."""
        self.records = self.records.until(self.position.step)
        if self.records.last_step < self.position.step:
            self.records.add(np.array([self.position.step]), self.position.observables)


def _rows(observables: Any, first: int, last: int) -> Columns:
    return {name: np.asarray(values)[first:last] for name, values in observables.items()}
