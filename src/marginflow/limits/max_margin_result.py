"""What `max_margin` returns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from marginflow._results import Result
from marginflow.limits.certificate import MarginCertificate
from marginflow.limits.norm_certificate import NormCertificate
from marginflow.limits.robust_certificate import RobustCertificate, RobustInseparability
from marginflow.limits.separability import InseparabilityCertificate
from marginflow.norms import NAMED_NORMS, as_norm


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class MaxMargin(Result):
    """The max-margin weights Ŵ of a data set, as computed (W) and with what is proved about them.

    The status is `done`; `not_separable`, where weights and dual are NaN and `certificate` says why
    nothing separates; or `max_steps`, where the bounds hold but are looser than asked, or where
    float64 cannot decide whether anything separates (then weights and dual are NaN too).

    Attributes:
        weights: W (d, K), or (d,) in the binary map.  Every margin is at least 1 up to the rounding
            of the weights themselves; `certificate.least_margin` bounds it from below.
        norm: the name of the norm ‖·‖ that is minimized.
        intercept: b (K,) with Σ b = 0, or () in the binary map, where a free one was asked for;
            else None.
        margin: the geometric margin 1/‖W‖, in the features' units; 0 where nothing separates.
        margin_lower: a proved lower bound of the best margin, 1/‖Ŵ‖.
        margin_upper: a proved upper bound of it.
        dual: α ≥ 0 with Aᵀα = W: (n, K), zero at the own class, or (n,) in the binary map.  In
            another norm Aᵀα is a subgradient of ½‖W‖²: ‖Aᵀα‖_* = ‖W‖ and Σα = ‖W‖².  For robust
            margins A has the rows that the worst perturbations leave.
        support: (m, 2) the pairs (sample, other class) with margin 1, in ascending order.
        support_rank: the rank of the m rows; below m, the dual is not unique.
        relative_gap: a proved upper bound of the duality gap over ½‖W‖², after the weights are
            scaled to be feasible; in another norm, and for robust margins, 1 − margin_lower /
            margin_upper.
        weights_error_bound: ‖W − Ŵ‖_F is at most this; None in norms where the weights are not
            proved to be unique.
        next_margin: 1 + δ, the least relative margin of all pairs off the support at W; infinite if
            every pair supports.
        min_dual: the least entry of the dual on the support: the margin of strict complementarity,
            and zero where that fails.
        degenerate: whether the data depart from general position at the support: a pair at margin 1
            without dual, dependent rows, or repeated ones.
        degeneracy: how, in a sentence; empty if not.
        active_set_proved: whether the support, with a positive dual on each distinct row, is
            proved to be that of Ŵ; in the Frobenius norm of linear margins only.
        certificate: the proved bounds, or the proof that nothing separates.
    """

    weights: Float[np.ndarray, "*shape"]
    margin: float
    margin_lower: float
    margin_upper: float
    dual: Float[np.ndarray, "*dual"]
    support: Int[np.ndarray, "m 2"]
    support_rank: int
    relative_gap: float
    weights_error_bound: float | None
    next_margin: float
    min_dual: float
    degenerate: bool
    degeneracy: str
    active_set_proved: bool
    certificate: (
        MarginCertificate
        | NormCertificate
        | RobustCertificate
        | InseparabilityCertificate
        | RobustInseparability
    )
    norm: str = "frobenius"
    intercept: Float[np.ndarray, "*classes"] | None = None

    def margin_in(self, norm: Any) -> float:
        """The margin of these weights in another norm, min u/‖W‖; 0 where nothing separates.

        Args:
            norm: a norm or its name.

        Example:
            >>> import marginflow as mf
            >>> limit = mf.max_margin(mf.soudry_toy())
            >>> limit.margin_in("l1"), limit.margin_in("max")
            (1.0, 2.0)
        """
        if isinstance(self.certificate, InseparabilityCertificate | RobustInseparability):
            return 0.0
        return max(self.certificate.least_margin, 0.0) / float(as_norm(norm)(self.weights))

    @property
    def margins_in(self) -> dict[str, float]:
        """The margin of these weights in every named norm, by name."""
        return {name: self.margin_in(name) for name in NAMED_NORMS}
