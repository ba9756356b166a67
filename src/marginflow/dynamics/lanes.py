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
    """

    inner: Any
    ended: AnyArray


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
        return LaneState(inner, jnp.full(_width(params), -1))

    def params(self, state: LaneState) -> Any:
        return self._each(lambda dynamics, inner: dynamics.params(inner), state.inner)

    def step(self, index: AnyArray, state: LaneState) -> LaneState:
        moved = self._each(lambda dynamics, inner: dynamics.step(index, inner), state.inner)
        runs = state.ended < 0
        return state._replace(inner=jax.tree.map(_where(runs), moved, state.inner))

    def observe(self, state: LaneState) -> dict[str, AnyArray]:
        return self._each(lambda dynamics, inner: dynamics.observe(inner), state.inner)

    def health(self, state: LaneState) -> Health:
        return self._each(lambda dynamics, inner: dynamics.health(inner), state.inner)

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
        over = np.flatnonzero(_is_over(found.health) & _runs(state))
        self.position = found._replace(state=_stop(state, dict.fromkeys(over.tolist(), found)))
        return self.end_at(self.position)

    def judge(self, chunk: Any, targets: np.ndarray) -> tuple[End | None, Position]:
        """Stop the lanes that ended in a chunk where they did; the reason to stop them all."""
        last = int(targets[-1])
        rows = {name: values[len(targets) - 1 :][:1] for name, values in chunk.observables.items()}
        position = Position(last, chunk.state, jax.tree.map(np.asarray, rows), chunk.health)
        over = np.flatnonzero(_is_over(chunk.health) & _runs(self.position.state))
        if len(over):
            ends = self.locate(self.position, position, over.tolist())
            position = position._replace(state=_stop(position.state, ends))
        return self.end_at(position), position

    def locate(self, low: Position, high: Position, lanes: list[int]) -> dict[int, Position]:
        """Where each lane ended: the last position before it diverged, or the first at rest."""
        if not lanes:
            return {}
        if high.step - low.step == 1:
            finite = np.asarray(high.health.finite)
            return {lane: high if finite[lane] else low for lane in lanes}
        middle = self.run_to(low.state, low.step, (low.step + high.step) // 2)
        over = _is_over(middle.health)
        early = self.locate(low, middle, [lane for lane in lanes if over[lane]])
        return early | self.locate(middle, high, [lane for lane in lanes if not over[lane]])

    def end_at(self, position: Position) -> End | None:
        """The reason to stop all lanes, if there is one."""
        if not _runs(position.state).any():
            return End.FIXED
        return End.REACHED if position.step == self.steps else None

    def outcomes(self) -> list[Outcome]:
        """How each lane ended."""
        step = self.position.step
        last = self.run_to(self.position.state, step, step)  # a lane that ended is seen at its end
        ended = np.asarray(last.state.ended)
        return [self._outcome(last, lane, int(at)) for lane, at in enumerate(ended)]

    def _outcome(self, last: Position, lane: int, ended: int) -> Outcome:
        position = Position(
            last.step if ended < 0 else ended,
            jax.tree.map(lambda leaf: leaf[lane], last.state.inner),
            {name: values[:, lane] for name, values in last.observables.items()},
            Health(*(np.asarray(flags)[lane] for flags in last.health)),
        )
        steps, columns = self.records.columns()
        own = {name: values[:, lane] for name, values in columns.items()}
        records = Records(steps, own).until(position.step)
        if records.last_step < position.step:
            records.add(np.array([position.step]), position.observables)
        if ended < 0:
            return Outcome(End.REACHED, position, records)
        at_rest = position.health.finite and position.health.fixed
        return Outcome(End.FIXED if at_rest else End.DIVERGED, position, records)


def _is_over(health: Health) -> np.ndarray:
    """Which lanes diverged or came to rest, (B,)."""
    return ~np.asarray(health.finite) | np.asarray(health.fixed)


def _runs(state: LaneState) -> np.ndarray:
    return np.asarray(state.ended) < 0


def _stop(state: LaneState, ends: dict[int, Position]) -> LaneState:
    """The lanes that ended put back to where they did, to stand still there."""
    for lane, end in ends.items():
        inner = jax.tree.map(
            lambda leaf, there, lane=lane: leaf.at[lane].set(there[lane]),
            state.inner,
            end.state.inner,
        )
        state = LaneState(inner, jnp.asarray(state.ended).at[lane].set(end.step))
    return state


def _where(runs: AnyArray) -> Callable[[AnyArray, AnyArray], AnyArray]:
    def choose(moved: AnyArray, still: AnyArray) -> AnyArray:
        return jnp.where(runs.reshape(-1, *[1] * (moved.ndim - 1)), moved, still)

    return choose


def _width(tree: Any) -> int:
    return jax.tree.leaves(tree)[0].shape[0]
