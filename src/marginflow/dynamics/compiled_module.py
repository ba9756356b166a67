"""A module's methods, compiled, with NumPy in and out, as scipy's integrators call them."""

import functools
from typing import Any

import equinox as eqx
import jax
import numpy as np

from marginflow._types import AnyArray


# The module's arrays are passed apart from its structure: a call then costs 20 µs, not 100.
@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _call(method: str, structure: Any, constants: Any, arrays: list[AnyArray], *args: AnyArray):
    leaves = [
        given if array is None else array for given, array in zip(constants, arrays, strict=True)
    ]
    return getattr(jax.tree.unflatten(structure, leaves), method)(*args)


class CompiledModule:
    """Calls the methods of a module.  They compile once for all modules of the same structure.

    Args:
        module: with JAX arrays.
    """

    def __init__(self, module: eqx.Module):
        leaves, self._structure = jax.tree.flatten(module)
        self._constants = tuple(None if eqx.is_array(leaf) else leaf for leaf in leaves)
        self._arrays = [leaf if eqx.is_array(leaf) else None for leaf in leaves]

    def __call__(self, method: str, *args: Any) -> Any:
        """The method's value: NumPy arrays."""
        value = _call(method, self._structure, self._constants, self._arrays, *args)
        return jax.tree.map(np.asarray, value)
