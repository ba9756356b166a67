"""Descent: an optimizer on an objective, as a discrete dynamics."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.discrete_dynamics import DiscreteDynamics, Health
from marginflow.dynamics.minibatches import Batches
from marginflow.dynamics.objective import Objective
from marginflow.dynamics.optimizers import Optimizer

Observables = tuple[tuple[str, Callable[[Any], Any]], ...]


class DescentState(NamedTuple):
    """Where a descent is.

    Attributes:
        params: the parameters.
        memory: the optimizer's state.
        order: what the minibatches remember; None without them.
    """

    params: Any
    memory: Any
    order: AnyArray | None


class Descent(DiscreteDynamics):
    """Steps of an optimizer on an objective, on all samples or on minibatches.

    Attributes:
        objective: gives the gradient.
        optimizer: makes a step of it.
        batches: draws minibatches; None for all samples.
        observables: names and functions of the parameters, recorded besides the objective's own.
    """

    objective: Objective
    optimizer: Optimizer
    batches: Batches | None = None
    observables: Observables = eqx.field(static=True, default=())

    def init(self, params: Any) -> DescentState:
        order = None if self.batches is None else self.batches.init()
        return jax.tree.map(_strong, DescentState(params, self.optimizer.init(params), order))

    def params(self, state: DescentState) -> Any:
        return state.params

    def step(self, index: AnyArray, state: DescentState) -> DescentState:
        samples, order = None, None
        if self.batches is not None:
            samples, order = self.batches.draw(index, state.order)
        gradient = self.objective.gradient(state.params, samples)
        params, memory = self.optimizer.step(index, gradient, state.memory, state.params)
        return DescentState(params, memory, order)

    def observe(self, state: DescentState) -> dict[str, AnyArray]:
        seen = self.objective.observe(state.params)
        return seen | {name: jnp.asarray(see(state.params)) for name, see in self.observables}

    def health(self, index: AnyArray, state: DescentState) -> Health:
        vanished = self.objective.has_vanished(state.params)
        gradient = self.objective.gradient(state.params)
        after = self.optimizer.step(index, gradient, state.memory, state.params)
        fixed = _equal(after, (state.params, state.memory))
        if self.batches is not None or not self.optimizer.steady:
            # batches' own gradients need not vanish, and a later step may be longer
            fixed = fixed & vanished
        risk = self.objective.observe(state.params)["risk"]
        return Health(_finite((state.params, risk)), fixed, vanished)


def _strong(leaf: Any) -> Any:
    """A scalar made of a Python number with a type of its own, as every later one has.

    Otherwise the loop compiles twice, once for the first state.
    """
    weak = getattr(leaf, "weak_type", False)
    return jax.lax.convert_element_type(leaf, leaf.dtype) if weak else leaf


def _finite(tree: Any) -> AnyArray:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))


def _equal(tree: Any, other: Any) -> AnyArray:
    pairs = zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True)
    return jnp.all(jnp.stack([jnp.all(one == two) for one, two in pairs]))
