"""Matrix completion by a product of factors.

A matrix W₁ W₂ ... W_L is fitted to the observed entries of another.  With one factor the entries
that are not observed never move.  With two and more, from a small start, singular values grow one
after the other, the faster the larger they are already, and the product stays near low rank.
"""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from marginflow._types import AnyArray, namespace
from marginflow.data import DataError
from marginflow.dynamics.regression_model import RegressionModel


class MatrixCompletion(RegressionModel):
    """The observed entries of a product of `depth` factors, all but the first square.

    Observed besides the rest: `effective_rank`, and `unobserved_error`, the mean squared error on
    the entries that are not observed, where the matrix has them.

    Args:
        matrix: M (p, q); entries that are not observed may be NaN.
        observed: (p, q), true where M is observed.
        depth: L ≥ 1, the number of factors.

    Raises:
        DataError: if nothing is observed, or an observed entry is not finite.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> model = mf.MatrixCompletion([[1.0, 2.0], [2.0, 4.0]], [[1, 1], [1, 0]], depth=2)
        >>> run = mf.train_regression(
        ...     model, mf.HeavyBall(0.02), steps=2000, initial=model.gaussian(1e-6)
        ... )
        >>> run.effective.round(2)
        array([[1.  , 2.  ], [2.  , 3.98]])
        >>> run.observables["effective_rank"][-1].item()
        1.01

    Source: Arora et al. 2019, arXiv 1905.13655, section 2.
    """

    targets: AnyArray
    places: AnyArray
    hidden: AnyArray
    hidden_places: AnyArray
    shape: tuple[int, int] = eqx.field(static=True)
    depth: int = eqx.field(static=True)

    def __init__(self, matrix: Any, observed: Any, depth: int = 2):
        values, mask = np.array(matrix, dtype=np.float64), np.asarray(observed, dtype=bool)
        if values.ndim != 2 or mask.shape != values.shape:
            raise DataError(
                "MatrixCompletion: expected a matrix (p, q) and which of its entries are "
                f"observed, got shapes {values.shape} and {mask.shape}."
            )
        if not mask.any() or not np.all(np.isfinite(values[mask])):
            raise DataError(
                "MatrixCompletion: expected observed entries that are finite, got none or "
                "infinite ones; unmark those that are missing."
            )
        if depth < 1:
            raise ValueError(f"depth: expected at least one factor, got {depth}.")
        flat = values.ravel()
        self.places = np.flatnonzero(mask)
        self.targets = flat[self.places]
        known = ~mask.ravel() & np.isfinite(flat)
        self.hidden_places = np.flatnonzero(known)
        self.hidden = flat[self.hidden_places]
        self.shape = (values.shape[0], values.shape[1])
        self.depth = int(depth)

    def gaussian(self, scale: float, seed: int = 0) -> tuple[np.ndarray, ...]:
        """Gaussian factors, whose product has entries of the order of `scale`/√q.

        Each has the standard deviation scale^(1/L)/√q.
        """
        rng, size = np.random.default_rng(seed), self.shape[1]
        deviation = float(scale) ** (1.0 / self.depth) / np.sqrt(size)
        return tuple(deviation * rng.standard_normal(shape) for shape in self.shapes())

    def predictions(self, params: Any) -> AnyArray:
        return self.effective(params).ravel()[self.places]

    def effective(self, params: Any) -> AnyArray:
        return functools.reduce(lambda left, right: left @ right, params)

    def shapes(self) -> tuple[tuple[int, ...], ...]:
        size = self.shape[1]
        return (self.shape, *((size, size),) * (self.depth - 1))

    def observe(self, params: Any) -> dict[str, AnyArray]:
        product = self.effective(params)
        seen: dict[str, AnyArray] = {"effective_rank": jnp.asarray(effective_rank(product))}
        if self.hidden.shape[0]:
            off = product.ravel()[self.hidden_places] - self.hidden
            seen["unobserved_error"] = jnp.mean(off**2)
        return seen


def effective_rank(matrix: Any) -> Any:
    """Exp of the entropy of the singular values over their sum.

    Between 1 and the rank: a matrix with r equal singular values has r.  NaN for the zero matrix.

    Args:
        matrix: (p, q), NumPy's or JAX's.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> float(mf.effective_rank(np.diag([1.0, 1.0, 0.0])))
        2.0

    Source: Roy & Vetterli 2007, The effective rank: a measure of effective dimensionality.
    """
    if not isinstance(matrix, jax.Array):
        matrix = np.asarray(matrix, dtype=np.float64)
    xp = namespace(matrix)
    return entropy_rank(xp.linalg.svd(matrix, compute_uv=False))


def entropy_rank(singular_values: AnyArray) -> Any:
    """`effective_rank` of a matrix from its singular values.

    Args:
        singular_values: (r,), NumPy's or JAX's.
    """
    xp = namespace(singular_values)
    total = xp.sum(singular_values)
    share = singular_values / xp.where(total > 0, total, xp.nan)
    safe = xp.where(share > 0, share, 1.0)
    return xp.exp(-xp.sum(share * xp.log(safe)))
