"""What is told of a run: its last figures, beside the best there are."""

import math
from typing import TYPE_CHECKING, Any

from marginflow.cli.console import facts
from marginflow.cli.data_description import data_line, describe_data
from marginflow.cli.run_method import Method
from marginflow.cli.run_plan import Plan
from marginflow.cli.step_count import show_log_steps

if TYPE_CHECKING:
    from marginflow.dynamics import Trajectory
    from marginflow.limits import MaxMargin


def run_figures(plan: Plan, result: "Trajectory", limit: "MaxMargin | None") -> dict[str, Any]:
    """The run in a JSON document: its settings, its last figures, its records and weights."""
    rate = plan.learning_rate
    return {
        "data": describe_data(plan.data),
        "loss": plan.loss.name,
        "method": plan.choice.method,
        "method_reason": plan.choice.reason,
        "steps_asked": plan.choice.steps,
        "log_time_asked": plan.choice.log_time,
        "learning_rate": rate.value if rate else None,
        "learning_rate_origin": rate.origin if rate else None,
        "step_bound": rate.bound if rate else None,
        "momentum": plan.momentum,
        "batch_size": plan.batch_size,
        "seed": plan.seed,
        "reduction": plan.reduction,
        "checkpoint": plan.checkpoint,
        "final": final_figures(result, limit),
        "limit": None if limit is None else _limit_figures(limit),
        "error_estimate": getattr(result, "error_estimate", None),
        "prefix": getattr(result, "prefix", None),
        "statistics": result.statistics,
        "weights": result.weights,
        "residual": getattr(result, "residual", None),
        "records": {"steps": result.steps, "log_time": result.log_time, **result.observables},
    }


def final_figures(result: "Trajectory", limit: "MaxMargin | None") -> dict[str, Any]:
    """The last of every scalar observable, and how far the weights are from the limit."""
    last = {
        name: values[-1].item()
        for name, values in result.observables.items()
        if values.ndim == 1 and len(values)
    }
    found: dict[str, Any] = {"log_time": float(result.log_time[-1])}
    if result.steps is not None:
        found["steps"] = int(result.steps[-1])
    return found | last | (_distance(result, limit) if limit is not None else {})


def run_page(plan: Plan, result: "Trajectory", limit: "MaxMargin | None", remark: str) -> list[Any]:
    """The run as people read it, without figures that are not finite, as at weights of zero."""
    last = final_figures(result, limit)
    rate = plan.learning_rate
    return [
        facts(
            [
                ("data", data_line(plan.data)),
                ("loss", plan.loss.name),
                ("method", f"{plan.choice.method} ({plan.choice.reason})"),
                ("learning rate", f"{rate.value:.6g} ({rate.origin})" if rate else None),
                ("momentum", plan.momentum or None),
                ("batch size", plan.batch_size),
                ("ended", result.message),
                _how_far(plan, result.status == "done", last),
                ("log risk", _finite(last["log_risk"])),
                ("accuracy", last["accuracy"]),
                ("least margin", _finite(last["margin"])),
                ("weights' norm", _finite(last["weights_norm"])),
                ("margin / norm", _normalized(last, limit)),
                ("direction error", _direction(last)),
                ("limit", remark),
                ("error estimate", _estimate(result)),
            ]
        )
    ]


def _distance(result: "Trajectory", limit: "MaxMargin") -> dict[str, Any]:
    """The direction error in three forms, and how well it is known."""
    import numpy as np

    from marginflow.dynamics import direction_error
    from marginflow.dynamics.direction import euclidean_norm

    error = direction_error(result.weights, limit.weights)
    eps = float(np.finfo(float).eps)
    # ‖x/‖x‖ − y/‖y‖‖ ≤ 2‖x − y‖/(‖x‖ + ‖y‖), for the limit and for the weights; then rounding
    assert limit.weights_error_bound is not None  # in the Frobenius norm
    limit_error = limit.weights_error_bound / euclidean_norm(limit.weights)
    path_error = getattr(result, "error_estimate", 0.0)
    known = [2 * e / (2 - e) if e < 2 else math.inf for e in (limit_error, path_error)]
    return {
        "direction_error": error.distance,
        "direction_error_uncertainty": sum(known) + (limit.weights.size + 4) * eps,
        "angle": error.angle,
        "one_minus_cos": error.one_minus_cos,
        "best_normalized_margin": limit.margin,
    }


def _limit_figures(limit: "MaxMargin") -> dict[str, Any]:
    return {
        "margin": limit.margin,
        "relative_gap": limit.relative_gap,
        "weights_error_bound": limit.weights_error_bound,
        "support_pairs": len(limit.support),
        "next_margin": limit.next_margin,
    }


def _how_far(plan: Plan, done: bool, last: dict[str, Any]) -> tuple[str, Any]:
    if plan.choice.method == Method.FLOW:
        return "log time", None if _finite(last["log_time"]) is None else f"{last['log_time']:.12g}"
    if "steps" in last:
        return "steps", last["steps"]
    return "steps", plan.choice.steps if done else show_log_steps(last["log_time"])


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _normalized(last: dict[str, Any], limit: "MaxMargin | None") -> str | None:
    found = last["normalized_margin"]
    if _finite(found) is None:
        return None
    if limit is None or not found > 0:
        return f"{found:.6g}"
    return f"{found:.6g}, {found / limit.margin:.4%} of the best, {limit.margin:.6g}"


def _direction(last: dict[str, Any]) -> str | None:
    if _finite(last.get("direction_error", math.nan)) is None:
        return None
    floor = last["direction_error_uncertainty"]
    if _finite(floor) is None:
        return None
    if last["direction_error"] <= floor:
        return f"at most {floor:.2g}, as far as weights and limit are known"
    return (
        f"{last['direction_error']:.3g} between unit vectors, angle "
        f"{math.degrees(last['angle']):.3g}°, 1 − cos {last['one_minus_cos']:.3g}"
    )


def _estimate(result: "Trajectory") -> str | None:
    estimate, prefix = getattr(result, "error_estimate", None), getattr(result, "prefix", None)
    if estimate is None or _finite(estimate) is None:
        return None
    return f"{estimate:.2g} of the weights, from {prefix} exact steps"
