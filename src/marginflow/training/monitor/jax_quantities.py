"""Quantities of parameters, gradients and updates in JAX, of trees of arrays."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from marginflow.training.monitor.layer_quantities import LARGEST_SVD

MEMORIES = ("trace", "mu")
Scalars = dict[str, Any]


def default_loss(scores: jax.Array, targets: jax.Array) -> jax.Array:
    """Cross-entropy of classes, with one score or one a class, and squared error of numbers."""
    if jnp.issubdtype(targets.dtype, jnp.floating):
        return jnp.mean((scores.reshape(targets.shape) - targets) ** 2)
    if scores.ndim == 1 or scores.shape[1] == 1:
        return optax.sigmoid_binary_cross_entropy(scores.reshape(targets.shape), targets).mean()
    return optax.softmax_cross_entropy_with_integer_labels(scores, targets).mean()


@jax.jit
def update_scalars(params: Any, before: Any | None, gradients: Any | None, memory: Any) -> Scalars:
    """Those of the last update, and the norm of the weights, by name.

    Args:
        params: after it.
        before: the parameters before it, if known.
        gradients: that it was made of, if known.
        memory: the optimizer's mean of gradients before it, if it has one and it is known.
    """
    params, gradients, memory = wide(params), wide(gradients), wide(memory)
    size = optax.tree.norm(params)
    found: Scalars = {"weights_norm": size}
    if gradients is not None:
        found["gradient_norm"] = optax.tree.norm(gradients)
    if before is not None:
        update = optax.tree.sub(params, wide(before))
        found["update_norm"] = optax.tree.norm(update)
        found["update_to_weight"] = _ratio(found["update_norm"], size)
        if gradients is not None:
            found["gradient_dot_update"] = optax.tree.vdot(gradients, update)
    if gradients is not None and memory is not None:
        found["momentum_cosine"] = cosine(memory, gradients)
    return found


@jax.jit
def weight_arrays(params: Any, before: Any | None, gradients: Any | None) -> dict[str, Scalars]:
    """Of each matrix of weights, by name: its norm, and the gradient's and the update's over it.

    Also "gram", the product with itself on the smaller side, where it is small enough for ranks.
    """
    found: dict[str, Scalars] = {}
    slopes, earlier = matrices(gradients), matrices(before)
    for name, matrix in matrices(params).items():
        own = found[name] = {"norm": jnp.linalg.norm(matrix)}
        if name in slopes:
            own["gradient_to_weight"] = _ratio(jnp.linalg.norm(slopes[name]), own["norm"])
        if name in earlier:
            change = jnp.linalg.norm(matrix - earlier[name])
            own["update_to_weight"] = _ratio(change, own["norm"])
        if min(matrix.shape) <= LARGEST_SVD:
            tall = matrix.shape[0] > matrix.shape[1]
            own["gram"] = matrix.T @ matrix if tall else matrix @ matrix.T
    return found


def memory_of(state: Any, params: Any) -> Any | None:
    """What an optimizer's state keeps of the gradients so far, like the parameters; or None."""
    for name in MEMORIES:
        found = _first(state, name)
        if found is not None and jax.tree.structure(found) == jax.tree.structure(params):
            return found
    return None


def setting_scalars(state: Any, step: int) -> Scalars:
    """What `optax.inject_hyperparams` keeps in a state, and what follows from it, by name.

    Args:
        state: of an optimizer.
        step: how many updates there were, which Adam corrects its means for.
    """
    given = _first(state, "hyperparams")
    if not isinstance(given, dict) or "learning_rate" not in given:
        return {}
    rate, adaptive = given["learning_rate"], "b2" in given
    momentum = given.get("b1", given.get("momentum", given.get("decay", 0.0)))
    found = {
        "learning_rate": rate,
        "momentum": momentum,
        "effective_step": rate if adaptive else rate / (1 - momentum),
    }
    second = _first(state, "nu")
    if "eps" in given:
        found["eps"] = given["eps"]
    if "eps" in given and adaptive and second is not None:
        limit = given["eps"] ** 2 * (1 - given["b2"] ** step)
        leaves = jax.tree.leaves(second)
        below = sum(int(jnp.sum(each < limit)) for each in leaves)
        found["eps_dominated"] = below / sum(each.size for each in leaves)
    return found


def matrices(tree: Any) -> dict[str, jax.Array]:
    """Leaves of two axes or more as matrices, an output a row or a column, by name.

    Outputs are the first axis of what is called "weight", as in equinox, and else the last.
    """
    found = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if leaf.ndim >= 2:
            name = jax.tree_util.keystr(path, simple=True, separator=".")
            first = name.endswith("weight")
            shape = (leaf.shape[0], -1) if first else (-1, leaf.shape[-1])
            for ending in ("kernel", "weight"):
                name = name.removesuffix(ending).removesuffix(".")
            found[name or "model"] = wide(leaf).reshape(shape)
    return found


@jax.jit
def cosine(first: Any, second: Any) -> jax.Array:
    """The cosine of the angle between two trees; NaN where one is zero."""
    first, second = wide(first), wide(second)
    sizes = optax.tree.norm(first) * optax.tree.norm(second)
    return jnp.clip(_ratio(optax.tree.vdot(first, second), sizes), -1, 1)


def wide(tree: Any) -> Any:
    """In 32 bits what has 16."""
    return jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if leaf.dtype.itemsize < 4 else leaf, tree
    )


def _first(state: Any, name: str) -> Any | None:
    """The first of what a state has under a name; None if nothing."""
    found = optax.tree.get_all_with_path(state, name)
    return found[0][1] if found else None


def _ratio(above: Any, below: Any) -> jax.Array:
    """NaN where nothing is below."""
    return above / jnp.where(below > 0, below, jnp.nan)
