"""The barrier of a norm's unit ball, with its derivatives, for every p ≥ 2.

Φ(W) = −Σ log(1 − σ_i²) for p = ∞ and −log(1 − Σ σ_i^p) + c Σ σ_i² else, σ the norm's magnitudes:
the absolute entries, the lengths of the groups, or the singular values.  The squares are at most 1
inside; they bend Φ where σ^p is flat.  Each is Σ φ(σ_i) for one φ, or the logarithm of such a sum,
so its Hessian is diagonal, up to rank one, in coordinates that follow from W alone:

- the entries themselves, with φ''(w);
- for groups, along the group's vector φ''(r), across it φ'(r)/r;
- for singular values, UᵀZV of a direction Z: φ''(σ_i) on the diagonal, φ'(σ_i)/σ_i where there is
  no second singular value, and for each two of them (φ'(σ_i) ∓ φ'(σ_j))/(σ_i ∓ σ_j) on the
  symmetric and the antisymmetric part (Lewis & Sendov 2001).

The interior point needs nothing else of a norm.  Norms with p < 2 are solved through their dual,
whose p is above 2, so one barrier serves all.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from marginflow.norms import EntrywiseNorm, GroupNorm, Norm

_EQUAL = 1e-6  # two magnitudes so near, relative to their sum, have no divided difference
_INDISTINCT = 1e-11  # a finite p whose norm differs from the largest magnitude by less is infinite


class Barrier(NamedTuple):
    """Φ and its derivatives at one point, in coordinates where the Hessian is simple.

    Attributes:
        value: Φ.
        slopes: ∇Φ in those coordinates.
        curvature: the diagonal of the Hessian there.
        rank_one: u, where the Hessian is the diagonal + u uᵀ; None where it is the diagonal.
        turn: (m, p) flat rows to the coordinates, which are orthonormal.
        turn_back: a vector (p,) back to flat weights.
    """

    value: float
    slopes: Float[np.ndarray, " p"]
    curvature: Float[np.ndarray, " p"]
    rank_one: Float[np.ndarray, " p"] | None
    turn: Callable[[np.ndarray], np.ndarray]
    turn_back: Callable[[np.ndarray], np.ndarray]

    def hessian(self, vector: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
        """The Hessian's product with a vector, both in the coordinates."""
        product = self.curvature * vector
        if self.rank_one is not None:
            product = product + self.rank_one * float(self.rank_one @ vector)
        return product


class NormBall:
    """The unit ball of a norm with p ≥ 2 for weights of one shape, without its boundary.

    Args:
        norm: with p from 2 to infinity.
        shape: of the weights.
    """

    def __init__(self, norm: Norm, shape: tuple[int, ...]):
        self.norm = norm
        self.shape = shape
        self.table_shape = (shape[0], math.prod(shape[1:]))
        # the p-norm is the largest magnitude up to log(number of magnitudes)/p, relative
        self.largest_only = math.log(max(math.prod(shape), 2)) / norm.p < _INDISTINCT
        # Σ σ² is at most the number of magnitudes to the power 1 − 2/p inside
        self.bend = math.prod(shape) ** (2.0 / norm.p - 1.0)

    def value(self, flat: Float[np.ndarray, " p"]) -> float:
        """Φ; infinite outside."""
        sizes = np.asarray(self.norm.magnitudes(flat.reshape(self.shape)))
        if not sizes.max() < 1.0:
            return math.inf
        if self.largest_only:
            return -float(np.log1p(-(sizes**2)).sum())
        total = float((sizes**self.norm.p).sum())
        squares = self.bend * float((sizes**2).sum())
        return squares - math.log1p(-total) if total < 1.0 else math.inf

    def barrier(self, flat: Float[np.ndarray, " p"]) -> Barrier:
        """Φ with its derivatives at an inner point."""
        match self.norm:
            case EntrywiseNorm():
                frame = _entries(flat)
            case GroupNorm():
                frame = _groups(flat.reshape(self.table_shape), self.norm.group == "class")
            case _:
                frame = _singular_values(flat.reshape(self.table_shape))
        return (self._largest if self.largest_only else self._sum)(frame, self.value(flat))

    def _largest(self, frame: "_Frame", value: float) -> Barrier:
        """For p = ∞."""
        sizes = frame.sizes
        inside = (1.0 - sizes) * (1.0 + sizes)
        slope, curved = 2.0 * sizes / inside, 2.0 * (1.0 + sizes**2) / inside**2

        def divided(i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            product, scale = sizes[i] * sizes[j], 2.0 / (inside[i] * inside[j])
            return scale * (1.0 + product), scale * (1.0 - product)

        curvature = frame.curvature(2.0 / inside, curved, divided)
        return Barrier(value, frame.place(slope), curvature, None, frame.turn, frame.turn_back)

    def _sum(self, frame: "_Frame", value: float) -> Barrier:
        """For finite p; the outer logarithm gives the rank-one part."""
        sizes, p = frame.sizes, self.norm.p
        outer = math.exp(value - self.bend * float((sizes**2).sum()))
        ratio = outer * p * sizes ** (p - 2.0)
        slope, curved = ratio * sizes, (p - 1.0) * ratio

        def divided(i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            total, apart = sizes[i] + sizes[j], sizes[i] - sizes[j]
            near = apart <= _EQUAL * total
            mean = 0.5 * (curved[i] + curved[j])
            same = np.where(near, mean, (slope[i] - slope[j]) / np.where(near, 1.0, apart))
            return same, (slope[i] + slope[j]) / np.where(total > 0, total, 1.0)

        steep = frame.place(slope)
        slopes = steep + 2.0 * self.bend * frame.place(sizes)
        curvature = frame.curvature(ratio, curved, divided) + 2.0 * self.bend
        return Barrier(value, slopes, curvature, steep, frame.turn, frame.turn_back)


class _Frame(NamedTuple):
    """The coordinates that belong to one W.

    Attributes:
        sizes: its magnitudes σ.
        place: values, one for each magnitude, in the coordinates.
        curvature: the Hessian's diagonal from φ'/σ, φ'' and the divided differences of two of them.
        turn: as in `Barrier`.
        turn_back: as in `Barrier`.
    """

    sizes: np.ndarray
    place: Callable[[np.ndarray], np.ndarray]
    curvature: Callable[[np.ndarray, np.ndarray, Callable], np.ndarray]
    turn: Callable[[np.ndarray], np.ndarray]
    turn_back: Callable[[np.ndarray], np.ndarray]


def _entries(flat: np.ndarray) -> _Frame:
    signs = np.sign(flat)

    def as_it_is(values: np.ndarray) -> np.ndarray:
        return values

    def place(values: np.ndarray) -> np.ndarray:
        return signs * values

    def curvature(ratio: np.ndarray, curved: np.ndarray, divided: Callable) -> np.ndarray:
        return curved

    return _Frame(np.abs(flat), place, curvature, as_it_is, as_it_is)


def _groups(table: np.ndarray, by_class: bool) -> _Frame:
    vectors = table.T if by_class else table
    lengths = np.linalg.norm(vectors, axis=1)
    # a reflection I − 2 v vᵀ lays each vector along its first axis
    mirror = vectors / np.where(lengths > 0, lengths, 1.0)[:, None]
    sign = np.where(mirror[:, 0] >= 0, 1.0, -1.0)
    mirror[:, 0] += sign
    mirror /= np.linalg.norm(mirror, axis=1, keepdims=True)

    def reflected(parts: np.ndarray) -> np.ndarray:
        along = np.einsum("...gk,gk->...g", parts, mirror)
        return parts - 2.0 * along[..., None] * mirror

    def turn(rows: np.ndarray) -> np.ndarray:
        parts = rows.reshape(-1, *table.shape)
        parts = np.swapaxes(parts, 1, 2) if by_class else parts
        return reflected(parts).reshape(len(rows), -1)

    def turn_back(vector: np.ndarray) -> np.ndarray:
        parts = reflected(vector.reshape(vectors.shape))
        return (parts.T if by_class else parts).ravel()

    def place(values: np.ndarray) -> np.ndarray:
        placed = np.zeros_like(vectors)
        placed[:, 0] = -sign * values
        return placed.ravel()

    def curvature(ratio: np.ndarray, curved: np.ndarray, divided: Callable) -> np.ndarray:
        bent = np.repeat(ratio[:, None], vectors.shape[1], axis=1)
        bent[:, 0] = curved
        return bent.ravel()

    return _Frame(lengths, place, curvature, turn, turn_back)


def _singular_values(table: np.ndarray) -> _Frame:
    left, sizes, right = np.linalg.svd(table, full_matrices=True)
    count, (i, j) = len(sizes), np.triu_indices(len(sizes), 1)
    half = math.sqrt(0.5)

    def mixed(turned: np.ndarray) -> np.ndarray:
        one, other = turned[..., i, j], turned[..., j, i]
        turned[..., i, j], turned[..., j, i] = half * (one + other), half * (one - other)
        return turned

    def turn(rows: np.ndarray) -> np.ndarray:
        return mixed(left.T @ rows.reshape(-1, *table.shape) @ right.T).reshape(len(rows), -1)

    def turn_back(vector: np.ndarray) -> np.ndarray:
        return (left @ mixed(vector.reshape(table.shape).copy()) @ right).ravel()

    def place(values: np.ndarray) -> np.ndarray:
        placed = np.zeros(table.shape)
        np.fill_diagonal(placed, values)
        return placed.ravel()

    def curvature(ratio: np.ndarray, curved: np.ndarray, divided: Callable) -> np.ndarray:
        bent = np.empty(table.shape)
        bent[:count, count:], bent[count:, :count] = ratio[:, None], ratio
        bent[i, j], bent[j, i] = divided(i, j)
        np.fill_diagonal(bent, curved)
        return bent.ravel()

    return _Frame(sizes, place, curvature, turn, turn_back)
