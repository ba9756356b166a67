"""What `polynomial_limit` returns."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from marginflow._results import Result
from marginflow.limits.polynomial_certificate import PolynomialCertificate
from marginflow.limits.separability import InseparabilityCertificate


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class PolynomialLimit(Result):
    """The weights W* that give the limit direction of a polynomial tail, as computed (W).

    The status is `done`; `not_separable`, where weights and dual are NaN and `certificate` says why
    nothing separates; or `max_steps`, where the bounds hold but are looser than asked, or where
    float64 cannot decide whether anything separates (then weights and dual are NaN too).

    Attributes:
        weights: W (d, K), or (d,) in the binary map: the minimizer of ½‖W‖² + (1/p) Σ ω u^(−p).
        degree: p.
        margin: the geometric margin of the direction, min u / ‖W‖, in the features' units; 0 where
            nothing separates.
        dual: the pulls α = ω u^(−p−1) > 0, with Aᵀα = W: (n, K), zero at the own class, or (n,) in
            the binary map.
        relative_gap: a proved upper bound of what the minimized function exceeds its minimum by,
            over ½‖W‖².
        weights_error_bound: ‖W − W*‖_F is at most this.
        direction_error_bound: ‖W/‖W‖ − W*/‖W*‖‖_F is at most this.
        certificate: the proved bounds, or the proof that nothing separates.
    """

    weights: Float[np.ndarray, "*shape"]
    degree: float
    margin: float
    dual: Float[np.ndarray, "*dual"]
    relative_gap: float
    weights_error_bound: float
    direction_error_bound: float
    certificate: PolynomialCertificate | InseparabilityCertificate

    @property
    def direction(self) -> Float[np.ndarray, "*shape"]:
        """W/‖W‖, the limit direction of training."""
        return self.weights / np.linalg.norm(self.weights)
