"""What can be proved about weights and a dual, whoever made them.

The certificate reads the data, the weights W and a dual α ≥ 0, and nothing of the solver.  Every
statement below is about the exact solution Ŵ of

    minimize ½‖W‖_F²   subject to   A W ≥ 1     (every relative margin at least 1)

and holds for float64 inputs taken as exact numbers, all rounding included (barring underflow).

**The gap.**  With m a lower bound of the least margin, m > 0, F = W/m is feasible (weights far from
m = 1 are first divided by m and rounded).  With v = Aᵀα,
½‖F‖² − (Σα − ½‖v‖²) = ½‖F − v‖² + Σ α (u(F) − 1): no cancellation, both terms non-negative.  The
first form is an upper bound of ½‖F‖² − ½‖Ŵ‖² by weak duality, and ½‖F‖² − ½‖Ŵ‖² ≥ ½‖F − Ŵ‖² since
⟨Ŵ, F − Ŵ⟩ ≥ 0 at the optimum.  Hence ‖F − Ŵ‖/‖F‖ ≤ sqrt(relative gap), and
‖W − Ŵ‖ ≤ ‖F − Ŵ‖ + |1/m − 1| ‖W‖.

Where the active set is not proved, the same is done for W + δ with a small δ kept apart, whose
margins on the support are 1 to twice the digits: the gap of W itself cannot be smaller than its own
rounding.

**The margin.**  1/‖Ŵ‖ lies between m/‖W‖ and ‖v‖/Σα: any W' of norm 1 has
Σ α u(W') = ⟨v, W'⟩ ≤ ‖v‖, so its least margin is at most ‖v‖/Σα.

**The active set.**  Let S be the distinct rows with α > 0.  If A_S has full row rank, W_S = A_S⁺1
is the only point of the rows' span where all of S is tight, and W_S = A_Sᵀα_S for one α_S.  If
α_S > 0 and every other margin of W_S exceeds 1 then W_S = Ŵ, by the optimality conditions, and S is
the set of all active pairs (copies of a row in S are active with it).  The bounds for that:

- B = Q R⁻ᵀ from A_Sᵀ = Q R is nearly a right inverse.  With E = I − A_S B and ‖E‖ < 1, A_S has full
  row rank and ‖A_S⁺‖ ≤ κ := ‖B‖/(1 − ‖E‖), since 1 − ‖E‖ ≤ ‖Bᵀ A_Sᵀ z‖ ≤ ‖B‖ ‖A_Sᵀ z‖ for unit z.
- In the span: with r = 1 − A_S W, A_S⁺ r = P B r + A_S⁺ E r, so W_S and the projection P W are at
  most ‖B r‖ + κ ‖E‖ ‖r‖ apart.
- Across: ‖W − P W‖ ≤ ‖W − A_Sᵀ c‖ for every c; c = α + Bᵀ(W − v) is taken.
- The dual: A_Sᵀ(c − α_S) = q with ‖q‖ ≤ the sum of both distances, and c − α_S = Bᵀq + Eᵀ(c − α_S),
  so |c_j − α_Sj| ≤ (‖B_j‖ + κ ‖E‖) ‖q‖.

Then ‖W − Ŵ‖² ≤ (in the span)² + (across)², which is of the order of rounding where the gap's bound
is of the order of its square root.

Margins that matter are computed in doubled precision with their own bounds (`compensated`).  The
others carry |fl(u) − u| ≤ γ_{p+4} ‖a‖ ‖W‖ with ‖a‖ ≤ √2 ‖x‖, whatever the order of summation.
The bounds themselves are computed with a relative error far below 2⁻²⁰ and made larger by that
(`inflate`); the two bounds of the margin are sharp, and widened by their own operation count.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from marginflow._types import AnyArray
from marginflow.limits.compensated import UNIT, dot, gamma, inflate
from marginflow.limits.linear_algebra import least_squares
from marginflow.limits.pair_products import (
    PairValues,
    equal_rows,
    gather,
    pair_margins,
    pair_rows,
    row_norm_bounds,
    row_sum,
)
from marginflow.limits.right_inverse import RightInverse
from marginflow.limits.scaling import take_out_scale
from marginflow.limits.threads import fitting_threads
from marginflow.margins import LinearMarginMap, as_linear_map

_EXAMINED = 20_000  # pairs computed in doubled precision; with more, looser bounds serve
_CHUNK = 1024
_RESCALED = 1e-9  # weights whose least margin is further from 1 are scaled first
_PROVABLE_ENTRIES = 2**26  # of A_S, up to which the active set is worth the memory


@dataclass(frozen=True)
class MarginCertificate:
    """Proved bounds on weights as a solution of the max-margin problem, in the user's units.

    Attributes:
        least_margin: a lower bound of the least relative margin.
        relative_gap: an upper bound of the duality gap over ½‖F‖², F the weights made feasible;
            infinite where the weights do not separate.
        weights_error_bound: ‖W − Ŵ‖_F is at most this.
        margin_lower: the geometric margin 1/‖Ŵ‖_F is at least this.
        margin_upper: and at most this.
        active_set_proved: whether the pairs with positive dual, and copies of their rows, are
            proved to be exactly the pairs with margin 1 at Ŵ, with a positive dual there.
        dual_error_bound: with the active set proved, a bound on the error of each entry of the
            dual (for copies of one row: of their sum); else infinite.
    """

    least_margin: float
    relative_gap: float
    weights_error_bound: float
    margin_lower: float
    margin_upper: float
    active_set_proved: bool
    dual_error_bound: float


def certify_max_margin(data, weights: AnyArray, dual: AnyArray) -> MarginCertificate:
    """Prove how far weights are from the max-margin solution in the Frobenius norm.

    Nothing is assumed of the weights and the dual but their shapes; a worse pair gives looser
    bounds.  Negative entries of the dual count as zero.

    Args:
        data: a `Dataset`, a pair (features, labels), or a linear margin map.
        weights: (d, K), or (d,) in the binary map.
        dual: (n, K), or (n,) in the binary map: α ≥ 0 with Aᵀα near the weights.

    Returns:
        The proved bounds; the module's docstring derives them.

    Raises:
        ValueError: if a shape does not fit or an entry is not finite.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> from marginflow.limits import certify_max_margin
        >>> data = (np.array([[1.0, 0.0], [-1.0, 0.5]]), [1, 0])
        >>> proof = certify_max_margin(data, np.array([1.0, 0.0]), np.array([0.5, 0.5]))
        >>> proof.least_margin, round(proof.relative_gap, 6)
        (1.0, 0.0625)
    """
    maps = as_linear_map(data, "certify_max_margin")
    with fitting_threads(maps):
        return _certify(maps, weights, dual)


def _certify(maps: LinearMarginMap, weights: AnyArray, dual: AnyArray) -> MarginCertificate:
    scaled = take_out_scale(maps)
    weights = checked(weights, scaled.maps.weights_shape, "weights")
    shape = np.shape(scaled.maps.to_dual(np.zeros((scaled.maps.n_samples, scaled.maps.n_columns))))
    dual = checked(dual, shape, "dual")
    columns = np.maximum(scaled.maps.from_dual(scaled.dual_in(dual)), 0.0)
    found = _Evidence(scaled.maps, scaled.weights_in(weights), gather(columns)).certificate()
    exponent = scaled.exponent
    return MarginCertificate(
        least_margin=found.least_margin,
        relative_gap=found.relative_gap,
        weights_error_bound=float(np.ldexp(found.weights_error_bound, -exponent)),
        margin_lower=float(np.ldexp(found.margin_lower, exponent)),
        margin_upper=float(np.ldexp(found.margin_upper, exponent)),
        active_set_proved=found.active_set_proved,
        dual_error_bound=float(np.ldexp(found.dual_error_bound, -2 * exponent)),
    )


def least_slack(
    maps: LinearMarginMap,
    weights: Float[np.ndarray, "*shape"],
    margins: PairValues,
    radii: PairValues,
) -> float:
    """A lower bound of the least margin, minus 1.

    Args:
        maps: the margin map.
        weights: W.
        margins: of all pairs at W, as computed.
        radii: bounds on their errors.
    """
    near = np.flatnonzero(margins - radii <= (margins + radii).min())
    if len(near) > _EXAMINED:
        slack = float((margins - radii).min()) - 1.0
    else:
        values, errors = pair_margins(maps, near, weights, -1.0)
        slack = float((values - errors).min())
    return slack - 4.0 * UNIT * abs(slack)


class _Evidence:
    """What the data say of one pair (W, α), on features of magnitude at most 1."""

    def __init__(
        self, maps: LinearMarginMap, weights: Float[np.ndarray, "*shape"], dual: PairValues
    ):
        self.maps = maps
        self.norms = np.tile(row_norm_bounds(maps), maps.n_columns)
        self.support = np.flatnonzero(dual)
        self.dual = dual[self.support]
        self.rows = pair_rows(maps, self.support)
        self._look_at(weights)
        given, least = self.weights, 1.0 + self.slack
        self.least_margin = float(np.nextafter(least, -np.inf)) if self.slack else least
        if self.slack > -1.0 and abs(self.slack) > _RESCALED:
            self._look_at(weights / least)
        self.offset = inflate(float(np.linalg.norm(self.weights - given)))
        self.excess, self.excess_errors = dot(self.rows, self.weights, -1.0)
        self.surplus, self.surplus_errors = row_sum(self.rows, self.dual, -self.weights)

    def _look_at(self, weights: Float[np.ndarray, "*shape"]) -> None:
        self.weights = np.ravel(weights)
        self.size = float(np.linalg.norm(self.weights))
        self.margins = gather(self.maps.margins(weights))
        self.radii = inflate(gamma(self.weights.size + 4) * self.size * self.norms)
        self.slack = least_slack(self.maps, self.weights, self.margins, self.radii)

    def certificate(self) -> MarginCertificate:
        wider = 1.0 + 2.0 * gamma(self.weights.size + len(self.dual) + 16)
        upper, total = np.inf, float(self.dual.sum())
        if total > 0:
            image = self.weights + self.surplus
            upper = float(np.linalg.norm(image) + np.linalg.norm(self.surplus_errors))
            upper *= wider / total
        gap, bound, lower, proof = np.inf, np.inf, 0.0, None
        if self.slack > -1.0:
            lower = (1.0 + self.slack) / self.size / wider
            gap, bound = self._gap(self.slack, self.excess, self.excess_errors)
            if len(self.dual) and self.rows.size <= _PROVABLE_ENTRIES:
                proof = self._active_set()
                bound = min(bound, proof[0] if proof else self._shifted())
            bound += self.offset
        return MarginCertificate(
            least_margin=self.least_margin,
            relative_gap=gap,
            weights_error_bound=bound,
            margin_lower=lower,
            margin_upper=upper,
            active_set_proved=proof is not None,
            dual_error_bound=proof[1] if proof else np.inf,
        )

    def _gap(
        self,
        slack: float,
        excess: PairValues,
        errors: PairValues,
        shift: Float[np.ndarray, " p"] | float = 0.0,
    ) -> tuple[float, float]:
        """The relative gap of G = W + shift made feasible, and what it says about ‖W − Ŵ‖.

        With 1 + slack a lower bound of the least margin of G, F = G/(1 + slack) is feasible.

        Args:
            slack: as above.
            excess: the margins of G on the support, minus 1.
            errors: bounds on their errors.
            shift: kept apart from W.
        """
        moved = float(np.linalg.norm(shift))
        size, least = self.size + moved, 1.0 + slack
        stretch = abs(slack) / least * size
        rounding = UNIT * (float(np.linalg.norm(self.surplus)) + moved)
        rounding += float(np.linalg.norm(self.surplus_errors))
        distance = float(np.linalg.norm(self.surplus - shift)) + rounding + stretch
        above = np.maximum(excess - slack + inflate(errors + UNIT * np.abs(excess)), 0.0) / least
        twice = inflate(distance**2 + 2.0 * float(self.dual @ above))
        length = max(self.size - moved, 0.0) / least
        relative = inflate(inflate(twice / length**2)) if length > 0 else np.inf
        return relative, inflate(np.sqrt(twice) + stretch + moved)

    def _shifted(self) -> float:
        """A bound on ‖W − Ŵ‖ from the gap of weights that float64 cannot hold.

        Rounding W to float64 alone leaves a gap of the order of rounding, whose square root is the
        bound.  W + δ with δ the least change that makes the support tight, kept apart from W, has a
        far smaller gap, and δ is known.
        """
        shift = least_squares(self.rows, -self.excess)
        radii = self.radii + self.norms * np.linalg.norm(shift) + 4.0 * UNIT * np.abs(self.margins)
        near = np.flatnonzero(self.margins - 1.0 <= inflate(radii))
        if len(near) > _EXAMINED or not np.all(np.isfinite(shift)):
            return np.inf
        slack, both = 0.0, np.concatenate([self.weights, shift])
        for part in np.array_split(near, 1 + len(near) // _CHUNK):
            values, errors = dot(np.tile(pair_rows(self.maps, part), 2), both, -1.0)
            slack = min(slack, float((values - errors).min(initial=0.0)))
        slack *= 1.0 + 4.0 * UNIT
        if slack <= -0.5:
            return np.inf
        return self._gap(slack, *dot(np.tile(self.rows, 2), both, -1.0), shift)[1]

    def _active_set(self) -> tuple[float, float] | None:
        """Bounds on ‖W − Ŵ‖ and on the dual's error if the support is proved, else None."""
        first, copies, counts = equal_rows(self.rows)
        rows = self.rows[first]
        inverse = RightInverse.of(rows)
        if inverse is None:
            return None
        dual = np.bincount(copies, weights=self.dual)
        summing = np.where(counts > 1, gamma(int(counts.max())) * dual, 0.0)
        within = inverse.shift(self.excess[first], self.excess_errors[first])
        correction = -(inverse.matrix.T @ self.surplus)
        rounding = gamma(len(rows) + 2) * np.abs(correction) + summing
        across = float(
            np.linalg.norm(self.surplus + correction @ rows)
            + np.linalg.norm(self.surplus_errors + UNIT * np.abs(self.surplus))
            + np.linalg.norm(rounding @ np.abs(rows))
        )
        bound = inflate(np.hypot(within, across))
        dual_errors = inflate(inverse.dual_shifts(within + across))
        if not np.all((dual + correction) * (1.0 - 2.0**-20) > dual_errors):
            return None
        if not self._others_are_slack(bound, {row.tobytes() for row in rows + 0.0}):
            return None
        return bound, inflate(float((dual_errors + np.abs(correction) + summing).max()))

    def _others_are_slack(self, bound: float, active_rows: set[bytes]) -> bool:
        """Whether every pair but copies of the active rows has margin above 1 at Ŵ."""
        radii = self.radii + self.norms * bound + 4.0 * UNIT * np.abs(self.margins)
        close = self.margins - 1.0 <= inflate(radii)
        close[self.support] = False
        near = np.flatnonzero(close)
        if len(near) > _EXAMINED:
            return False
        values, errors = pair_margins(self.maps, near, self.weights, -1.0)
        undecided = near[values <= inflate(errors + self.norms[near] * bound)]
        rows = pair_rows(self.maps, undecided) + 0.0
        return all(row.tobytes() in active_rows for row in rows)


def checked(values: AnyArray, shape: tuple[int, ...], what: str) -> np.ndarray:
    """The values as finite float64 numbers of this shape."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(
            f"{what} must have the shape {shape} for these data, got {array.shape}; pass what "
            "max_margin returned for the same data and the same map."
        )
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{what} must be finite; found infinite or NaN entries.")
    return array
