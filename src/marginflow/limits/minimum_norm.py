"""The minimum-norm interpolator: the shortest weights that give every margin a set value.

In more dimensions than samples the equations u_ik(W) = t_i have many solutions, and gradient
descent on the squared loss from zero finds the shortest one.  The scores it gives are
t_i (e_{y_i} − 1/K) for K classes and y_i t_i for two, so that W = X⁺T for the n × K matrix T of
these scores: one QR factorization of the features serves all classes.  X = RᵀQᵀ is used, never the
Gram matrix XXᵀ, which would leave half the digits.

The proof needs no trust in the solution.  With B near a right inverse of X (`right_inverse`), the
residual R = T − X W and any C with XᵀC near W,

- in the span of the samples, W is off by at most ‖B R‖ + κ ‖I − X B‖ ‖R‖;
- beside it, by at most ‖W − XᵀC‖;
- each column of C is off from (XXᵀ)⁻¹T by what X⁺ makes of both.

Residuals are computed in doubled precision.  For K classes all this is done for K T, which has
integer entries where the targets are 1, and divided by K at the end.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from marginflow._results import Result, Status
from marginflow.data import DataError
from marginflow.limits.compensated import UNIT, dot, gamma, inflate, two_product
from marginflow.limits.linear_algebra import thin_qr
from marginflow.limits.pair_products import row_sum
from marginflow.limits.right_inverse import RightInverse
from marginflow.limits.scaling import take_out_scale
from marginflow.limits.threads import fitting_threads
from marginflow.margins import LinearMarginMap, as_linear_map

_REFINEMENTS = 2


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class MinimumNormInterpolator(Result):
    """The minimum-norm interpolator W* of a data set, as computed (W) and what is proved about it.

    Attributes:
        weights: W (d, K), or (d,) in the binary map.
        dual: α = K⁻¹t, K = A Aᵀ, with Aᵀα = W: (n, K), zero at the own class, or (n,) in the binary
            map.  Its signs are free.
        residual: every |u_ik(W) − t_i| is at most this.
        row_space_distance: the distance of W from the span of the samples is at most this.
        weights_error_bound: ‖W − W*‖_F is at most this.
        dual_errors: a bound on the error of each entry of the dual, in its shape.
        least_singular_value: a proved lower bound of the least singular value of the features.
        condition: their condition number, as computed.
    """

    weights: Float[np.ndarray, "*shape"]
    dual: Float[np.ndarray, "*dual"]
    residual: float
    row_space_distance: float
    weights_error_bound: float
    dual_errors: Float[np.ndarray, "*dual"]
    least_singular_value: float
    condition: float


def minimum_norm_interpolator(data: Any, targets: Any = None) -> MinimumNormInterpolator:
    """The weights of least norm with every relative margin equal to its target, with a certificate.

    W* = argmin ‖W‖_F subject to u_ik(W) = t_i for every sample i and other class k; for two
    classes, y_i x_i·w = t_i.  It is where gradient descent on the squared loss ends from zero.

    Args:
        data: a `Dataset`, a pair (features, labels), or a linear margin map; the samples must be
            linearly independent, so d ≥ n.
        targets: (n,) the margins t of the samples; ones by default.

    Returns:
        The weights, their dual, and the bounds.

    Raises:
        DataError: if the samples are linearly dependent, or so near to it that float64 cannot tell.
        ValueError: if the targets do not fit or are not finite.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> data = (np.array([[1.0, 1.0, 0.0], [0.0, 0.0, -2.0]]), [1, 0])
        >>> found = mf.minimum_norm_interpolator(data)
        >>> found.weights, found.dual
        (array([0.5, 0.5, 0.5]), array([0.5 , 0.25]))

    Source: for two classes, e.g. Hsu, Muthukumar & Xu 2021, arXiv 2009.10670.  For K classes it is
    the minimum-norm interpolator of the simplex labels e_y − 1/K.
    """
    maps = as_linear_map(data, "minimum_norm_interpolator")
    wanted = np.ones(maps.n_samples) if targets is None else np.asarray(targets, dtype=np.float64)
    if wanted.shape != (maps.n_samples,):
        raise ValueError(
            f"targets must have one margin a sample, ({maps.n_samples},), got {wanted.shape}."
        )
    if not np.all(np.isfinite(wanted)):
        raise ValueError("targets must be finite; found infinite or NaN entries.")
    with fitting_threads(maps):
        return _interpolate(maps, wanted)


class _Scores(NamedTuple):
    """What a margin map's weights are to give as scores, times a divisor that makes it integer."""

    values: Float[np.ndarray, "n k"]
    errors: Float[np.ndarray, "n k"]
    divisor: int

    @classmethod
    def of(cls, maps: LinearMarginMap, targets: Float[np.ndarray, " n"]) -> "_Scores":
        """T of targets t; y_i t_i in the binary map, else K t_i (e_y − 1/K)."""
        own = np.asarray(maps.labels)
        if _is_binary(maps):
            values = np.where(own == 1, targets, -targets)[:, None]
            return cls(values, np.zeros_like(values), 1)
        others, count = np.arange(maps.n_classes) != own[:, None], maps.n_classes
        above, error = two_product(targets, float(count - 1))
        values = np.where(others, -targets[:, None], above[:, None])
        return cls(values, np.where(others, 0.0, np.abs(error)[:, None]), count)


def _is_binary(maps: LinearMarginMap) -> bool:
    return len(maps.weights_shape) == 1


def _interpolate(
    maps: LinearMarginMap, targets: Float[np.ndarray, " n"]
) -> MinimumNormInterpolator:
    scaled = take_out_scale(maps)
    rows = np.ascontiguousarray(np.asarray(scaled.maps.features))
    inverse, singular = _inverted(rows, scaled.exponent)
    scores = _Scores.of(maps, targets)
    columns = [
        _Column(rows, inverse, values, errors)
        for values, errors in zip(scores.values.T, scores.errors.T, strict=True)
    ]
    weights = np.stack([column.weights for column in columns], axis=1) / scores.divisor
    rounding = 0.0 if scores.divisor == 1 else UNIT * float(np.linalg.norm(weights))

    def total(parts: list[float]) -> float:
        return inflate(math.hypot(*parts) / scores.divisor + rounding)

    dual = np.stack([column.dual for column in columns], axis=1) / scores.divisor
    errors = np.stack([column.dual_errors for column in columns], axis=1) / scores.divisor
    errors = inflate(errors + UNIT * np.abs(dual))
    own = np.asarray(maps.labels)
    if _is_binary(maps):
        weights, errors = weights[:, 0], errors[:, 0]
        dual = np.where(own == 1, dual[:, 0], -dual[:, 0])
    else:
        others = np.arange(maps.n_classes) != own[:, None]
        dual, errors = np.where(others, -dual, 0.0), np.where(others, errors, 0.0)
    off = np.stack([column.off for column in columns], axis=1)
    worst = (np.sort(off, axis=1)[:, -2:].sum(axis=1) / scores.divisor).max()
    worst += math.sqrt(2.0) * float(np.linalg.norm(rows, axis=1).max()) * rounding
    residual, condition = inflate(float(worst)), float(singular[0] / singular[-1])
    message = f"every margin is its target to {residual:.1e}, condition {condition:.3g}."
    return MinimumNormInterpolator(
        status=Status.DONE,
        message=message,
        weights=scaled.weights_out(weights),
        dual=scaled.dual_out(dual),
        residual=residual,
        row_space_distance=math.ldexp(
            total([column.across for column in columns]), -scaled.exponent
        ),
        weights_error_bound=math.ldexp(
            total([math.hypot(column.within, column.across) for column in columns]),
            -scaled.exponent,
        ),
        dual_errors=np.ldexp(errors, -2 * scaled.exponent),
        least_singular_value=math.ldexp(_least_singular_value(inverse), scaled.exponent),
        condition=condition,
    )


def _inverted(
    rows: Float[np.ndarray, "n d"], exponent: int
) -> tuple[RightInverse, Float[np.ndarray, " n"]]:
    """A right inverse of the features, and their singular values; an error if there is none."""
    count, size = rows.shape
    singular = np.linalg.svd(thin_qr(rows.T)[1], compute_uv=False)
    inverse = RightInverse.of(rows)
    if inverse is not None:
        return inverse, singular
    if count > size:
        raise DataError(
            "the minimum-norm interpolator expects linearly independent samples, got "
            f"{count} samples of {size} features, which always depend on each other; use at least "
            "as many features as samples."
        )
    raise DataError(
        "the minimum-norm interpolator expects linearly independent samples, got features whose "
        f"least singular value is {math.ldexp(float(singular[-1]), exponent):.2g} beside a largest "
        f"of {math.ldexp(float(singular[0]), exponent):.2g}; leave out repeated or dependent "
        "samples, or add features."
    )


def _least_singular_value(inverse: RightInverse) -> float:
    """A lower bound: (1 − ‖I − X B‖)/‖B‖.

    With the computed eigenvectors V of BᵀB, whatever they are,
    ‖B‖² ≤ ‖VᵀBᵀB V‖/(1 − ‖I − VᵀV‖), and the first of these is diagonal but for rounding.
    """
    size, count = inverse.matrix.shape
    gram = inverse.matrix.T @ inverse.matrix
    vectors = np.linalg.eigh(gram)[1]
    turned = float(np.abs(vectors.T @ gram @ vectors).sum(axis=1).max())
    tilt = float(np.linalg.norm(np.eye(count) - vectors.T @ vectors))
    rounding = gamma(2 * (size + 2 * count + 8)) * count
    square = turned + rounding * math.sqrt(count) * float(np.linalg.norm(inverse.matrix)) ** 2
    return (1.0 - inverse.defect) / inflate(math.sqrt(square / (1.0 - tilt - rounding)))


class _Column:
    """The shortest w with X w = t for one column of scores, with bounds on all of it.

    Attributes:
        weights: w (d,).
        dual: c (n,) with Xᵀc = w.
        off: bounds of |X w − t| by sample.
        within: a bound on the error of w in the span of the samples.
        across: and beside it.
        dual_errors: bounds on the errors of c.
    """

    def __init__(
        self,
        rows: Float[np.ndarray, "n d"],
        inverse: RightInverse,
        scores: Float[np.ndarray, " n"],
        errors: Float[np.ndarray, " n"],
    ):
        weights = inverse.matrix @ scores
        for _ in range(_REFINEMENTS):
            weights = weights - inverse.matrix @ dot(rows, weights, -scores)[0]
            dual = inverse.matrix.T @ weights
            surplus, _ = row_sum(rows, dual, -weights)
            # B spans what the samples span but for rounding times the condition number
            weights = weights + (surplus - (inverse.matrix.T @ surplus) @ rows)
        dual = inverse.matrix.T @ weights
        dual = dual - inverse.matrix.T @ row_sum(rows, dual, -weights)[0]
        excess, bounds = dot(rows, weights, -scores)
        surplus, rest = row_sum(rows, dual, -weights)
        self.weights, self.dual = weights, dual
        self.off = inflate(np.abs(excess) + bounds + errors)
        self.within = inverse.shift(excess, bounds + errors)
        # what is missing from the dual's image is put back without being rounded into the dual
        missing = -(inverse.matrix.T @ surplus)
        lost = gamma(len(rows) + 2) * np.abs(missing)
        self.across = inflate(
            float(
                np.linalg.norm(surplus + missing @ rows)
                + np.linalg.norm(rest + UNIT * np.abs(surplus))
                + np.linalg.norm(lost @ np.abs(rows))
            )
        )
        shifts = inverse.dual_shifts(self.within + self.across)
        self.dual_errors = inflate(shifts + np.abs(missing))
