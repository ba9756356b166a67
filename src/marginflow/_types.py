"""Array types in the shapes that marginflow speaks of.

`n` samples, `d` features, `K` classes; margins have `K-1` columns (binary: one).  Functions that
run both on NumPy arrays at the border and on JAX arrays inside the float64 context are annotated
with `AnyArray`.
"""

from types import ModuleType
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

AnyArray: TypeAlias = np.ndarray | jax.Array

Features: TypeAlias = Float[AnyArray, "n d"]
Labels: TypeAlias = Int[AnyArray, " n"]
Weights: TypeAlias = Float[AnyArray, "d K"] | Float[AnyArray, " d"]
Scores: TypeAlias = Float[AnyArray, "*batch K"]
Margins: TypeAlias = Float[AnyArray, "*batch K-1"]


def namespace(*arrays: Any) -> ModuleType:
    """`jax.numpy` if any of the arrays is JAX's (or a tracer), else `numpy`."""
    return jnp if any(isinstance(array, jax.Array) for array in arrays) else np
