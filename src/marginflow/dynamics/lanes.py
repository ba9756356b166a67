"""Lanes: many runs of one shape, carried side by side by one compiled loop.

Runs of one kind of optimizer, one loss and data of one shape differ in numbers alone: learning
rates, features, first weights, the keys of their minibatches.  `stack` puts what differs on a new
leading axis and keeps what all share once; every step is then `jax.vmap` of the single one, and the
driver moves all lanes at once.

A lane that diverges or comes to rest is found to its exact step, as in a single run, and stands
still from then on, so that no lane feels another.  A lane's figures are those of a single run to
rounding: `vmap` turns products of matrices into batched ones, which may sum in another order.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from marginflow._types import AnyArray
from marginflow.dynamics.discrete_dynamics import DiscreteDynamics, Health
from marginflow.dynamics.driver import SAVE_SECONDS, End, Outcome, Position, Run, Save
from marginflow.dynamics.recording import Schedule
from marginflow.dynamics.records import Records


class LaneState(NamedTuple):
    """Where all lanes are.

    Attributes:
        inner: the states, stacked.
        ended: (B,) the step at which a lane ended; −1 while it runs.
        diverged: (B,) whether it ended since the next step is not finite.
    """

    inner: Any
    ended: AnyArray
    diverged: AnyArray


class Lanes(DiscreteDynamics):
    """Dynamics of one shape as one: what differs is stacked, what is shared is kept once.

    Attributes:
        stacked: leaves (B, ...) that differ between lanes.
        shared: the other leaves.
        places: for each leaf of the single dynamics, whether it is stacked.
        structure: of the single dynamics.
    """

    stacked: list[Any]
    shared: list[Any]
    places: tuple[bool, ...] = eqx.field(static=True)
    structure: Any = eqx.field(static=True)

    def init(self, params: Any) -> LaneState:
        inner = self._each(lambda dynamics, first: dynamics.init(first), params)
        width = jax.tree.leaves(params)[0].shape[0]
        return LaneState(inner, jnp.full(width, -1), jnp.zeros(width, dtype=bool))

    def params(self, state: LaneState) -> Any:
        return self._each(lambda dynamics, inner: dynamics.params(inner), state.inner)

    def step(self, index: AnyArray, state: LaneState) -> LaneState:
        moved = self._each(lambda dynamics, inner: dynamics.step(index, inner), state.inner)
        runs = state.ended < 0
        return state._replace(inner=jax.tree.map(_where(runs), moved, state.inner))

    def observe(self, state: LaneState) -> dict[str, AnyArray]:
        return self._each(lambda dynamics, inner: dynamics.observe(inner), state.inner)

    def health(self, index: AnyArray, state: LaneState) -> Health:
        return self._each(lambda dynamics, inner: dynamics.health(index, inner), state.inner)

    def _each(self, function: Callable[..., Any], argument: Any) -> Any:
        def of_one(stacked: list[Any], argument: Any) -> Any:
            own, common = iter(stacked), iter(self.shared)
            leaves = [next(own) if place else next(common) for place in self.places]
            return function(jax.tree.unflatten(self.structure, leaves), argument)

        return jax.vmap(of_one)(self.stacked, argument)


def stack(dynamics: Sequence[DiscreteDynamics]) -> Lanes:
    """Dynamics of one shape, as `shape_of` tells it, as lanes.

    Args:
        dynamics: with JAX arrays; at least one.
    """
    flat = [jax.tree.flatten(each) for each in dynamics]
    columns = list(zip(*(leaves for leaves, _ in flat), strict=True))
    # by identity: shared data are one array, and comparing keys or large arrays is not needed
    places = tuple(any(leaf is not column[0] for leaf in column) for column in columns)
    stacked = [jnp.stack(c) for c, place in zip(columns, places, strict=True) if place]
    shared = [c[0] for c, place in zip(columns, places, strict=True) if not place]
    return Lanes(stacked, shared, places, flat[0][1])


def shape_of(dynamics: DiscreteDynamics) -> tuple[Any, ...]:
    """What two dynamics have to agree in to be lanes of one loop; it can be hashed."""
    leaves, structure = jax.tree.flatten(dynamics)
    forms = [
        (leaf.shape, leaf.dtype) if isinstance(leaf, np.ndarray | jax.Array) else (type(leaf), leaf)
        for leaf in leaves
    ]
    return (structure, *forms)


def drive_lanes(
    lanes: Lanes,
    state: LaneState,
    *,
    steps: int,
    schedule: Schedule,
    step: int = 0,
    records: Records | None = None,
    save: Save | None = None,
    progress: Callable[[int], object] | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> list[Outcome] | None:
    """Carry all lanes to `steps`, or to where they cannot or need not go on.

    Args:
        lanes: with JAX arrays.
        state: what `lanes.init` gave, or where an earlier run stopped.
        steps: the last step.
        schedule: which steps are recorded; a lane's last position is recorded in any case.
        step: the step of `state`.
        records: those that an earlier run on the same schedule made by then.
        save: called with the position of all and their records every few seconds, and when the run
            is interrupted.
        progress: called with the step between chunks.
        interrupted: asked between chunks.

    Returns:
        One outcome a lane, or None if the run was interrupted before the last had ended.
    """
    run = LaneRun(lanes, schedule, steps, records or Records())
    end = run.begin(state, step)
    last_save = time.perf_counter()
    while end is None and not interrupted():
        end = run.next_chunk()
        if progress is not None:
            progress(run.position.step)
        now = time.perf_counter()
        if save is not None and end is None and now - last_save > SAVE_SECONDS:
            save(run.position, run.records)
            last_save = now + 10 * (time.perf_counter() - now)
    if end is None:
        if save is not None:
            save(run.position, run.records)
        return None
    return run.outcomes()


class LaneRun(Run):
    """The host's side of all lanes: a `Run` whose health is asked lane by lane."""

    def begin(self, state: LaneState, step: int) -> End | None:
        """Look at the first states, and record them where the schedule asks for it."""
        found = self.run_to(state, step, step)
        wanted = step in self.schedule.following(step - 1, self.steps, 1)
        if wanted and step > self.records.last_step:
            self.records.add(np.array([step]), found.observables)
        ends = {lane: _end_at(found, found, lane) for lane in _over(found, state)}
        self.position = found._replace(state=_stop(state, ends))
        return self.end_at(self.position)

    def judge(self, chunk: Any, targets: np.ndarray) -> tuple[End | None, Position]:
        """Stop the lanes that ended in a chunk where they did; the reason to stop them all."""
        last = int(targets[-1])
        rows = {name: values[len(targets) - 1 :][:1] for name, values in chunk.observables.items()}
        position = Position(last, chunk.state, jax.tree.map(np.asarray, rows), chunk.health)
        ends = self.locate(self.position, position, _over(position, self.position.state))
        position = position._replace(state=_stop(position.state, ends))
        return self.end_at(position), position

    def locate(self, low: Position, high: Position, lanes: list[int]) -> "dict[int, LaneEnd]":
        """Where each lane ended: the last position before it diverged, or the first at rest."""
        if not lanes:
            return {}
        if high.step - low.step == 1:
            return {lane: _end_at(low, high, lane) for lane in lanes}
        middle = self.run_to(low.state, low.step, (low.step + high.step) // 2)
        early = set(_over(middle, low.state))
        found = self.locate(low, middle, [lane for lane in lanes if lane in early])
        return found | self.locate(middle, high, [lane for lane in lanes if lane not in early])

    def end_at(self, position: Position) -> End | None:
        """The reason to stop all lanes, if there is one."""
        if np.all(np.asarray(position.state.ended) >= 0):
            return End.FIXED
        return End.REACHED if position.step == self.steps else None

    def outcomes(self) -> list[Outcome]:
        """How each lane ended."""
        step = self.position.step
        last = self.run_to(self.position.state, step, step)  # a lane that ended is seen at its end
        return [self._outcome(last, lane) for lane in range(len(last.state.ended))]

    def _outcome(self, last: Position, lane: int) -> Outcome:
        ended, diverged = (
            bool(flags[lane]) for flags in (last.state.ended >= 0, last.state.diverged)
        )
        position = Position(
            int(last.state.ended[lane]) if ended else last.step,
            jax.tree.map(lambda leaf: leaf[lane], last.state.inner),
            {name: values[:, lane] for name, values in last.observables.items()},
            Health(*(np.asarray(flags)[lane] for flags in last.health)),
        )
        steps, columns = self.records.columns()
        own = {name: values[:, lane] for name, values in columns.items()}
        records = Records(steps, own).until(position.step)
        if records.last_step < position.step:
            records.add(np.array([position.step]), position.observables)
        end = End.DIVERGED if diverged else End.FIXED if ended else End.REACHED
        return Outcome(end, position, records)


class LaneEnd(NamedTuple):
    """Where one lane ended.

    Attributes:
        position: of all lanes, at its last step.
        diverged: whether its next step is not finite, or its first state is not.
    """

    position: Position
    diverged: bool


def _end_at(low: Position, high: Position, lane: int) -> LaneEnd:
    """The end of a lane that is over at `high` and was not at `low`, a step before."""
    finite = bool(np.asarray(high.health.finite)[lane])
    return LaneEnd(high if finite else low, not finite)


def _over(position: Position, before: LaneState) -> list[int]:
    """The lanes that ran before and have diverged or come to rest by a position."""
    health = position.health
    over = ~np.asarray(health.finite) | np.asarray(health.fixed)
    return np.flatnonzero(over & (np.asarray(before.ended) < 0)).tolist()


def _stop(state: LaneState, ends: dict[int, LaneEnd]) -> LaneState:
    """The lanes that ended put back to where they did, to stand still there."""
    for lane, (position, diverged) in ends.items():
        inner = jax.tree.map(
            lambda leaf, there, lane=lane: leaf.at[lane].set(there[lane]),
            state.inner,
            position.state.inner,
        )
        ended = jnp.asarray(state.ended).at[lane].set(position.step)
        flags = jnp.asarray(state.diverged).at[lane].set(diverged)
        state = LaneState(inner, ended, flags)
    return state


def _where(runs: AnyArray) -> Callable[[AnyArray, AnyArray], AnyArray]:
    def choose(moved: AnyArray, still: AnyArray) -> AnyArray:
        return jnp.where(runs.reshape(-1, *[1] * (moved.ndim - 1)), moved, still)

    return choose
