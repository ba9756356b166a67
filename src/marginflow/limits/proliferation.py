"""Support vector proliferation: whether every sample is a support vector.

In high dimension the max-margin classifier often has every margin at 1, and then it is the
minimum-norm interpolator, so that the exponential and the squared loss end at the same weights.
That is so exactly where the multipliers of the interpolator's equations, K⁻¹1 with K = A Aᵀ, are
not negative: they then are a dual of the max-margin problem, and without the signs they are the
only one that could be.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from marginflow._results import Result, Status
from marginflow.limits.compensated import inflate
from marginflow.limits.minimum_norm import MinimumNormInterpolator, minimum_norm_interpolator
from marginflow.margins import as_linear_map


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class SupportVectorProliferation(Result):
    """Whether the max-margin classifier is the minimum-norm interpolator.

    Attributes:
        verdict: "holds", "fails" or, where rounding could change a sign, "undecided".
        dual: K⁻¹1: (n, K), zero at the own class, or (n,) in the binary map.
        least_dual: the least of its entries over all pairs.
        least_dual_error: how far that is from the exact one, at most.
        interpolator: the minimum-norm interpolator.
    """

    verdict: Literal["holds", "fails", "undecided"]
    dual: Float[np.ndarray, "*dual"]
    least_dual: float
    least_dual_error: float
    interpolator: MinimumNormInterpolator


def support_vector_proliferation(data: Any) -> SupportVectorProliferation:
    """Prove or refute that every sample supports: the SVM is the minimum-norm interpolator.

    It is if and only if K⁻¹1 ≥ 0 entrywise, where K = A Aᵀ is the Gram matrix of the rows y_i x_i
    (for more classes, of all pairs), which must be invertible.

    Args:
        data: a `Dataset`, a pair (features, labels), or a linear margin map; the samples must be
            linearly independent, so d ≥ n.

    Returns:
        The verdict, K⁻¹1, and its least entry with an error bound.

    Raises:
        DataError: if the samples are linearly dependent, or so near to it that float64 cannot tell.

    Example:
        >>> import marginflow as mf
        >>> mf.support_vector_proliferation(mf.random_labels(0, n_features=800)).verdict
        'holds'
        >>> mf.support_vector_proliferation(mf.random_labels(0, n_features=50)).verdict
        'fails'

    Source: Hsu, Muthukumar & Xu 2021, arXiv 2009.10670, for two classes; Lai & Muthukumar 2023,
    arXiv 2303.07475, build on it.
    """
    maps = as_linear_map(data, "support_vector_proliferation")
    found = minimum_norm_interpolator(maps)
    values = np.ravel(np.asarray(maps.from_dual(found.dual)))
    errors = np.ravel(np.asarray(maps.from_dual(found.dual_errors)))
    least = float(values.min())
    lower, upper = float((values - errors).min()), float((values + errors).min())
    # by how far each entry can lie below the least one; subtracted from it, it would be rounded off
    error = inflate(float((errors - (values - least)).max()))
    below = int(np.sum(values + errors < 0))
    if lower >= 0:
        verdict = "holds"
        message = f"all {len(values)} pairs support: the max-margin weights interpolate."
    elif upper < 0:
        verdict = "fails"
        message = (
            f"{below} of {len(values)} pairs would pull backwards: the max-margin weights do not "
            "interpolate."
        )
    else:
        verdict = "undecided"
        message = f"the least entry of K⁻¹1, {least:.2g}, is within its rounding, {error:.1g}."
    return SupportVectorProliferation(
        status=Status.DONE,
        message=message,
        verdict=verdict,
        dual=found.dual,
        least_dual=least,
        least_dual_error=error,
        interpolator=found,
    )
