"""How far apart weights of nearly the best margin can be.

Balls with corners and flat sides leave the weights of largest margin a whole face to lie in, and
nearly flat ones a wide valley: in the max-norm weights may have 99.996 % of the best margin and
point 5° elsewhere.  A direction error says little there.  `optimal_face` measures the set

    {W : ‖W‖ ≤ 1, every margin at least share · γ}        γ the best margin,

from inside by probes, the weights farthest along random directions and then along what those
found, and from outside by the box of the largest and the least value of every coordinate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import sparse

from marginflow._results import NotConvergedError, Result, Status
from marginflow.limits.conic_ball import Cones, clarabel, unit_ball
from marginflow.limits.max_margin import max_margin
from marginflow.limits.max_margin_result import MaxMargin
from marginflow.limits.norm_certificate import weights_error
from marginflow.limits.pair_products import Pairs, gather, pair_rows
from marginflow.limits.scaling import take_out_scale
from marginflow.limits.threads import fitting_threads
from marginflow.limits.working_set import worst_pairs
from marginflow.margins import LinearMarginMap, as_linear_map
from marginflow.norms import Norm, as_norm
from marginflow.norms.norm import as_matrix

_REFINED = 3  # times the direction between the two ends found is probed itself
_VIOLATED = 1e-9  # of a margin of 1, beyond which a pair joins the working set
_ROUNDS = 50
_BOXED = 100  # weights up to which the box is made
# The features are scaled already; scaling the blocks of a semidefinite ball loses digits.
_ATTEMPTS = ({"equilibrate_enable": False}, {}, {"max_step_fraction": 0.9})


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class OptimalFace(Result):
    """How far apart weights with at least a share of the best margin can be.

    Attributes:
        norm: the name of the norm.
        share: of the best margin.
        unique: whether the weights of the best margin itself are proved to be unique, as in a
            curved norm, or at a vertex of the max-norm or the 1-norm; None where a face is not
            excluded.
        extent_lower: in degrees; two weights of the set are at least so far apart.
        extent_upper: in degrees; no two are farther.  None where no box was made.
        ends: the two weights that are `extent_lower` apart, of norm 1.
    """

    norm: str
    share: float
    unique: bool | None
    extent_lower: float
    extent_upper: float | None
    ends: tuple[np.ndarray, np.ndarray]


def optimal_face(
    data: Any,
    norm: Any = None,
    *,
    share: float = 1.0 - 1e-6,
    probes: int = 8,
    box: bool | None = None,
    seed: int = 0,
    limit: MaxMargin | None = None,
) -> OptimalFace:
    """Measure the set of weights with at least a share of the best margin.

    Args:
        data: a `Dataset`, a pair (features, labels), or a linear margin map.
        norm: "max", "l1", "spectral", "nuclear", "class_l2", "feature_l2" and the sums of lengths
            "class_l2_sum", "feature_l2_sum"; or a curved one, which is bounded from outside by its
            curvature and not probed.  By default that of `limit`, or "max".
        share: in (0, 1), of the best margin; the nearer to 1, the nearer to the face itself.
        probes: random directions to look along.
        box: whether to bound the set by the extents of its coordinates, two programs each; by
            default up to 100 weights.
        seed: of the directions.
        limit: the data's `max_margin` in that norm, where it is at hand.

    Returns:
        An `OptimalFace`.  Its ends have the share, up to rounding; the extent from outside is right
        to the tolerance of the conic solver, about 1e-8 of the weights.

    Raises:
        NotSeparableError: if nothing separates the data.
        NotConvergedError: if the conic solver fails.
        ValueError: if an argument is out of range.

    Example:
        One feature alone decides; in the max-norm the other is free.

        >>> import marginflow as mf
        >>> data = ([[1.0, 0.0], [-1.0, 0.0]], [1, 0])
        >>> face = mf.optimal_face(data, "max")
        >>> round(face.extent_lower, 2), face.unique
        (90.0, None)
        >>> round(mf.optimal_face(data, "l1").extent_upper, 2) < 0.01
        True
    """
    maps = as_linear_map(data, "optimal_face")
    norm = _asked(norm, limit)
    if not 0 < share < 1:
        raise ValueError(f"share: expected a number between 0 and 1, got {share!r}.")
    if probes < 1:
        raise ValueError(f"probes: expected at least 1, got {probes!r}.")
    limit = max_margin(maps, norm) if limit is None else limit
    if limit.norm != norm.name:
        raise ValueError(f"limit: expected one in the norm {norm.name!r}, got {limit.norm!r}.")
    plain = norm.of_vectors() if len(maps.weights_shape) == 1 else norm
    if 1 < plain.p < math.inf:
        return _curved(maps, plain, limit, share)
    with fitting_threads(maps):
        ends = _Face(maps, limit, share)
        pair = _farthest(ends, np.random.default_rng(seed), probes)
        size = math.prod(maps.weights_shape)
        upper = ends.box(pair) if box or (box is None and size <= _BOXED) else None
    lower = _angle(*pair)
    words = f"weights with {share:.8g} of the best {norm.name} margin are up to {lower:.3g}° apart"
    words += "." if upper is None else f", and no more than {upper:.3g}°."
    return OptimalFace(
        status=Status.DONE,
        message=words,
        statistics={"programs": ends.programs, "working_set": len(ends.pairs)},
        norm=norm.name,
        share=share,
        unique=None if limit.weights_error_bound is None else True,
        extent_lower=lower,
        extent_upper=upper,
        ends=pair,
    )


def _asked(norm: Any, limit: MaxMargin | None) -> Norm:
    if norm is None:
        return as_norm("max" if limit is None else limit.norm)
    return as_norm(norm)


def _curved(maps: LinearMarginMap, norm: Norm, limit: MaxMargin, share: float) -> OptimalFace:
    """In a curved norm: the weights are unique, and what has the share is near them."""
    assert limit.weights_error_bound is not None
    unit = limit.weights / float(norm(limit.weights))
    least = share * limit.margin_lower
    away = weights_error(norm, maps.weights_shape, least, 1.0 - least / limit.margin_upper)
    size = float(np.linalg.norm(limit.weights)) - limit.weights_error_bound
    ratio = 1.0 if away is None or not size > 0 else min(away / size, 1.0)
    upper = 2.0 * math.degrees(math.asin(ratio))
    return OptimalFace(
        status=Status.DONE,
        message=(
            f"the norm {limit.norm} is curved: the weights of the best margin are unique, and "
            f"those with {share:.8g} of it are no more than {upper:.2g}° apart."
        ),
        norm=limit.norm,
        share=share,
        unique=True,
        extent_lower=0.0,
        extent_upper=upper,
        ends=(unit, unit),
    )


class _Face:
    """The set of weights, in features of magnitude at most 1, and the programs over it."""

    def __init__(self, maps: LinearMarginMap, limit: MaxMargin, share: float):
        scaled = take_out_scale(maps)
        self.maps = scaled.maps
        norm = as_norm(limit.norm)
        self.norm = norm = norm.of_vectors() if len(maps.weights_shape) == 1 else norm
        weights = scaled.weights_in(limit.weights)
        self.unit = weights / float(norm(weights))
        self.least = share * float(np.ldexp(limit.margin_lower, -scaled.exponent))
        table = np.shape(as_matrix(self.unit))
        self.ball: Cones = unit_ball(norm, (table[0], table[1]))
        margins = gather(self.maps.margins(self.unit))
        self.best = float(margins.min())
        self.pairs: Pairs = worst_pairs(self.maps, margins, np.arange(len(margins)))
        self.programs = 0

    def farthest(
        self, direction: Float[np.ndarray, "*shape"]
    ) -> tuple[Float[np.ndarray, "*shape"], float]:
        """The weights of the set that are farthest along a direction, and how far any can be.

        The latter is the dual's value over the direction's length, a bound from outside.
        """
        for _ in range(_ROUNDS):
            weights, reach = self._solve(direction)
            margins = gather(self.maps.margins(weights))
            violated = np.flatnonzero(margins < self.least * (1.0 - _VIOLATED))
            fresh = np.setdiff1d(worst_pairs(self.maps, margins, violated), self.pairs)
            if not len(fresh):
                return self._inside(weights), reach
            self.pairs = np.union1d(self.pairs, fresh)
        raise NotConvergedError(f"optimal_face: margins are still violated after {_ROUNDS} rounds.")

    def box(self, inside: Sequence[np.ndarray]) -> float:
        """The largest angle in the smallest box around the set, in degrees.

        Args:
            inside: weights that the box contains whatever the solver's tolerance.
        """
        known = np.stack([np.ravel(weights) for weights in inside])
        ends = np.stack([known.min(axis=0), known.max(axis=0)])
        for place in range(self.unit.size):
            direction = np.zeros(self.unit.size)
            direction[place] = 1.0
            along = direction.reshape(self.unit.shape)
            ends[0, place] = min(ends[0, place], -self.farthest(-along)[1])
            ends[1, place] = max(ends[1, place], self.farthest(along)[1])
        return box_angle(*ends)

    def _inside(self, weights: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Weights that the solver's tolerance left outside, drawn towards the best ones."""
        weights = weights / max(float(self.norm(weights)), 1.0)
        least = float(np.min(self.maps.margins(weights)))
        if least >= self.least:
            return weights
        back = (self.least - least) / (self.best - least)
        return (1.0 - back) * weights + back * self.unit

    def _solve(
        self, direction: Float[np.ndarray, "*shape"]
    ) -> tuple[Float[np.ndarray, "*shape"], float]:
        self.programs += 1
        rows = pair_rows(self.maps, self.pairs)
        lengths = np.linalg.norm(rows, axis=1)
        rows = rows / lengths[:, None]  # a tolerance of the solver is then one of the weights
        more = self.ball.variables - rows.shape[1]
        margins = sparse.hstack([sparse.csr_matrix(-rows), sparse.csr_matrix((len(rows), more))])
        matrix = sparse.vstack([margins, self.ball.matrix]).tocsc()
        right = np.append(-self.least / lengths, self.ball.right)
        along = np.append(-np.ravel(direction) / np.linalg.norm(direction), np.zeros(more))
        cones = [clarabel.NonnegativeConeT(len(rows)), *self.ball.cones]
        found = _conic(along, matrix, right, cones)
        reach = max(-float(found.obj_val), -float(found.obj_val_dual))
        return np.asarray(found.x)[: rows.shape[1]].reshape(self.unit.shape), reach


def _conic(along: np.ndarray, matrix: Any, right: np.ndarray, cones: list[Any]) -> Any:
    """The solution of a conic program, or what comes nearest to it.

    Raises:
        NotConvergedError: if the solver fails with all settings.
    """
    empty = sparse.csc_matrix((len(along), len(along)))
    almost, ended = None, ""
    for attempt in _ATTEMPTS:
        settings = clarabel.DefaultSettings()
        settings.verbose, settings.max_threads = False, 1
        for name, value in attempt.items():
            setattr(settings, name, value)
        found = clarabel.DefaultSolver(empty, along, matrix, right, cones, settings).solve()
        ended = str(found.status)
        if ended == "Solved":
            return found
        if ended == "AlmostSolved" and almost is None:
            almost = found
    if almost is None:
        raise NotConvergedError(
            f"optimal_face: the conic solver ended with {ended}; a smaller share leaves it more "
            "room."
        )
    return almost


def box_angle(low: Float[np.ndarray, " p"], high: Float[np.ndarray, " p"]) -> float:
    """No two points of a box are farther apart than this, in degrees.

    A point c + e of the box has a part along c of at least ‖c‖ − Σ|c_j| h_j/‖c‖, with c the center
    and h the half widths, and a part across it of at most ‖h‖.

    Example:
        >>> import numpy as np
        >>> round(box_angle(np.array([1.0, -1.0]), np.array([1.0, 1.0])), 6)
        90.0
    """
    center, half = (low + high) / 2.0, (high - low) / 2.0
    length, across = float(np.linalg.norm(center)), float(np.linalg.norm(half))
    along = length - float(np.abs(center) @ half) / length if length else 0.0
    from_center = math.atan2(across, along)
    if across < length:
        from_center = min(from_center, math.asin(across / length))
    return min(2.0 * math.degrees(from_center), 180.0)


def _farthest(face: _Face, rng: np.random.Generator, probes: int) -> tuple[np.ndarray, np.ndarray]:
    """The two weights farthest apart that probing finds."""
    found = [face.unit]
    for _ in range(probes):
        direction = rng.standard_normal(face.unit.shape)
        found += [face.farthest(direction)[0], face.farthest(-direction)[0]]
    pair = _widest(found)
    for _ in range(_REFINED):
        between = pair[1] - pair[0]
        if not np.any(between):
            break
        pair = _widest([*pair, face.farthest(between)[0], face.farthest(-between)[0]])
    return pair


def _widest(found: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    units = np.stack([np.ravel(w) / np.linalg.norm(w) for w in found])
    first, second = np.unravel_index(np.argmin(units @ units.T), (len(found), len(found)))
    return found[int(first)], found[int(second)]


def _angle(left: np.ndarray, right: np.ndarray) -> float:
    """In degrees, from the distance of the unit vectors."""
    units = [np.ravel(w) / np.linalg.norm(w) for w in (left, right)]
    return math.degrees(2.0 * math.asin(min(float(np.linalg.norm(units[0] - units[1])) / 2.0, 1.0)))
