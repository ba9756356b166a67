"""The exact end game: a dual active set on linearly independent supports.

Let S be a set of independent pairs and W the shortest weights that make them tight, A_S W = 1, with
W = A_Sᵀα.  If α > 0 and every other pair has margin ≥ 1, W is the max-margin solution.  If not:

- some α_i ≤ 0: walk from the last α ≥ 0 towards the new one until an entry reaches zero, and drop
  that pair (Wolfe 1976; Lawson & Hanson 1974, chapter 23);
- a pair j has margin below 1: take it in.  If its row depends on those of S, a_j = A_Sᵀc, then
  adding it and lowering α by multiples of c leaves W as it is and raises the dual objective, until
  some α_i reaches zero and i makes room for j (Goldfarb & Idnani 1983);
- no c_i is positive: then a_j + Σ(−c_i) a_i = 0 with non-negative weights: nothing separates, and
  these weights say so.

Each step raises the dual objective, so no support comes twice and the method ends.  In floating
point a support that does come back means that rounding decides, and the search is over as well.
Every solve is by QR; in the last phase residuals are formed in doubled precision, so W is the
rounded solution and not merely a stable one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from marginflow.limits.basis import Basis
from marginflow.limits.compensated import UNIT, dot
from marginflow.limits.pair_products import row_sum

COARSE = 256 * UNIT  # distance from a hyperplane, relative to ‖W‖, that plain margins can tell
FINE = 8 * UNIT  # and margins in doubled precision
_REFINEMENTS = 8
_TRUSTED = 2.0**-20


@dataclass(kw_only=True)
class ActiveSet:
    """The state of the search within a pool of rows.

    Attributes:
        rows: the pool (c, p).
        members: positions of the support S in the pool (m,).
        dual: α (m,) of the members, positive.
        weights: the W (p,) that the members determine.
        circuit: positions and positive weights of dependent rows that sum to zero, if found.
        exchanges: exchanges done.
    """

    rows: Float[np.ndarray, "c p"]
    members: Int[np.ndarray, " m"]
    dual: Float[np.ndarray, " m"]
    weights: Float[np.ndarray, " p"] = field(init=False)
    circuit: tuple[Int[np.ndarray, " k"], Float[np.ndarray, " k"]] | None = None
    exchanges: int = 0

    def solve(self, max_exchanges: int) -> bool:
        """Exchange pairs until the pool is solved; True if that took fewer than `max_exchanges`."""
        basis = Basis(self.rows, self.members)
        dual = dict(zip(self.members.tolist(), self.dual.tolist(), strict=True))
        self.dual = np.array([dual[member] for member in basis.members.tolist()])
        for fine in (False, True):
            seen: set[frozenset[int]] = set()
            self._settle(basis, fine)
            while self.exchanges < max_exchanges:
                position = self._most_violated(basis, fine)
                support = frozenset(basis.members.tolist())
                if position is None or support in seen:
                    break
                seen.add(support)
                self.exchanges += 1
                if not self._take_in(basis, position):
                    return True
                self._settle(basis, fine)
        return self.exchanges < max_exchanges

    def _most_violated(self, basis: Basis, fine: bool) -> int | None:
        """The row whose hyperplane of margin 1 the weights miss by the largest distance."""
        margins = self.rows @ self.weights
        norms = np.where(basis.norms > 0, basis.norms, 1.0)
        size = float(np.linalg.norm(self.weights))
        if fine:
            near = np.flatnonzero(margins < 1.0 + COARSE * norms * size)
            margins[near] = 1.0 + dot(self.rows[near], self.weights, -1.0)[0]
        distances = (1.0 - margins) / norms
        distances[basis.members] = -np.inf
        position = int(distances.argmax())
        return position if distances[position] > (FINE if fine else COARSE) * size else None

    def _take_in(self, basis: Basis, position: int) -> bool:
        """Add a violated row to the basis; False if that shows that nothing separates."""
        entry = 0.0
        coefficients = basis.combination(position)
        if coefficients is not None:
            blocking = np.flatnonzero(coefficients > 0)
            if not len(blocking):
                used = np.flatnonzero(coefficients < 0)
                self.circuit = (
                    np.append(basis.members[used], position),
                    np.append(-coefficients[used], 1.0),
                )
                return False
            ratios = self.dual[blocking] / coefficients[blocking]
            entry = float(ratios.min())
            place = int(blocking[ratios.argmin()])
            self.dual = np.delete(np.maximum(self.dual - entry * coefficients, 0.0), place)
            basis.remove(place)
        basis.append(position)
        self.dual = np.append(self.dual, entry)
        return True

    def _settle(self, basis: Basis, fine: bool) -> None:
        """Make every member tight, dropping those whose dual would not stay positive."""
        while True:
            weights, target = _refined(basis) if fine else basis.tight_weights()
            falling = target <= 0
            if not falling.any():
                break
            drop = self.dual[falling] - target[falling]
            ratios = self.dual[falling] / np.where(drop > 0, drop, 1.0)
            length = float(ratios.min())
            self.dual = np.maximum(self.dual + length * (target - self.dual), 0.0)
            place = int(np.flatnonzero(falling)[ratios.argmin()])
            basis.remove(place)
            self.dual = np.delete(self.dual, place)
        self.members, self.weights, self.dual = basis.members, weights, target


def _refined(basis: Basis) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " m"]]:
    """The tight weights and their dual, corrected by residuals of doubled precision.

    Q spans the rows only as well as R is conditioned.  So W is corrected along Q until the margins
    are 1, then by what no dual explains, which brings it into the span of the rows.
    """
    rows = basis.rows[basis.members]

    def margin_change(weights):
        return -basis.raise_margins(dot(rows, weights, -1.0)[0])

    def dual_change(dual):
        return -basis.represent(row_sum(rows, dual, -weights)[0])

    weights, dual = basis.tight_weights()
    weights = _repeated(margin_change, weights)
    dual = _repeated(dual_change, dual)
    surplus, _ = row_sum(rows, dual, -weights)
    change = -basis.represent(surplus)
    unexplained = surplus + change @ rows
    if np.linalg.norm(unexplained) <= _TRUSTED * np.linalg.norm(weights):
        weights, dual = weights + unexplained, dual + change
        weights = weights + margin_change(weights)
    return weights, dual


def _repeated(
    change: Callable[[np.ndarray], np.ndarray], value: Float[np.ndarray, " k"]
) -> Float[np.ndarray, " k"]:
    """Add the changes as long as each is less than half the one before."""
    last = np.inf
    for _ in range(_REFINEMENTS):
        step = change(value)
        size = float(np.linalg.norm(step))
        if size > last / 2:
            break
        value, last = value + step, size
        # a step of relative size s leaves s² behind
        if size <= np.sqrt(UNIT) * float(np.linalg.norm(value)):
            break
    return value
