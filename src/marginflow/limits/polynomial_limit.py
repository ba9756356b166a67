"""The limit direction of training with a polynomial tail, solved and certified.

A template that fades as u^(−p) has no max-margin limit: the pulls keep the ratio of their margins,
and every sample has its say for good, with its weight.  The direction is that of a smooth convex
problem, which has its own solver (`polynomial_newton`) and its own proof (`polynomial_certificate`,
which sees the data and the answer only).  The solver starts from weights that separate: those of
least squares where they interpolate, as in high dimension, else those of the max-margin problem,
which also proves it where nothing separates.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from marginflow._results import NotConvergedError, NotSeparableError, Status
from marginflow.limits.certificate import MarginCertificate
from marginflow.limits.max_margin import max_margin
from marginflow.limits.max_margin_result import MaxMargin
from marginflow.limits.polynomial_certificate import (
    PolynomialCertificate,
    certify_polynomial_limit,
    check_degree,
    check_sample_weight,
)
from marginflow.limits.polynomial_limit_result import PolynomialLimit
from marginflow.limits.polynomial_newton import minimize_polynomial
from marginflow.limits.scaling import compress, take_out_scale
from marginflow.limits.separability import InseparabilityCertificate
from marginflow.limits.threads import fitting_threads
from marginflow.margins import LinearMarginMap, as_linear_map


def polynomial_limit(
    data: Any,
    degree: float,
    sample_weight: Any = None,
    *,
    rtol: float = 1e-12,
    max_steps: int = 500,
    throw: bool = True,
) -> PolynomialLimit:
    """Where training with a polynomial tail ends: its limit direction, with a certificate.

    argmin Σ ω_i u_ik(W)^(−p) subject to ‖W‖_F ≤ 1, over every sample i and other class k; for two
    classes u_i = y_i x_i·w.  The sum is homogeneous, so the direction is also that of
    W* = argmin ½‖W‖² + (1/p) Σ ω u^(−p), which is what is solved and returned: W* = Aᵀα with the
    pulls α = ω u^(−p−1).  Gradient flow on Σ ω u^(−p) follows W* (p(p+2) t)^(1/(p+2)) as t → ∞.
    As p → ∞ the direction tends to that of `max_margin`, and the weights of samples wash out.

    Args:
        data: a `Dataset`, a pair (features, labels), or a linear margin map.
        degree: p > 0 of a template that fades as u^(−p), its slopes as u^(−p−1), as
            `PolynomialLoss(degree=p)` does.
        sample_weight: (n,) positive weights ω of the samples in the risk; ones by default.
        rtol: the relative gap to reach.  The error of the direction is at most about its square
            root; steps go on until rounding ends them.
        max_steps: Newton steps.
        throw: whether to raise where there is no solution, or return a result that says so.

    Returns:
        The weights, their dual, and the certificate.

    Raises:
        NotSeparableError: if no weights give every pair a positive margin; its `certificate` proves
            it.
        NotConvergedError: if steps or float64 do not suffice; its `result` holds what there is.
        ValueError: if the degree, a sample's weight or a tolerance is out of range.

    Example:
        Two orthogonal samples; the one with the weight 8 gets the margin 8^(1/3) = 2.

        >>> import numpy as np
        >>> import marginflow as mf
        >>> data = (np.array([[1.0, 0.0], [0.0, -1.0]]), [1, 0])
        >>> mf.polynomial_limit(data, degree=1.0, sample_weight=[1.0, 8.0]).weights
        array([1., 2.])

    Source: Lai & Muthukumar 2023, arXiv 2303.07475, for two classes, where with linearly
    independent samples it is argmin Σ ω u^(−p) subject to uᵀK⁻¹u ≤ 1, K = A Aᵀ.  The constants, the
    weights and more classes are derived here.
    """
    check_degree(degree)
    if not 0 < rtol < 1:
        raise ValueError(f"rtol must lie between 0 and 1, got {rtol!r}.")
    if max_steps < 1:
        raise ValueError(f"max_steps must be at least 1, got {max_steps!r}.")
    maps = as_linear_map(data, "polynomial_limit")
    omega = check_sample_weight(sample_weight, maps.n_samples)
    with fitting_threads(maps):
        result = _solve(maps, float(degree), omega, rtol, max_steps)
    if throw and result.status == Status.NOT_SEPARABLE:
        raise NotSeparableError(result.message, result)
    if throw and result.status != Status.DONE:
        raise NotConvergedError(result.message, result)
    return result


def _solve(
    maps: LinearMarginMap,
    degree: float,
    omega: Float[np.ndarray, " n"],
    rtol: float,
    max_steps: int,
) -> PolynomialLimit:
    scaled = take_out_scale(maps)
    small = compress(scaled.maps)
    start = _interpolating(small.maps)
    if start is None:
        svm = max_margin(maps, throw=False)
        if not svm.margin_lower > 0:
            return _without_weights(svm, degree)
        start = scaled.weights_in(svm.weights)
        start = start if small.directions is None else small.directions.T @ start
    found = minimize_polynomial(small.maps, start, degree, omega, max_steps)
    # features larger by 2^e have weights smaller by 2^(e p/(p+2)): margins grow with the rest
    shrink = math.exp2(-scaled.exponent * degree / (degree + 2.0))
    weights = small.weights_out(found.weights) * shrink
    result = _certified(maps, weights, degree, omega, found.steps)
    if result.relative_gap <= rtol:
        return result
    if found.steps < max_steps:
        why = f"rounding ends the progress before the gap asked, {rtol:.1e}"
        advice = "Pass a larger rtol to accept this."
    else:
        why, advice = f"not solved after {found.steps} steps", "Pass a larger max_steps."
    return replace(result, status=Status.MAX_STEPS, message=f"{why}: {_known(result)}. {advice}")


def _interpolating(maps: LinearMarginMap) -> Float[np.ndarray, "*shape"] | None:
    """Weights of least squares that give every pair about the same margin, or None."""
    if maps.n_features < maps.n_samples:
        return None
    own = np.asarray(maps.labels)
    if len(maps.weights_shape) == 1:
        scores = np.where(own == 1, 1.0, -1.0)
    else:
        scores = np.eye(maps.n_classes)[own] - 1.0 / maps.n_classes
    weights = np.linalg.lstsq(np.asarray(maps.features), scores)[0]
    return weights if np.asarray(maps.margins(weights)).min() > 0.5 else None


def _certified(
    maps: LinearMarginMap,
    weights: Float[np.ndarray, "*shape"],
    degree: float,
    omega: Float[np.ndarray, " n"],
    steps: int,
) -> PolynomialLimit:
    """The result for weights that separate, with what is proved about them."""
    proof = certify_polynomial_limit(maps, weights, degree, omega)
    margins = np.asarray(maps.margins(weights))
    dual = omega[:, None] * margins ** (-degree - 1.0)
    size = float(np.linalg.norm(weights))
    return PolynomialLimit(
        status=Status.DONE,
        message=f"limit direction of the tail u^(−{degree:g}): {_known(proof)}.",
        statistics={"steps": steps},
        weights=weights,
        degree=degree,
        margin=float(margins.min()) / size,
        dual=np.asarray(maps.to_dual(dual)),
        relative_gap=proof.relative_gap,
        weights_error_bound=proof.weights_error_bound,
        direction_error_bound=proof.direction_error_bound,
        certificate=proof,
    )


def _known(proof: PolynomialCertificate | PolynomialLimit) -> str:
    return (
        f"relative gap {proof.relative_gap:.1e}, direction known to "
        f"{proof.direction_error_bound:.1e}"
    )


def _without_weights(svm: MaxMargin, degree: float) -> PolynomialLimit:
    """The max-margin solver's account of data that it could not separate."""
    proof = svm.certificate
    assert isinstance(proof, InseparabilityCertificate | MarginCertificate)
    if not isinstance(proof, InseparabilityCertificate):
        proof = PolynomialCertificate(proof.least_margin, math.inf, math.inf, 2.0)
    return PolynomialLimit(
        status=svm.status,
        message=svm.message,
        statistics={"steps": 0},
        weights=np.full_like(svm.weights, math.nan),
        degree=degree,
        margin=0.0,
        dual=np.full_like(svm.dual, math.nan),
        relative_gap=math.inf,
        weights_error_bound=math.inf,
        direction_error_bound=2.0,
        certificate=proof,
    )
