"""An optax transformation that keeps the last gradient, for a monitor to look at."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class MonitoredState(NamedTuple):
    """The state of `monitored`.

    Attributes:
        inner: the state of what is followed.
        gradients: that the last update was made of; zeros before the first.
    """

    inner: Any
    gradients: Any


def monitored(inner: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """The same optimizer, whose state also holds the last gradient, which a `JaxMonitor` looks at.

    The updates are those of `inner`, bit for bit.  It belongs around the whole optimizer, so that
    the gradient is that of the loss.

    Args:
        inner: any optax transformation.

    Returns:
        A transformation with `MonitoredState`.

    Example:
        >>> import jax.numpy as jnp
        >>> import optax
        >>> optimizer = monitored(optax.sgd(0.5))
        >>> params = jnp.array([3.0, 4.0])
        >>> updates, state = optimizer.update(2 * params, optimizer.init(params), params)
        >>> state.gradients.tolist()
        [6.0, 8.0]
    """
    wrapped = optax.with_extra_args_support(inner)

    def init(params: Any) -> MonitoredState:
        return MonitoredState(wrapped.init(params), jax.tree.map(jnp.zeros_like, params))

    def update(
        updates: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, MonitoredState]:
        found, inner_state = wrapped.update(updates, state.inner, params, **extra)
        return found, MonitoredState(inner_state, updates)

    return optax.GradientTransformationExtraArgs(init, update)
