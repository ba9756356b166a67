"""An optax transformation that follows what another one does, in JAX."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class MonitoredState(NamedTuple):
    """The state of `monitored`.

    Attributes:
        inner: the state of what is followed.
        step: how many updates there were.
        update: the last one.
        quantities: of the last update, scalars by name.
    """

    inner: Any
    step: jax.Array
    update: Any
    quantities: dict[str, jax.Array]


NAMES: tuple[str, ...] = (
    "gradient_norm",
    "update_norm",
    "weights_norm",
    "update_to_weight",
    "update_cosine",
    "gradient_dot_update",
    "uphill_share",
)


def monitored(inner: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """The same optimizer, whose state also holds what its last update was like.

    `state.quantities` has the norms of gradient, update and weights, the update over the weights,
    the cosine of the update and the one before, ⟨g, Δw⟩, and the share of all updates so far with
    ⟨g, Δw⟩ > 0, which go uphill.  The updates are those of `inner`, bit for bit.

    Args:
        inner: any optax transformation, whose `update` gets the parameters.

    Returns:
        A transformation with `MonitoredState`.

    Example:
        >>> import jax.numpy as jnp
        >>> import optax
        >>> optimizer = monitored(optax.sgd(0.5))
        >>> params = jnp.array([3.0, 4.0])
        >>> state = optimizer.init(params)
        >>> updates, state = optimizer.update(params, state, params)
        >>> float(state.quantities["update_to_weight"])
        0.5
    """
    wrapped = optax.with_extra_args_support(inner)

    def init(params: Any) -> MonitoredState:
        zero = jnp.zeros(())
        quantities = dict.fromkeys(NAMES, zero)
        update = jax.tree.map(jnp.zeros_like, params)
        return MonitoredState(wrapped.init(params), jnp.zeros((), jnp.int32), update, quantities)

    def update(
        updates: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, MonitoredState]:
        if params is None:
            raise ValueError(
                "monitored: expected the parameters too; call update(gradients, state, params)."
            )
        found, inner_state = wrapped.update(updates, state.inner, params, **extra)
        step = state.step + 1
        product = _dot(updates, found)
        norms = {
            "gradient_norm": optax.tree.norm(updates),
            "update_norm": optax.tree.norm(found),
            "weights_norm": optax.tree.norm(params),
        }
        before = optax.tree.norm(state.update)
        seen = state.quantities["uphill_share"] * state.step
        quantities = norms | {
            "update_to_weight": _ratio(norms["update_norm"], norms["weights_norm"]),
            "update_cosine": _ratio(_dot(found, state.update), norms["update_norm"] * before),
            "gradient_dot_update": product,
            "uphill_share": (seen + (product > 0)) / step,
        }
        return found, MonitoredState(inner_state, step, found, quantities)

    return optax.GradientTransformationExtraArgs(init, update)


def _dot(first: Any, second: Any) -> jax.Array:
    return jnp.asarray(optax.tree.vdot(first, second))


def _ratio(above: jax.Array, below: jax.Array) -> jax.Array:
    return above / jnp.where(below > 0, below, jnp.inf)
