"""The max-margin classifier: where the direction of training ends.

Gradient descent on any loss with an exponential tail turns towards the weights of least norm that
give every pair of a sample and another class a relative margin of 1; which norm is the optimizer's
choice.  `max_margin` solves that problem and proves how well: in the Frobenius norm to rounding, by
an active set, in all others to a gap, by an interior point.
"""

import math
from typing import Any

from marginflow._results import NotConvergedError, NotSeparableError, Status
from marginflow.limits.free_intercept import solve_free_intercept
from marginflow.limits.max_margin_result import MaxMargin
from marginflow.limits.norm_margin import solve_in_norm
from marginflow.limits.robust_margin import solve_robust
from marginflow.limits.threads import fitting_threads
from marginflow.margins import RobustMargins, as_linear_map, as_margin_map
from marginflow.norms import Norm, as_norm

_RTOL_FROBENIUS = 1e-12
_RTOL = 1e-8
_RTOL_FREE = 1e-5  # what a general conic solver reaches


def max_margin(
    data: Any,
    norm: Any = "frobenius",
    *,
    free_intercept: bool = False,
    rtol: float | None = None,
    max_rounds: int = 200,
    throw: bool = True,
) -> MaxMargin:
    """The weights of least norm with every relative margin at least 1, with a certificate.

    Ŵ = argmin ½‖W‖² subject to u_ik(W) ≥ 1 for every sample i and other class k; for two classes,
    y_i x_i·w ≥ 1.  Its dual is: maximize Σα subject to ‖Aᵀα‖_* ≤ 1, α ≥ 0; the margin is 1/‖Ŵ‖.
    With `RobustMargins` u are the margins that the worst perturbation leaves, and the norm is the
    Frobenius norm.

    Args:
        data: a `Dataset`, a pair (features, labels), or a margin map: `MulticlassMargins(data)` has
            two weight vectors for two classes, where a `Dataset` has one; `RobustMargins(data, ε)`
            has the margins of the worst perturbation.
        norm: a norm or its name: "frobenius", the Euclidean norm of all weights, "max", "l1",
            "spectral", "nuclear", "class_l2", "feature_l2"; with an exponent "l1.5", "schatten3".
        free_intercept: whether a number b_k is added to each score (to the one score of two
            classes) that no norm counts, as in the usual support vector machine.  A column of ones
            among the features is an intercept that the norm counts, which is where training goes.
            In the Frobenius norm and in the named norms.
        rtol: the relative duality gap to reach; by default 1e-12 in the Frobenius norm and 1e-8 in
            others and for robust margins; with a free intercept 1e-8 and 1e-5.  Where rounding the
            weights to float64 costs more than that (a relative margin below 1e-4), in the Frobenius
            norm without a free intercept the same accuracy of the weights is accepted as well: a
            proved ‖W − Ŵ‖ ≤ sqrt(rtol)·‖W‖.
        max_rounds: how often to look at all margins.
        throw: whether to raise where there is no solution, or return a result that says so.

    Returns:
        The weights, their dual and support, and the certificate.

    Raises:
        NotSeparableError: if no weights give every pair a positive margin; its `certificate` proves
            it.
        NotConvergedError: if rounds or float64 do not suffice; its `result` holds what there is.
        ValueError: if the norm is unknown, a tolerance or the features' scale is out of range,
            robust margins are asked for in another norm of the weights, or a free intercept with
            robust margins, in a norm of another p, or for a class without a sample.
        TypeError: if features and labels are passed as two arguments, or a margin map is neither
            linear nor `RobustMargins`.

    Example:
        >>> import marginflow as mf
        >>> limit = mf.max_margin(mf.soudry_toy())
        >>> limit.weights, limit.margin, limit.active_set_proved
        (array([0.5, 0.5]), 1.414213562373095, True)
        >>> limit = mf.max_margin(mf.soudry_toy(), norm="max")
        >>> round(limit.margin, 6), limit.relative_gap <= 1e-8
        (2.0, True)
        >>> limit = mf.max_margin(([[1.0], [4.0]], ["a", "b"]), free_intercept=True)
        >>> limit.weights.round(6), round(limit.intercept.item(), 6)
        (array([0.666667]), -1.666667)

    The limit of training is Ravi et al. 2024, arXiv 2411.01350, main theorem (multiclass) and
    Soudry et al. 2018, arXiv 1710.10345, Theorem 3 (binary); in other norms, of steepest descent,
    Gunasekar et al. 2018, arXiv 1802.08246, Theorem 5, and Fan, Schmidt & Thrampoulidis 2025, arXiv
    2502.04664; of gradient descent on robust margins, Salehi & Hassibi 2020, arXiv 2010.15391.
    """
    if hasattr(norm, "__len__") and not isinstance(norm, str):
        raise TypeError(
            "max_margin expects data as one pair (features, labels), got a second argument of "
            f"type {type(norm).__name__}; call max_margin((features, labels))."
        )
    norm, maps = as_norm(norm), as_margin_map(data)
    robust = maps if isinstance(maps, RobustMargins) else None
    if robust is not None and norm.name != "frobenius":
        raise ValueError(
            f"norm: expected 'frobenius' with robust margins, got {norm.name!r}; "
            "max_margin(data, norm) is the problem without perturbations."
        )
    if rtol is None:
        perturbed = robust is not None and float(robust.radius) > 0
        rtol = _RTOL if perturbed else standard_rtol(norm, free_intercept=free_intercept)
    if not 0 < rtol < 1 or not math.isfinite(rtol):
        raise ValueError(f"rtol must lie between 0 and 1, got {rtol!r}.")
    if max_rounds < 1:
        raise ValueError(f"max_rounds must be at least 1, got {max_rounds!r}.")
    if robust is not None and free_intercept:
        raise ValueError(
            "free_intercept: expected False with robust margins; append a column of ones instead."
        )
    linear = as_linear_map(maps, "max_margin") if robust is None else robust.linear
    with fitting_threads(linear):
        if free_intercept:
            result = solve_free_intercept(linear, norm, rtol=rtol, max_rounds=max_rounds)
        elif robust is None:
            result = solve_in_norm(linear, norm, rtol=rtol, max_rounds=max_rounds)
        else:
            result = solve_robust(robust, rtol=rtol, max_rounds=max_rounds)
    if throw and result.status == Status.NOT_SEPARABLE:
        raise NotSeparableError(result.message, result)
    if throw and result.status != Status.DONE:
        raise NotConvergedError(result.message, result)
    return result


def standard_rtol(norm: Norm, *, free_intercept: bool = False) -> float:
    """The relative gap that `max_margin` asks for where none is given, without perturbations."""
    if norm.name == "frobenius":
        return _RTOL if free_intercept else _RTOL_FROBENIUS
    return _RTOL_FREE if free_intercept else _RTOL
