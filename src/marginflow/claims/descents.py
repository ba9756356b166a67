"""Runs of many optimizers on small problems, and the margins that they are held against.

What the claims on optimizers share.  Settings of one method run side by side and are compiled
once; weights alone are kept, at a few steps, and looked at in NumPy.

    problem ──descend──▶ weights at steps ──shares──▶ margin over the best, in a norm
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from marginflow._precision import x64
from marginflow.data import Dataset, gaussian_clusters, linear_teacher, random_labels, soudry_toy
from marginflow.dynamics import Optimizer
from marginflow.dynamics.objective import MarginObjective
from marginflow.limits import MaxMargin, max_margin
from marginflow.losses import get_loss
from marginflow.margins import LinearMarginMap, as_linear_map
from marginflow.norms import as_norm

_LOOSE = 1e-6  # of a best margin to which hundredths are compared


@cache
def problem(name: str) -> Dataset:
    """The data set of that name.

    Args:
        name: "toy", that of Soudry et al. 2018; "clusters", 24 samples, 5 features, 3 classes,
            small enough for 10⁵ steps; "field", the clusters of Fan et al. 2025 with 15 classes;
            "labels", 40 samples of 4 random classes in 24 dimensions; or "teacher" and a seed, 30
            samples of two classes in 5 dimensions.
    """
    if name.startswith("teacher "):
        seed = int(name.removeprefix("teacher "))
        return linear_teacher(seed, n_samples=30, n_features=5, n_classes=2)
    return _MADE[name]()


_MADE: dict[str, Callable[[], Dataset]] = {
    "toy": soudry_toy,
    "clusters": lambda: gaussian_clusters(
        n_samples=24, n_features=5, n_classes=3, noise=0.3, separation=1.0, balanced=True
    ),
    "field": lambda: gaussian_clusters(
        n_samples=750, n_features=25, n_classes=15, noise=0.1, separation=1.0, balanced=True
    ),
    "labels": lambda: random_labels(n_samples=40, n_features=24, n_classes=4),
}


@cache
def map_of(name: str) -> LinearMarginMap:
    """The margin map of a problem: binary for two classes."""
    return as_linear_map(problem(name), "claims")


@cache
def best_of(name: str, norm: str = "frobenius") -> MaxMargin:
    """The certified max-margin weights of a problem in a norm."""
    rtol = _LOOSE if name == "field" and norm != "frobenius" else None
    return max_margin(problem(name), norm, rtol=rtol)


def steps_of(last: int, per_decade: int = 4) -> tuple[int, ...]:
    """Steps from 1 to `last`, evenly in log t."""
    count = 1 + round(per_decade * float(np.log10(last)))
    return tuple(np.unique(np.round(np.geomspace(1, last, count)).astype(int)).tolist())


def descend(
    name: str,
    optimizers: Sequence[Optimizer],
    steps: Iterable[int],
    *,
    loss: str = "cross-entropy",
    watch: Callable[[Any, Any, Any], Any] | None = None,
) -> tuple[np.ndarray, Any]:
    """Run optimizers of one kind side by side, from zero.

    Args:
        name: of the problem.
        optimizers: m of one class, which differ in their numbers alone.
        steps: r of them, ascending, at which to look.
        loss: registered, with an exponential tail.
        watch: sees (optimizer, memory, step) at each of them and returns arrays.

    Returns:
        The weights (m, r, ...), and what was watched, with the same two axes in front.
    """
    with x64():
        maps = jax.tree.map(_on_device, map_of(name))
        objective = MarginObjective(maps, get_loss(loss), scaled=optimizers[0].scale_free)
        together = jax.tree.map(
            lambda *each: jnp.stack([jnp.asarray(x) for x in each]), *optimizers
        )
        see = watch or (lambda *_: ())

        def run(optimizer: Any) -> Any:
            def step(index: Any, state: Any) -> Any:
                params, memory = state
                return optimizer.step(index, objective.gradient(params), memory, params)

            def leg(carry: Any, target: Any) -> Any:
                state = jax.lax.fori_loop(carry[0], target, step, carry[1])
                return (target, state), (state[0], see(optimizer, state[1], target))

            start = jnp.zeros(maps.weights_shape)
            carry = (jnp.asarray(0), (start, optimizer.init(start)))
            return jax.lax.scan(leg, carry, jnp.asarray(list(steps)))[1]

        weights, seen = jax.jit(jax.vmap(run))(together)
        return np.asarray(weights), jax.tree.map(np.asarray, seen)


def _stacked(*leaves: Any) -> Any:
    return jnp.stack([jnp.asarray(leaf) for leaf in leaves])


def _on_device(leaf: Any) -> Any:
    return jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf


def least_margins(name: str, weights: np.ndarray) -> np.ndarray:
    """The least relative margin of each of (..., *shape) weights."""
    maps = map_of(name)
    flat = weights.reshape(-1, *maps.weights_shape)
    found = [float(np.asarray(maps.margins(each)).min()) for each in flat]
    return np.array(found).reshape(weights.shape[: weights.ndim - len(maps.weights_shape)])


def norms_of(name: str, weights: np.ndarray, norm: str) -> np.ndarray:
    """The norm of each of (..., *shape) weights."""
    shape, measure = map_of(name).weights_shape, as_norm(norm)
    found = [float(measure(each)) for each in weights.reshape(-1, *shape)]
    return np.array(found).reshape(weights.shape[: weights.ndim - len(shape)])


def shares(name: str, weights: np.ndarray, norm: str) -> np.ndarray:
    """The margin of weights in a norm over the best in that norm."""
    reached = least_margins(name, weights) / norms_of(name, weights, norm)
    return np.asarray(reached / best_of(name, norm).margin)


def growth_share(name: str, weights: np.ndarray, norm: str) -> np.ndarray:
    """How much the least margin grew from the first to the last, over norm and the best margin.

    Where weights are Ŵ log t and a residual, their direction is late by 1/log t; what they grow by
    is not.

    Args:
        name: of the problem.
        weights: (..., r, *shape), at r steps.
        norm: its name.
    """
    margin, length = least_margins(name, weights), norms_of(name, weights, norm)
    grown = (margin[..., -1] - margin[..., 0]) / (length[..., -1] - length[..., 0])
    return np.asarray(grown / best_of(name, norm).margin)
