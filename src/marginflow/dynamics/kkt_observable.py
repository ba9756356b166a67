"""The KKT residual as an observable of a run, with the multipliers that the loss itself makes."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.limits.kkt_residual import kkt_parts
from marginflow.losses import Loss, as_loss
from marginflow.margins import as_margin_map


def kkt_residual(data: Any, loss: Loss | str | Callable) -> Callable[[Any], AnyArray]:
    """An observable: how far the parameters are from a KKT point of the margin problem.

    The multipliers are the loss's pulls |∂ψ/∂u| times the best factor, as in the proof of Lyu & Li
    2020 (arXiv 1906.05890).  They cost one gradient a record, and are never better than those that
    `certify_kkt` solves for, outside of the run.

    Args:
        data: what is trained on: a margin map, a `Dataset` or a pair (features, labels).
        loss: a `Loss`, the name of a registered one, or a template function.

    Returns:
        A function of the parameters, to be passed in `observables`.

    Example:
        >>> import marginflow as mf
        >>> data = mf.soudry_toy()
        >>> see = mf.kkt_residual(data, "cross-entropy")
        >>> run = mf.gradient_descent(
        ...     data, "cross-entropy", learning_rate=0.1, steps=1000, observables={"residual": see}
        ... )
        >>> bool(run.observables["residual"][-1] < 0.05)
        True
    """
    maps = as_margin_map(data)
    loss = as_loss(loss, getattr(maps, "n_classes", None))

    def see(params: Any) -> AnyArray:
        margins = jnp.asarray(maps.margins(params))
        log_pulls = loss.slope(margins)[1]
        largest = jnp.max(log_pulls)
        pulls = jnp.exp(log_pulls - jnp.where(jnp.isfinite(largest), largest, 0.0))
        return kkt_parts(maps, params, pulls).residual

    return see
