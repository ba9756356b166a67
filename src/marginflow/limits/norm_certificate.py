"""What can be proved about weights and a dual in any norm, whoever made them.

As in `certificate`, the data, the weights W and a dual α ≥ 0 are read and nothing else; every
bound holds for float64 inputs taken as exact numbers, all rounding included.

**The margin.**  The problem is P: minimize ‖W‖ subject to A W ≥ 1, and its dual D: maximize Σα
subject to ‖Aᵀα‖_* ≤ 1, α ≥ 0.  The best margin is 1/‖Ŵ‖.  With m the least margin of W, W/m is
feasible, so the best margin is at least m/‖W‖.  Any W' of norm 1 has
Σ α u(W') = ⟨Aᵀα, W'⟩ ≤ ‖Aᵀα‖_*, so the best margin is at most ‖Aᵀα‖_*/Σα.  The relative gap is
1 − (lower bound)/(upper bound): W/m is longer than the best by at most that share.

**The weights.**  A gap says where the optimum is, not where the weights are, unless the norm is
curved.  With F = W/m, f = ‖F‖ and D ≤ ‖Ŵ‖ the dual's bound:

- 1 < p ≤ 2: ½‖·‖² is (p−1)-strongly convex in the norm itself, for entries (Ball, Carlen & Lieb
  1994, Invent. math. 115, with their Theorem 1 for Schatten norms; groups embed isometrically in
  L_p, since Euclidean space does).  Since F is feasible and Ŵ optimal,
  (p−1)/2 ‖F − Ŵ‖² ≤ ½f² − ½D².
- 2 ≤ p < ∞: Clarkson's inequality, ‖(F+Ŵ)/2‖^p + ‖(F−Ŵ)/2‖^p ≤ ½‖F‖^p + ½‖Ŵ‖^p (McCarthy 1967
  for Schatten norms), and (F+Ŵ)/2 is feasible, so ‖F − Ŵ‖^p ≤ 2^(p−1) (f^p − D^p).

Either proves the optimum unique.  ‖·‖_F is at most ‖·‖ for p ≤ 2, and N^(½−1/p) times that beyond,
N the number of magnitudes.  For p = 1 and p = ∞ there is a bound for entries alone, where
`unique_vertex` proves that the optimum is one vertex.

**A free intercept.**  With margins A W + B b, b not in the norm, the same holds for a dual with
Bᵀα = 0.  A computed one has Bᵀα = δ.  At the optimum (Ŵ, b̂), N = ‖Ŵ‖, samples of both classes
hold b̂_y − b̂_k between 1 − R N and R N − 1, R the largest ‖row of A‖_*; Σ δ = 0, so
|δ·b̂| ≤ ½ ‖δ‖₁ R N (for two classes with one b, |δ| R N), and the best margin is at most
(‖Aᵀα‖_* + ½ ‖δ‖₁ R)/Σα.  R ≤ 2 max‖x‖₁, since every matrix with a single 1 has norm 1.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from marginflow._types import AnyArray
from marginflow.limits.certificate import checked, least_slack
from marginflow.limits.compensated import gamma, inflate
from marginflow.limits.norm_bounds import norm_upper
from marginflow.limits.pair_products import gather, pair_rows, row_norm_bounds, row_sum
from marginflow.limits.scaling import take_out_scale
from marginflow.limits.threads import fitting_threads
from marginflow.limits.unique_vertex import Feasible, is_polyhedral, vertex_error
from marginflow.margins import LinearMarginMap, as_linear_map
from marginflow.norms import Norm, SchattenNorm, as_norm


@dataclass(frozen=True)
class NormCertificate:
    """Proved bounds on weights as a solution of the max-margin problem in a norm.

    Attributes:
        norm: its name.
        least_margin: a lower bound of the least relative margin.
        relative_gap: 1 − margin_lower/margin_upper; infinite where the weights do not separate.
        weights_error_bound: ‖W − Ŵ‖_F is at most this; None where p is 1 or infinite and the
            optimum not proved to be unique.
        margin_lower: the best margin 1/‖Ŵ‖ is at least this.
        margin_upper: and at most this.
    """

    norm: str
    least_margin: float
    relative_gap: float
    weights_error_bound: float | None
    margin_lower: float
    margin_upper: float


def certify_norm_margin(
    data: Any, norm: Any, weights: AnyArray, dual: AnyArray, *, intercept: Any = None
) -> NormCertificate:
    """Prove how far weights are from the largest margin in a norm.

    Nothing is assumed of the weights and the dual but their shapes; a worse pair gives looser
    bounds.  Negative entries of the dual count as zero, and its scale does not matter.

    Args:
        data: a `Dataset`, a pair (features, labels), or a linear margin map.
        norm: a norm or its name.
        weights: (d, K), or (d,) in the binary map.
        dual: (n, K), or (n,) in the binary map: α ≥ 0.
        intercept: (K,), or a scalar in the binary map, added to the scores and free of the norm.

    Returns:
        The proved bounds; the module's docstring derives them.

    Raises:
        ValueError: if a shape does not fit, an entry is not finite, or the norm is unknown.

    Example:
        >>> import numpy as np
        >>> from marginflow.limits import certify_norm_margin
        >>> data = (np.array([[1.0, 0.5], [-1.0, -0.5]]), [1, 0])
        >>> proof = certify_norm_margin(data, "max", np.array([1.0, 1.0]), np.array([1.0, 0.0]))
        >>> round(proof.margin_lower, 12), round(proof.margin_upper, 12)
        (1.5, 1.5)
    """
    maps, norm = as_linear_map(data, "certify_norm_margin"), as_norm(norm)
    with fitting_threads(maps):
        return _certify(maps, norm, weights, dual, intercept)


def _certify(
    maps: LinearMarginMap,
    norm: Norm,
    weights: AnyArray,
    dual: AnyArray,
    intercept: Any,
) -> NormCertificate:
    scaled = take_out_scale(maps)
    maps, exponent = scaled.maps, scaled.exponent
    weights = scaled.weights_in(checked(weights, maps.weights_shape, "weights"))
    normed = weights
    if intercept is not None:
        intercept = checked(np.asarray(intercept), maps.weights_shape[1:], "intercept")
        maps, weights = maps.with_constant(), np.concatenate([weights, [intercept]])
    columns = np.zeros((maps.n_samples, maps.n_columns))
    dual = checked(dual, np.shape(maps.to_dual(columns)), "dual")
    columns = np.maximum(maps.from_dual(dual), 0.0)
    upper = _margin_upper(maps, norm, columns, len(normed))
    margins = gather(maps.margins(weights))
    size = float(np.linalg.norm(weights))
    radii = gamma(weights.size + 4) * size * np.tile(row_norm_bounds(maps), maps.n_columns)
    radii = inflate(radii)
    slack = least_slack(maps, weights, margins, radii)
    least = float(np.nextafter(1.0 + slack, -math.inf)) if slack else 1.0
    lower, gap, bound = 0.0, math.inf, None
    if least > 0:
        lower = least / norm_upper(norm, normed) * (1.0 - gamma(4))
        gap = max(1.0 - lower / upper, 0.0) + gamma(4) if upper > 0 else math.inf
        away = weights_error(norm, normed.shape, lower, gap)
        if intercept is None and is_polyhedral(norm) and 0 < upper < math.inf:
            point = Feasible(
                np.ravel(weights) / least,
                (margins - radii) / least * (1.0 - np.sign(margins) * gamma(4)),
                (1.0 + gamma(4)) / lower,
                (1.0 - gamma(4)) / upper,
            )
            away = vertex_error(maps, norm, point, _of_size_one(columns))
        if away is not None:
            bound = inflate(away + abs(1.0 / least - 1.0) * float(np.linalg.norm(normed)))
            bound = float(np.ldexp(bound, -exponent))
    return NormCertificate(
        norm=norm.name,
        least_margin=least,
        relative_gap=gap,
        weights_error_bound=bound,
        margin_lower=float(np.ldexp(lower, exponent)),
        margin_upper=float(np.ldexp(upper, exponent)),
    )


def _of_size_one(columns: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n c"]:
    """The dual times a power of two, which rounds nothing."""
    return np.ldexp(columns, -int(np.frexp(columns.max())[1]))


def _margin_upper(
    maps: LinearMarginMap, norm: Norm, columns: Float[np.ndarray, "n c"], n_normed: int
) -> float:
    """‖Aᵀα‖_*/Σα from above; infinite for α = 0.  Features from n_normed on are not in the norm."""
    values = gather(columns)
    support = np.flatnonzero(values)
    if not len(support):
        return math.inf
    values = np.ldexp(values[support], -int(np.frexp(values.max())[1]))
    image, errors = row_sum(pair_rows(maps, support), values)
    image, errors = image.reshape(maps.weights_shape), errors.reshape(maps.weights_shape)
    pull = norm_upper(norm.dual, image[:n_normed], errors[:n_normed])
    if n_normed < len(image):
        off_balance = float(np.sum(np.abs(image[n_normed:]) + errors[n_normed:]))
        longest = float(np.abs(np.asarray(maps.features)[:, :n_normed]).sum(axis=1).max())
        pull += inflate(off_balance * longest)
    return pull / float(values.sum()) * (1.0 + gamma(len(values) + 4))


def weights_error(norm: Norm, shape: tuple[int, ...], lower: float, gap: float) -> float | None:
    """A bound of ‖F − Ŵ‖_F for F of norm 1/lower at most; None where the norm is not curved."""
    if norm.p == 1 or norm.p == math.inf:
        return None
    if gap >= 1:
        return math.inf
    if norm.p <= 2:
        return math.sqrt(inflate(gap * (2.0 - gap) / (norm.p - 1.0))) / lower
    fall = -math.expm1(norm.p * math.log1p(-gap))
    table = (shape[0], math.prod(shape[1:]))
    count = min(table) if isinstance(norm, SchattenNorm) else math.prod(table)
    stretch = count ** (0.5 - 1.0 / norm.p)
    return inflate(2.0 * stretch * (0.5 * fall) ** (1.0 / norm.p) / lower)
