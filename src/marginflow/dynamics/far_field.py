"""The far tail: what is left of training once every margin is large.

When every margin exceeds about 40/a, the slopes of a loss with an exponential tail are c e^(−a u)
to float64's last bit.  With Ŵ the max-margin weights and W = (Ŵ/a) s + ρ,

    dρ/ds = Σ_p A_p c h e^(s (1 − û_p) − a A_p ρ) − Ŵ/a,   û = A Ŵ,

where the sum runs over the pairs p = (sample, other class).  Support pairs have û_p = 1, so log
time drops out of them; the pull of any other pair dies as e^(−(û_p − 1) s).  A few hundred pairs
are left of many thousand, in the few dimensions that they span, whatever the loss was.  Integrating
ρ and not W keeps its digits however large s becomes.
"""

from dataclasses import dataclass, replace

import numpy as np

from marginflow.dynamics.crowded_field import CrowdedField
from marginflow.limits import MaxMargin
from marginflow.limits.linear_algebra import row_basis
from marginflow.limits.threads import fitting_threads
from marginflow.losses import Tail
from marginflow.margins import LinearMarginMap

# Pairs whose pull is e to this of a support pair's are left out; each omission is checked at the
# stage's end.
NEGLIGIBLE = -45.0
# A support pair whose pull is below e to this of the strongest has a zero dual: it fades as 1/s.
WEAK = -12.0


class FarField:
    """The residual's velocity over all pairs, and its reduction to those that still pull.

    Args:
        margin_map: the data.
        limit: the certified max-margin weights and their support.
        tail: an exponential tail.
        log_step: log h, the effective step of discrete descent; 0 for the flow.
    """

    def __init__(
        self, margin_map: LinearMarginMap, limit: MaxMargin, tail: Tail, log_step: float = 0.0
    ):
        assert tail.rate is not None
        assert tail.log_constant is not None
        self.margin_map, self.rate = margin_map, tail.rate
        self.log_pull = tail.log_constant + log_step
        # of the strongest support pair in the end
        self.log_unit = np.log(limit.dual.max() / tail.rate)
        self.support = _support_mask(margin_map, limit)
        samples, columns = np.nonzero(self.support)
        with fitting_threads(margin_map):
            basis = row_basis(np.asarray(margin_map.pair_rows(samples, columns)))
        direction = basis @ (basis.T @ limit.weights.ravel())
        self.drift = direction / tail.rate
        margins = margin_map.margins(direction.reshape(margin_map.weights_shape))
        # a support pair is at margin 1 by definition: any rounding here would grow with log time
        self.slack = np.where(self.support, 0.0, np.maximum(margins - 1.0, 0.0))

    def weights(self, log_time: float, residual: np.ndarray) -> np.ndarray:
        """W = (Ŵ/a) s + ρ, flat."""
        return self.drift * log_time + residual

    def residual(self, log_time: float, weights: np.ndarray) -> np.ndarray:
        """ρ = W − (Ŵ/a) s, flat."""
        return weights - self.drift * log_time

    def log_pulls(self, log_time: float, residual: np.ndarray) -> np.ndarray:
        """The log of t h |slope| for every pair, (n, K−1), in units of the strongest in the end."""
        offset = self.log_pull - self.rate * self._margins(residual)
        return offset - log_time * self.slack - self.log_unit

    def _margins(self, residual: np.ndarray) -> np.ndarray:
        return np.asarray(self.margin_map.margins(residual.reshape(self.margin_map.weights_shape)))

    def reduce(
        self,
        log_time: float,
        residual: np.ndarray,
        threshold: float,
        previous: "ReducedField | CrowdedField | None" = None,
    ) -> "ReducedField | CrowdedField":
        """The field of the support and of the pairs whose log pull exceeds the threshold.

        The `previous` reduction is used again, at its place, where it holds little more.
        """
        offset = self.log_pull - self.rate * self._margins(residual)
        kept = self.support | (offset - log_time * self.slack > threshold)
        weak = self.support & (offset < offset[self.support].max() + WEAK)
        if isinstance(previous, ReducedField) and previous.serves(kept, weak):
            return replace(previous, origin=residual, offset=offset[previous.kept])
        if np.sum(kept) > 2 * max(residual.size, np.sum(self.support)):
            return self._crowded(kept, residual, offset)
        rows = np.asarray(self.margin_map.pair_rows(*np.nonzero(kept)))
        strong = (self.support & ~weak if weak.any() else kept)[kept]
        basis, coordinates, drift = self._coordinates(rows, strong)
        return ReducedField(
            kept=kept,
            weak=weak,
            basis=basis,
            origin=residual,
            rows=coordinates,
            offset=offset[kept],
            slack=self.slack[kept],
            drift=drift,
            rate=self.rate,
        )

    def _crowded(self, kept: np.ndarray, residual: np.ndarray, offset: np.ndarray) -> CrowdedField:
        samples = np.flatnonzero(kept.any(axis=1))
        return CrowdedField(
            kept=kept,
            margin_map=self.margin_map.take(samples),
            origin=residual,
            offset=np.where(kept, offset, -np.inf)[samples],
            slack=self.slack[samples],
            drift=self.drift,
            rate=self.rate,
        )

    def _coordinates(
        self, rows: np.ndarray, strong: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """An orthonormal basis of the span of the rows, the rows in it, and the drift.

        The span of the strong rows comes first, and they are exactly zero along the rest, as is a
        drift that is zero but for rounding: the rounding of pulls of order one would drown a motion
        there that is as slow as 1/s.
        """
        first, others = row_basis(rows[strong]), rows[~strong]
        if len(others) == 0:
            return first, rows @ first, first.T @ self.drift
        for _ in range(2):
            others = others - (others @ first) @ first.T
        rounding = np.linalg.norm(rows) * np.finfo(float).eps * max(rows.shape)
        basis = np.hstack([first, row_basis(others, least=rounding)])
        coordinates, drift = rows @ basis, basis.T @ self.drift
        rest = np.arange(basis.shape[1]) >= first.shape[1]
        coordinates[np.ix_(strong, rest)] = 0.0
        drift[rest & (np.abs(drift) < 1e-14 * np.linalg.norm(drift))] = 0.0
        return basis, coordinates, drift


@dataclass(frozen=True)
class ReducedField:
    """dz/ds for the residual ρ = origin + basis·z, over the pairs that still pull.

    The origin is the residual at the start, where z = 0: the rounding of a large residual is then
    the same at every step.  Noise in it would make the integrator's steps small without end.
    """

    kept: np.ndarray
    weak: np.ndarray
    basis: np.ndarray
    origin: np.ndarray
    rows: np.ndarray
    offset: np.ndarray
    slack: np.ndarray
    drift: np.ndarray
    rate: float

    def serves(self, kept: np.ndarray, weak: np.ndarray) -> bool:
        """Whether these pairs are held, with little more; the support alone is held alone."""
        if np.any(kept & ~self.kept) or not np.array_equal(weak, self.weak):
            return False
        if np.array_equal(kept, self.kept):
            return True
        return bool(np.sum(kept) > max(0.8 * np.sum(self.kept), np.sum(self.slack == 0)))

    @property
    def start(self) -> np.ndarray:
        """The coordinates at the start, z = 0."""
        return np.zeros(self.basis.shape[1])

    def pulls(self, log_time: float, coordinates: np.ndarray) -> np.ndarray:
        """The pull t h |slope| of every kept pair."""
        exponent = self.offset - self.rate * (self.rows @ coordinates) - log_time * self.slack
        return np.exp(np.minimum(exponent, 700.0))

    def velocity(self, log_time: float, coordinates: np.ndarray) -> np.ndarray:
        """dz/ds."""
        return self.rows.T @ self.pulls(log_time, coordinates) - self.drift

    def jacobian(self, log_time: float, coordinates: np.ndarray) -> np.ndarray:
        """∂(dz/ds)/∂z, negative semidefinite."""
        scaled = self.rows * np.sqrt(self.pulls(log_time, coordinates))[:, None]
        return -self.rate * (scaled.T @ scaled)

    def is_thinned(self, log_time: float, coordinates: np.ndarray) -> bool:
        """Whether a smaller field would do before the stage ends: not worth a new start here."""
        return False

    def standstill(
        self, log_time: float, coordinates: np.ndarray, atol: float
    ) -> np.ndarray | None:
        """The point at which the support's pull balances the drift, if it is within atol.

        None as long as any other pair pulls, or the way there is longer; a velocity that vanishes
        to rounding counts as being there.
        """
        pulls, others = self.pulls(log_time, coordinates), self.slack > 0
        if others.any() and pulls[others].max() > np.exp(NEGLIGIBLE) * pulls[~others].max():
            return None
        point = coordinates
        for _ in range(20):
            pulls = self.pulls(log_time, point)
            velocity = self.rows.T @ pulls - self.drift
            if np.all(np.abs(velocity) <= 1e-14 * (np.abs(self.rows).T @ pulls)):
                return point
            point = point - _graded_solution(self.jacobian(log_time, point), velocity)
            if not np.linalg.norm(point - coordinates) <= atol:
                return None
        return point

    def residual(self, coordinates: np.ndarray) -> np.ndarray:
        """ρ of the coordinates z."""
        return self.origin + self.basis @ coordinates


def _graded_solution(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The solution of a symmetric system whose coordinates may be of very different size."""
    scale = np.sqrt(np.maximum(np.abs(np.diag(matrix)), np.finfo(float).tiny))
    scaled = matrix / scale / scale[:, None]
    return np.linalg.lstsq(scaled, right / scale, rcond=None)[0] / scale


def _support_mask(margin_map: LinearMarginMap, limit: MaxMargin) -> np.ndarray:
    mask = np.zeros((margin_map.n_samples, margin_map.n_classes), dtype=bool)
    mask[limit.support[:, 0], limit.support[:, 1]] = True
    own = mask[np.arange(len(mask)), margin_map.labels]
    assert not own.any()
    before = np.arange(margin_map.n_columns) < margin_map.labels[:, None]
    return np.where(before, mask[:, :-1], mask[:, 1:])
