"""A norm as the p-norm of non-negative magnitudes: its value, its dual, its steepest direction."""

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import equinox as eqx
import numpy as np

from marginflow._types import AnyArray, namespace

Scalar: TypeAlias = AnyArray | np.floating


class Parts(NamedTuple):
    """Weights taken apart into magnitudes and directions.

    Attributes:
        magnitudes: non-negative, (m,) or of the weights' shape.
        rebuild: the array with other magnitudes in the same directions; zero where the magnitude
            was, since there is no direction there.
    """

    magnitudes: AnyArray
    rebuild: Callable[[AnyArray], AnyArray]


class Norm(eqx.Module):
    """A norm of weights (d, K), or (d,) in the binary map, on NumPy and on JAX arrays.

    Args:
        p: from 1 to infinity.

    Raises:
        ValueError: if p is out of its range.
    """

    p: float = eqx.field(static=True)

    def __init__(self, p: float | int):
        if not 1 <= p <= math.inf:
            raise ValueError(f"p: expected a number from 1 to infinity, got {p!r}.")
        self.p = float(p)

    @property
    @abstractmethod
    def name(self) -> str:
        """How it is called in words and on the command line; `as_norm` reads it back."""

    @property
    @abstractmethod
    def dual(self) -> "Norm":
        """The dual norm, ‖G‖_* = max ⟨G, D⟩ over ‖D‖ ≤ 1."""

    def of_vectors(self) -> "Norm":
        """The entrywise norm that it is on weights (d,), a matrix of one column.

        Example:
            >>> from marginflow.norms import as_norm
            >>> [as_norm(name).of_vectors().name for name in ("nuclear", "feature_l2", "l3")]
            ['frobenius', 'max', 'l3']
        """
        return self

    @abstractmethod
    def magnitudes(self, weights: AnyArray) -> AnyArray:
        """What the p-norm is taken of."""

    @abstractmethod
    def parts(self, weights: AnyArray) -> Parts:
        """The magnitudes with their directions."""

    def __call__(self, weights: AnyArray) -> Scalar:
        """The norm of the weights, a scalar.

        Example:
            >>> import numpy as np
            >>> from marginflow.norms import as_norm
            >>> W = np.array([[3.0, 0.0], [0.0, -4.0]])
            >>> [float(as_norm(name)(W)) for name in ("frobenius", "max", "l1", "nuclear")]
            [5.0, 4.0, 7.0, 7.0]
        """
        return vector_norm(self.magnitudes(weights), self.p)

    def steepest(self, gradient: AnyArray) -> AnyArray:
        """The D of norm 1 with ⟨gradient, D⟩ as large as can be, which is the dual norm.

        Where there are many, the one without needless entries; in a 1-norm, the first of those at
        the largest magnitude.  Zero if the gradient is zero.

        Example:
            >>> import numpy as np
            >>> from marginflow.norms import as_norm
            >>> as_norm("max").steepest(np.array([[0.5, -2.0], [0.0, 1.0]]))
            array([[ 1., -1.],
                   [ 0.,  1.]])
        """
        magnitudes, rebuild = self.parts(gradient)
        return rebuild(steepest_magnitudes(magnitudes, self.p))


def as_matrix(weights: AnyArray) -> AnyArray:
    """Weights (d, K), with the (d,) of the binary map as a matrix of one column."""
    return weights if weights.ndim > 1 else weights[:, None]


def conjugate(p: float) -> float:
    """The q with 1/p + 1/q = 1.

    Example:
        >>> conjugate(1.0), conjugate(2.0), conjugate(3.0)
        (inf, 2.0, 1.5)
    """
    if p == 1:
        return math.inf
    return 1.0 if p == math.inf else p / (p - 1.0)


def vector_norm(magnitudes: AnyArray, p: float) -> Scalar:
    """The p-norm of non-negative numbers, with the largest taken out first."""
    xp = namespace(magnitudes)
    top = xp.max(magnitudes)
    if p == math.inf:
        return top
    safe = xp.where(top > 0, top, 1.0)
    return top * xp.sum((magnitudes / safe) ** p) ** (1.0 / p)


def steepest_magnitudes(magnitudes: AnyArray, p: float) -> AnyArray:
    """The v ≥ 0 with ‖v‖_p = 1 and ⟨v, magnitudes⟩ their dual norm; zero where they all are."""
    xp = namespace(magnitudes)
    if p == math.inf:
        return xp.where(magnitudes > 0, 1.0, 0.0).astype(magnitudes.dtype)
    flat = magnitudes.ravel()
    if p == 1:
        first = xp.arange(flat.size) == xp.argmax(flat)
        chosen = xp.where(first & (flat > 0), 1.0, 0.0)
    else:
        top = xp.max(flat)
        powers = (flat / xp.where(top > 0, top, 1.0)) ** (conjugate(p) - 1.0)
        length = vector_norm(powers, p)
        chosen = xp.where(flat > 0, powers / xp.where(length > 0, length, 1.0), 0.0)
    return chosen.reshape(magnitudes.shape).astype(magnitudes.dtype)
