"""Positive definite Hessians on a cube.

In the coordinates of an order cone the Hessian of a template degenerates only at infinite margins,
where rows fade by exponentials that can be named.  It falls into blocks that do not mix.  The
entries of a block are put over one denominator; row and column i are divided by the root of the
largest exponential that divides entry (i, i); what is left is an interval matrix that has to be
positive definite on every box.  It is, if its product from both sides with the inverse root of its
middle is diagonally dominant: a test as sharp as the enclosures of the entries are, with rounding
added to their radii.  Where boxes become too many, determinants of small blocks are multiplied out,
and may be positive at sight.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from marginflow.theory.proof.algebra import Algebra
from marginflow.theory.proof.enclosure import Boxes
from marginflow.theory.proof.expression import Base, CannotError, Expression
from marginflow.theory.proof.intervals import Interval
from marginflow.theory.proof.positivity import parted, seen_positive

_EPS = float(np.finfo(np.float64).eps)
# Blocks up to this size have their determinants multiplied out.
SIZE = 5

Entries = dict[tuple[int, int], Expression]


class Hessian:
    """∇²ψ in a basis, as blocks that are scaled to be definite.

    Args:
        algebra: of ψ.
        value: ψ in variables η that are not positive.
        basis: the directions in which it is differentiated twice, as columns in η.

    Raises:
        CannotError: if a diagonal entry is zero beside entries that are not, or formulas become
            too long.
    """

    def __init__(self, algebra: Algebra, value: Expression, basis: Sequence[Sequence[Fraction]]):
        n = algebra.n

        def along(a: Expression, j: int) -> Expression:
            parts = [(basis[i][j], i) for i in range(n) if basis[i][j]]
            return algebra.add(*(algebra.scale(algebra.derivative(a, i), c) for c, i in parts))

        slopes = [along(value, i) for i in range(n)]
        entries = {(i, j): along(slopes[i], j) for i in range(n) for j in range(i + 1)}
        entries = {at: a for at, a in entries.items() if not algebra.together(a)[0].is_zero}
        rows = [i for i in range(n) if any(i in at for at in entries)]
        if any((i, i) not in entries for i in rows):
            raise CannotError("a second derivative is zero beside mixed ones that are not")
        self.is_strict = len(rows) == n
        blocks = [_Block(algebra, members, entries) for members in _components(rows, entries)]
        self.blocks = [block for block in blocks if not block.is_positive_at_sight]

    def score(self, boxes: Boxes) -> Interval:
        """Positive only if all blocks are positive definite, negative only if one is not."""
        found = [block.score(boxes) for block in self.blocks]
        low = np.minimum.reduce([part.lo for part in found])
        return Interval(low, np.minimum.reduce([part.hi for part in found]))

    def determinants_are_positive(self) -> bool:
        """Whether the leading minors of every block are positive at sight."""
        return all(block.determinants_are_positive() for block in self.blocks)


class _Block:
    """Rows of a Hessian that mix with each other only."""

    def __init__(self, algebra: Algebra, members: list[int], entries: Entries):
        self.algebra, self.size = algebra, len(members)
        own = {
            (members.index(i), members.index(j)): a for (i, j), a in entries.items() if i in members
        }
        self.entries, self.conditions = _over_one_denominator(algebra, own)
        fronts = [parted(algebra, self.entries[i, i]).exponent for i in range(self.size)]
        self.scaled = {}
        for (i, j), a in self.entries.items():
            scale = [-(p + q) / 2 for p, q in zip(fronts[i], fronts[j], strict=True)]
            self.scaled[i, j] = algebra.multiply(a, algebra.exponential(scale))

    @property
    def is_positive_at_sight(self) -> bool:
        single = self.size == 1 and not self.conditions
        return single and seen_positive(self.scaled[0, 0], touching=False)

    def score(self, boxes: Boxes) -> Interval:
        m = len(boxes.lo)
        middle, radius = np.zeros((2, m, self.size, self.size))
        for (i, j), entry in self.scaled.items():
            found = boxes.enclose(entry)
            with np.errstate(all="ignore"):
                mid = found.lo + (found.hi - found.lo) / 2
                rad = np.nextafter(np.maximum(found.hi - mid, mid - found.lo), np.inf)
            middle[:, i, j] = middle[:, j, i] = mid
            radius[:, i, j] = radius[:, j, i] = rad
        bad = ~(np.isfinite(middle) & np.isfinite(radius)).all(axis=(1, 2))
        for base in self.conditions:
            bad |= ~(boxes.enclose(base).lo > 0)
        middle[bad], radius[bad] = 0.0, 1.0
        below, above = definite(middle, radius)
        return Interval(np.where(bad, -np.inf, below), np.where(bad, np.inf, above))

    def determinants_are_positive(self) -> bool:
        """Whether the leading minors are positive at sight once they are multiplied out."""
        if self.size > SIZE or self.conditions:
            return False
        minor = _minors(self.algebra, self.entries)
        try:
            for n in range(1, self.size + 1):
                found = minor(tuple(range(n)), tuple(range(n)))
                if found.is_zero:
                    return False
                parts = parted(self.algebra, found)
                if parts.open_conditions or not seen_positive(parts.rest, touching=False):
                    return False
        except CannotError:
            return False
        return True


def definite(middle: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For symmetric matrices within entrywise radii (m, k, k) of a middle one.

    Returns:
        A number that is positive only if all of them are positive definite, and an upper bound on
        the value vᵀMv of one form of each of them, which is negative only if none of them is.
    """
    k = middle.shape[1]
    with np.errstate(all="ignore"):
        values, vectors = np.linalg.eigh(middle)
        roots = np.where(values > 0, np.sqrt(np.abs(values)), 1.0)
        left = vectors.transpose(0, 2, 1) / roots[:, :, None]
        size = np.abs(left)
        product = left @ middle @ left.transpose(0, 2, 1)
        # the product is rounded by less than this share of |W| |M| |Wᵀ|
        spread = (radius + 8 * (k + 2) * _EPS * np.abs(middle)) * (1 + 1e-9) + 1e-300
        around = size @ spread @ size.transpose(0, 2, 1) * (1 + 1e-9)
        diagonal = np.einsum("mii->mi", product)
        outside = np.abs(product).sum(axis=2) - np.abs(diagonal) + around.sum(axis=2)
        outside += 1e-12 * np.abs(product).sum(axis=2)
        below = (diagonal - outside * (1 + 1e-12)).min(axis=1)
        v = vectors[:, :, 0]
        form = np.einsum("mi,mij,mj->m", v, middle, v)
        above = form + np.einsum("mi,mij,mj->m", np.abs(v), spread, np.abs(v)) * (1 + 1e-9)
    return np.where(np.isnan(below), -np.inf, below), np.where(np.isnan(above), np.inf, above)


def _components(rows: list[int], entries: Entries) -> list[list[int]]:
    """Rows that are connected by entries."""
    left, found = set(rows), []
    while left:
        reached, fresh = set(), {min(left)}
        while fresh:
            reached |= fresh
            fresh = {j for j in left for i in fresh if (max(i, j), min(i, j)) in entries} - reached
        found.append(sorted(reached))
        left -= reached
    return found


def _over_one_denominator(algebra: Algebra, entries: Entries) -> tuple[Entries, list[Expression]]:
    """All entries times a common denominator, and what of it is not positive at sight."""
    parts = {at: algebra.together(a) for at, a in entries.items()}
    common: dict[Base, Fraction] = {}
    for _, denominator in parts.values():
        for base, power in denominator:
            common[base] = max(power, common.get(base, Fraction(0)))
    conditions = [base.inner for base in common if not base.inner.is_positive]
    try:
        cleared = {}
        for at, (numerator, denominator) in parts.items():
            missing = dict(common)
            for base, power in denominator:
                missing[base] -= power
            if any(power.denominator != 1 for power in missing.values()):
                raise CannotError("denominators with different roots")
            factors = [base.inner for base, power in missing.items() for _ in range(int(power))]
            cleared[at] = algebra.product([numerator, *factors])
        return cleared, conditions
    except CannotError:
        return entries, []


def _minors(
    algebra: Algebra, entries: Entries
) -> Callable[[tuple[int, ...], tuple[int, ...]], Expression]:
    known: dict[tuple, Expression] = {}

    def minor(rows: tuple[int, ...], columns: tuple[int, ...]) -> Expression:
        if not rows:
            return algebra.constant(1)
        if (rows, columns) not in known:
            parts = []
            for at, j in enumerate(columns):
                entry = entries.get((max(rows[-1], j), min(rows[-1], j)))
                if entry is not None:
                    inner = minor(rows[:-1], columns[:at] + columns[at + 1 :])
                    sign = (-1) ** (len(columns) - 1 - at)
                    parts.append(algebra.scale(algebra.multiply(entry, inner), sign))
            known[rows, columns] = algebra.add(*parts)
        return known[rows, columns]

    return minor
