"""What can be proved about weights as the limit direction of a polynomial tail, whoever made them.

With a template that fades as u^(−p), training ends in the direction of the one minimizer of

    F(W) = ½‖W‖² + (1/p) Σ ω_i u_ik(W)^(−p)        over all W with every margin positive.

F is convex with modulus 1, since its second part is convex.  Hence for every W with positive
margins, and G = ∇F(W) = W − Aᵀα with α = ω u^(−p−1),

    ‖W − W*‖ ≤ ‖G‖    and    F(W) − F(W*) ≤ ½‖G‖²,

where W* is the exact minimizer.  Nothing else is needed: the certificate evaluates ‖G‖, and bounds
what rounding does to it.  That W* is within ‖G‖ of W says of the directions that the sine of their
angle is at most ‖G‖/‖W‖.

**Rounding.**  Margins and Aᵀα are computed in doubled precision with their own bounds
(`compensated`), unless the problem is so large that plain products and bounds in advance have to
serve.  A margin that is known to u (1 ± ρ) gives a pull that is known to a relative
(1 − ρ)^(−p−1) − 1, to which the rounding of the exponent adds (p + 1)|log u| roundings; the power
function is taken to be right to 4 units in the last place, twice what NumPy's is tested for.  All
statements hold for the features, the weights and the degree as exact numbers.

The features' scale 2^e is taken out first.  In the features so scaled, V = 2^e W has the margins
that W has, and W is near the minimizer of F where V is near that of ½‖V‖² + (4^e/p) Σ ω u^(−p):
all pulls there are larger by 4^e, without rounding.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from marginflow._types import AnyArray
from marginflow.limits.compensated import UNIT, gamma, inflate
from marginflow.limits.pair_products import (
    PairValues,
    gather,
    pair_margins,
    pair_rows,
    row_norm_bounds,
    row_sum,
    spread,
)
from marginflow.limits.scaling import Scaled, take_out_scale
from marginflow.limits.threads import fitting_threads
from marginflow.margins import LinearMarginMap, as_linear_map

_DOUBLED_ENTRIES = 2**25  # of A, up to which products are taken in doubled precision
_POWER_ULPS = 8  # roundings in one call of the power function
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class PolynomialCertificate:
    """Proved bounds on weights as the minimizer of ½‖W‖² + (1/p) Σ ω u^(−p), in the user's units.

    Attributes:
        least_margin: a lower bound of the least relative margin.
        relative_gap: an upper bound of [F(W) − F(W*)] / (½‖W‖²); infinite where a margin is not
            proved to be positive.
        weights_error_bound: ‖W − W*‖_F is at most this.
        direction_error_bound: ‖W/‖W‖ − W*/‖W*‖‖_F is at most this; 2 where nothing is proved.
    """

    least_margin: float
    relative_gap: float
    weights_error_bound: float
    direction_error_bound: float


def certify_polynomial_limit(
    data: Any, weights: AnyArray, degree: float, sample_weight: Any = None
) -> PolynomialCertificate:
    """Prove how far weights are from the limit of training with a polynomial tail.

    Nothing is assumed of the weights but their shape; worse ones give looser bounds.

    Args:
        data: a `Dataset`, a pair (features, labels), or a linear margin map.
        weights: (d, K), or (d,) in the binary map; their length matters.
        degree: p > 0 of a template that fades as u^(−p).
        sample_weight: (n,) positive ω; ones by default.

    Returns:
        The proved bounds; the module's docstring derives them.

    Raises:
        ValueError: if a shape does not fit or an entry is not finite, or not positive.

    Example:
        >>> import numpy as np
        >>> from marginflow.limits import certify_polynomial_limit
        >>> data = (np.array([[2.0], [-2.0]]), [1, 0])
        >>> proof = certify_polynomial_limit(data, np.array([1.0]), degree=1.0)
        >>> proof.least_margin, round(proof.relative_gap, 6)  # here W* = 1
        (2.0, 0.0)
    """
    maps = as_linear_map(data, "certify_polynomial_limit")
    check_degree(degree)
    omega = check_sample_weight(sample_weight, maps.n_samples)
    with fitting_threads(maps):
        scaled = take_out_scale(maps)
        shape = scaled.maps.weights_shape
        array = np.asarray(weights, dtype=np.float64)
        if array.shape != shape:
            raise ValueError(
                f"weights must have the shape {shape} for these data, got {array.shape}; pass what "
                "polynomial_limit returned for the same data and the same map."
            )
        if not np.all(np.isfinite(array)):
            raise ValueError("weights must be finite; found infinite or NaN entries.")
        return _certify(scaled, scaled.weights_in(array), degree, omega)


def check_degree(degree: float) -> None:
    """Refuse a degree that is not a positive finite number."""
    if not 0 < degree < math.inf:
        raise ValueError(f"degree must be a finite number > 0, got {degree!r}.")


def check_sample_weight(sample_weight: Any, n_samples: int) -> np.ndarray:
    """ω (n,), positive and finite; ones by default."""
    if sample_weight is None:
        return np.ones(n_samples)
    omega = np.asarray(sample_weight, dtype=np.float64)
    if omega.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have one entry a sample, ({n_samples},), got {omega.shape}."
        )
    if not np.all(np.isfinite(omega)) or not np.all(omega > 0):
        raise ValueError(
            "sample_weight must be positive and finite; leave out a sample to give it no weight."
        )
    return omega


def _certify(
    scaled: Scaled, weights: Float[np.ndarray, "*shape"], degree: float, omega: np.ndarray
) -> PolynomialCertificate:
    maps, exponent = scaled.maps, scaled.exponent
    margins, radii = _margins(maps, weights)
    least = float((margins - radii).min())
    least -= UNIT * abs(least)
    if least <= 0:
        return PolynomialCertificate(least, math.inf, math.inf, 2.0)
    dual, errors = _pulls(margins, radii, degree, np.tile(omega, maps.n_columns), 2 * exponent)
    with np.errstate(over="ignore", invalid="ignore"):
        bound = inflate(_gradient_bound(maps, weights, dual, errors))
        size = float(np.linalg.norm(weights)) * (1.0 - gamma(weights.size + 4))
        sine = inflate(bound / size)
    if not math.isfinite(sine):
        return PolynomialCertificate(least, math.inf, math.inf, 2.0)
    chord = sine * math.sqrt(2.0 / (1.0 + math.sqrt(1.0 - sine**2))) if sine < 1.0 else 2.0
    return PolynomialCertificate(
        least_margin=least,
        relative_gap=inflate(sine**2),
        weights_error_bound=float(np.ldexp(bound, -exponent)),
        direction_error_bound=inflate(chord),
    )


def _doubled(maps: LinearMarginMap) -> bool:
    pairs = maps.n_samples * maps.n_columns
    return pairs * math.prod(maps.weights_shape) <= _DOUBLED_ENTRIES


def _margins(
    maps: LinearMarginMap, weights: Float[np.ndarray, "*shape"]
) -> tuple[PairValues, PairValues]:
    """All margins, and bounds on their errors."""
    if _doubled(maps):
        return pair_margins(maps, np.arange(maps.n_samples * maps.n_columns), weights)
    radii = np.tile(row_norm_bounds(maps), maps.n_columns) * float(np.linalg.norm(weights))
    return gather(maps.margins(weights)), inflate(
        gamma(maps.n_features + maps.n_classes + 4) * radii
    )


def _pulls(
    margins: PairValues, radii: PairValues, degree: float, omega: PairValues, exponent: int
) -> tuple[PairValues, PairValues]:
    """α = 2^exponent ω u^(−p−1) of every pair, and bounds on the errors."""
    power = degree + 1.0
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        dual = np.ldexp(omega * margins**-power, exponent)
        spread_out = -np.log1p(-np.minimum(radii / margins, 1.0))
        rounding = UNIT * (2.0 * power * np.abs(np.log(margins)) + _POWER_ULPS + 4.0)
        errors = dual * np.expm1(power * spread_out + rounding)
        return dual, errors + np.ldexp(_TINY * (2.0 + omega), max(exponent, 0))


def _gradient_bound(
    maps: LinearMarginMap,
    weights: Float[np.ndarray, "*shape"],
    dual: PairValues,
    errors: PairValues,
) -> float:
    """An upper bound of ‖W − Aᵀα‖ for every α within `errors` of `dual`."""
    everything = np.arange(len(dual))
    if not _doubled(maps):
        norms = np.tile(row_norm_bounds(maps), maps.n_columns)
        rest = weights - maps.adjoint(spread(maps, everything, dual))
        operations = gamma(len(dual) + maps.n_classes + 8)
        known = float(errors @ norms) + operations * float(dual @ norms)
        return float(np.linalg.norm(rest)) * (1.0 + 4.0 * UNIT) + inflate(known)
    rows = pair_rows(maps, everything)
    rest, rounding = row_sum(rows, dual, -np.ravel(weights))
    np.abs(rows, out=rows)
    return float(np.linalg.norm(rest) + np.linalg.norm(rounding) + np.linalg.norm(errors @ rows))
