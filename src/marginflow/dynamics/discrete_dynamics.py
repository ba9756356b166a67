"""Discrete dynamics: a state with `init` and `step`, and the one compiled loop that moves it.

Gradient descent with any optimizer is one such dynamics.  What a run needs besides its steps, what
is seen at a record and whether the run can go on, are methods too, so that everything that touches
the state is compiled in one piece.
"""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.compilation import compiled_loop


class Health(NamedTuple):
    """What the driver asks of a state; boolean scalars.

    Attributes:
        finite: whether everything in it is finite.  Once false, it stays so.
        fixed: whether a step leaves it as it is, to the last bit.  Once true, it stays so.
        vanished: whether every sample's pull is exactly zero.
    """

    finite: AnyArray
    fixed: AnyArray
    vanished: AnyArray


class DiscreteDynamics(eqx.Module):
    """How a state moves, step by step."""

    @abstractmethod
    def init(self, params: Any) -> Any:
        """The state at step 0: a tree of arrays."""

    @abstractmethod
    def params(self, state: Any) -> Any:
        """The parameters in a state."""

    @abstractmethod
    def step(self, index: AnyArray, state: Any) -> Any:
        """The state after step `index`, counted from 0."""

    @abstractmethod
    def observe(self, state: Any) -> dict[str, AnyArray]:
        """What is recorded of a state; among it the scalar `risk`."""

    @abstractmethod
    def health(self, index: AnyArray, state: Any) -> Health:
        """Whether the run can and need go on from a state, with step `index` the next."""


class Chunk(NamedTuple):
    """What a chunk of steps brought.

    Attributes:
        state: at the last target.
        observables: by name, with a row for each target.
        health: that of the last state.
    """

    state: Any
    observables: dict[str, AnyArray]
    health: Health


@compiled_loop
def advance(
    dynamics: DiscreteDynamics, state: Any, step: AnyArray, targets: AnyArray, count: AnyArray
) -> Chunk:
    """Run from `step` to the last of the first `count` targets, observing at each of them.

    The targets are data: it compiles once for all schedules, lengths and learning rates.
    """

    def look(index: AnyArray, state: Any) -> tuple[dict[str, AnyArray], Health]:
        return dynamics.observe(state), dynamics.health(index, state)

    def to_target(carry: tuple) -> tuple:
        index, step, state, store, _ = carry
        state = jax.lax.fori_loop(step, targets[index], lambda *at: dynamics.step(*at), state)
        seen, health = look(targets[index], state)
        store = jax.tree.map(lambda column, value: column.at[index].set(value), store, seen)
        return index + 1, targets[index], state, store, health

    seen, health = jax.eval_shape(look, step, state)
    store = jax.tree.map(lambda s: jnp.zeros((len(targets), *s.shape), s.dtype), seen)
    health = jax.tree.map(lambda h: jnp.zeros(h.shape, h.dtype), health)
    start = (jnp.zeros_like(count), step, state, store, health)
    _, _, *end = jax.lax.while_loop(lambda carry: carry[0] < count, to_target, start)
    return Chunk(*end)
