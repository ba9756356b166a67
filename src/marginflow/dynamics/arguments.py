"""The arguments of training verbs: checked on entry, with errors that say what would work."""

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from marginflow.dynamics.descent import Descent, DescentState, Observables
from marginflow.dynamics.minibatches import Batches, minibatches
from marginflow.margins import MarginMap
from marginflow.norms import Norm, as_norm


def check_steps(steps: Any) -> int:
    """A number of steps that a loop can count."""
    number = _whole("steps", steps)
    if number < 0:
        raise ValueError("steps: expected at least 0, got a negative number.")
    if number >= 2**63:
        raise ValueError(
            f"steps: expected at most 2^63 - 1, got 2^{number.bit_length() - 1} or more; no loop "
            "counts that far, fast_forward does without."
        )
    return number


def check_initial(margin_map: MarginMap, initial: Any) -> Any:
    """The first weights as float64 NumPy arrays; zeros where none are given."""
    shape = getattr(margin_map, "weights_shape", None)
    if initial is None:
        if shape is not None:
            return np.zeros(shape)
        raise ValueError(
            f"initial: expected the first parameters, since {type(margin_map).__name__} has no "
            "standard ones; NetworkMargins.draw(seed) makes them for a network."
        )
    if shape is None:
        return _layers(jax.tree.map(_real_array, initial), margin_map)
    weights = _real_array(initial)
    if weights.shape != shape:
        raise ValueError(
            f"initial: expected shape {shape}, got {weights.shape}; "
            "two classes have weights (d,), unless MulticlassMargins(data) is passed."
        )
    return weights


def check_batches(
    margin_map: MarginMap, initial: Any, batch_size: Any, seed: Any, replacement: bool
) -> Batches | None:
    """The minibatches asked for; None if a step sees all samples."""
    if batch_size is None:
        if replacement:
            raise ValueError("replacement: expected a batch_size with it, got none.")
        return None
    n_samples = count_samples(margin_map, initial)
    size = _whole("batch_size", batch_size)
    if not 1 <= size <= n_samples:
        raise ValueError(f"batch_size: expected 1 to n = {n_samples}, got {size}.")
    if size == n_samples and not replacement:
        return None
    return minibatches(_whole("seed", seed), n_samples, size, replacement=replacement)


def count_samples(margin_map: MarginMap, initial: Any) -> int:
    """n, of any map."""
    return jax.eval_shape(lambda params: margin_map.margins(params), initial).shape[0]


def check_sample_weight(n_samples: int, sample_weight: Any) -> np.ndarray | None:
    """The logarithms (n,) of the samples' weights; None where none are given."""
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight)
    if weights.dtype.kind not in "fiu" or weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight: expected {n_samples} real numbers, one a sample, got shape "
            f"{weights.shape} and dtype {weights.dtype}."
        )
    weights = weights.astype(np.float64)
    wrong = np.flatnonzero(~((weights > 0) & np.isfinite(weights)))
    if wrong.size:
        raise ValueError(
            f"sample_weight: expected positive finite numbers, got {weights[wrong[0]]} for sample "
            f"{wrong[0]}; leave a sample of weight zero out of the data."
        )
    return np.log(weights)


def check_norms(norms: Iterable[Any], initial: Any) -> tuple[Norm, ...]:
    """The norms in which the margin is recorded too."""
    if isinstance(norms, str | Norm):
        raise TypeError(f"norms: expected a sequence of norms or names, got {norms!r}.")
    found = {norm.name: norm for norm in map(as_norm, norms)}
    arrays = jax.tree.leaves(initial)
    if found and (len(arrays) != 1 or arrays[0].ndim not in (1, 2)):
        raise TypeError("norms: expected weights in one array, (d, K) or (d,), to take norms of.")
    return tuple(found.values())


def check_observables(
    observables: Mapping[str, Callable[[Any], Any]] | None, record_weights: bool
) -> Observables:
    """What is recorded besides the standard observables."""
    found = dict(observables or {})
    for name, see in found.items():
        if not isinstance(name, str) or not callable(see):
            raise TypeError(
                "observables: expected functions of the weights by name, got "
                f"{name!r}: {type(see).__name__}."
            )
    if record_weights:
        if "weights" in found:
            raise ValueError("observables: 'weights' is taken by record_weights; rename it.")
        found["weights"] = _weights
    return tuple(found.items())


def try_observables(dynamics: Descent, state: DescentState) -> None:
    """Refuse an observable that cannot be compiled, or whose name is taken."""
    standard = jax.eval_shape(lambda params: dynamics.objective.observe(params), state.params)
    for name, see in dynamics.observables:
        if name in standard:
            raise ValueError(
                f"observables: {name!r} is recorded already; rename it.  Recorded of every run: "
                f"{', '.join(standard)}."
            )
        try:
            jax.eval_shape(lambda params, see=see: jnp.asarray(see(params)), state.params)
        except (jax.errors.JAXTypeError, TypeError) as error:
            raise TypeError(
                f"observables: {name!r} cannot be compiled; expected a function of the weights in "
                f"jax.numpy that gives an array.  JAX says: {error}"
            ) from error


def _layers(params: Any, margin_map: MarginMap) -> Any:
    """Parameters in many arrays; those of a network are a tuple of the layers' shapes."""
    expected = getattr(margin_map, "layer_shapes", None)
    if expected is None:
        return params
    layers = tuple(params)
    if tuple(np.shape(layer) for layer in layers) != expected:
        raise ValueError(
            f"initial: expected layers of shapes {list(expected)}, got "
            f"{[np.shape(layer) for layer in layers]}; draw(seed) makes such."
        )
    return layers


def _weights(params: Any) -> Any:
    """The weights as they are, or those of several arrays one after the other."""
    if not isinstance(params, list | tuple | dict):
        return params
    return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(params)])


def _whole(name: str, value: Any) -> int:
    try:
        if not isinstance(value, bool | np.bool_):
            return operator.index(value)
    except TypeError:
        pass
    raise TypeError(f"{name}: expected a whole number, got {value!r}.")


def _real_array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"initial: expected real numbers, got dtype {array.dtype}.")
    if not np.all(np.isfinite(array)):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"initial: expected finite numbers, got {array[where]} at index {where}.")
    return np.array(array, dtype=np.float64)
