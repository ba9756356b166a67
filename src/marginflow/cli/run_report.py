"""What is told of a run: its last figures, beside the best there are in its norms."""

import math
from typing import TYPE_CHECKING, Any

from marginflow.cli.console import facts
from marginflow.cli.data_description import data_line, describe_data
from marginflow.cli.optimizer_argument import Schedule
from marginflow.cli.run_limits import Comparison
from marginflow.cli.run_method import Method
from marginflow.cli.run_plan import Plan
from marginflow.cli.step_count import show_log_steps

if TYPE_CHECKING:
    from marginflow.dynamics import Trajectory
    from marginflow.limits import MaxMargin
    from marginflow.theory import LimitPrediction


def run_figures(plan: Plan, result: "Trajectory", comparison: Comparison) -> dict[str, Any]:
    """The run in a JSON document: its settings, its last figures, its records and weights."""
    rate, limit = plan.learning_rate, comparison.limit
    return {
        "data": describe_data(plan.data),
        "loss": plan.loss.name,
        "method": plan.choice.method,
        "method_reason": plan.choice.reason,
        "steps_asked": plan.choice.steps,
        "log_time_asked": plan.choice.log_time,
        "optimizer": plan.named.name if plan.optimizer else None,
        "settings": _settings(plan),
        "learning_rate": rate.value if rate else None,
        "schedule": plan.named.schedule if rate else None,
        "learning_rate_origin": rate.origin if rate else None,
        "step_bound": rate.bound if rate else None,
        "batch_size": plan.batch_size,
        "seed": plan.seed,
        "reduction": plan.reduction,
        "checkpoint": plan.checkpoint,
        "prediction": _prediction_figures(plan.prediction),
        "final": final_figures(result, comparison),
        "limit": None if limit is None else _limit_figures(limit),
        "error_estimate": getattr(result, "error_estimate", None),
        "prefix": getattr(result, "prefix", None),
        "statistics": result.statistics,
        "weights": result.weights,
        "residual": getattr(result, "residual", None),
        "records": {"steps": result.steps, "log_time": result.log_time, **result.observables},
    }


def final_figures(result: "Trajectory", comparison: Comparison) -> dict[str, Any]:
    """The last of every scalar observable, the margins, and how far the limit's weights are."""
    last = {
        name: values[-1].item()
        for name, values in result.observables.items()
        if values.ndim == 1 and len(values)
    }
    found: dict[str, Any] = {"log_time": float(result.log_time[-1])}
    if result.steps is not None:
        found["steps"] = int(result.steps[-1])
    found |= last | {"margins": comparison.margins(result)}
    return found | _distance(result, comparison.limit)


def run_page(plan: Plan, result: "Trajectory", comparison: Comparison) -> list[Any]:
    """The run as people read it, without figures that are not finite, as at weights of zero."""
    last = final_figures(result, comparison)
    return [
        facts(
            [
                ("data", data_line(plan.data)),
                ("loss", plan.loss.name),
                ("method", f"{plan.choice.method} ({plan.choice.reason})"),
                ("optimizer", _optimizer(plan)),
                ("learning rate", _rate(plan)),
                ("batch size", plan.batch_size),
                ("ended", result.message),
                _how_far(plan, result.status == "done", last),
                ("log risk", _finite(last["log_risk"])),
                ("accuracy", last["accuracy"]),
                ("least margin", _finite(last["margin"])),
                ("weights' norm", _finite(last["weights_norm"])),
                *((f"margin, {name}", _share(each)) for name, each in last["margins"].items()),
                ("direction error", _direction(last)),
                ("limit", _limit(plan, comparison)),
                ("predicted", plan.prediction.message if plan.prediction else None),
                ("error estimate", _estimate(result)),
            ]
        )
    ]


def _distance(result: "Trajectory", limit: "MaxMargin | None") -> dict[str, Any]:
    """The direction error in three forms, and how well it is known; none of what is not unique."""
    if limit is None or limit.weights_error_bound is None:
        return {}
    import numpy as np

    from marginflow.dynamics import direction_error
    from marginflow.dynamics.direction import euclidean_norm

    error = direction_error(result.weights, limit.weights)
    eps = float(np.finfo(float).eps)
    # ‖x/‖x‖ − y/‖y‖‖ ≤ 2‖x − y‖/(‖x‖ + ‖y‖), for the limit and for the weights; then rounding
    limit_error = limit.weights_error_bound / euclidean_norm(limit.weights)
    path_error = getattr(result, "error_estimate", 0.0)
    known = [2 * e / (2 - e) if e < 2 else math.inf for e in (limit_error, path_error)]
    return {
        "direction_error": error.distance,
        "direction_error_uncertainty": sum(known) + (limit.weights.size + 4) * eps,
        "angle": error.angle,
        "one_minus_cos": error.one_minus_cos,
    }


def _limit_figures(limit: "MaxMargin") -> dict[str, Any]:
    return {
        "norm": limit.norm,
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


def _limit(plan: Plan, comparison: Comparison) -> str:
    """What is known of it, and whether it is this run's at all."""
    stray = plan.prediction is not None and plan.prediction.norm is None
    foreign = stray and comparison.limit is not None
    return comparison.remark + ("; a yardstick, not this run's limit" if foreign else "")


def _settings(plan: Plan) -> dict[str, Any]:
    """What the optimizer has besides its learning rate."""
    found = plan.optimizer.identity() if plan.optimizer else {}
    return {k: v for k, v in found.items() if k not in ("optimizer", "learning_rate")}


def _prediction_figures(found: "LimitPrediction | None") -> dict[str, Any] | None:
    if found is None:
        return None
    names = ("message", "norm", "problem", "rate", "source", "breaks")
    return {name: getattr(found, name) for name in names}


def _optimizer(plan: Plan) -> str | None:
    if plan.optimizer is None:
        return None
    settings = {key: value for key, value in _settings(plan).items() if value is not None}
    shown = [f"{key} {_word(value)}" for key, value in settings.items()]
    return f"{plan.named.name} ({', '.join(shown)})" if shown else plan.named.name


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _rate(plan: Plan) -> str | None:
    rate = plan.learning_rate
    if rate is None:
        return None
    decays = "/√(t + 1)" if plan.named.schedule == Schedule.INVERSE_SQRT else ""
    return f"{rate.value:.6g}{decays} ({rate.origin})"


def _share(found: dict[str, Any]) -> str | None:
    """A normalized margin, and what it is of the best."""
    value = found["normalized_margin"]
    if _finite(value) is None:
        return None
    if "best" not in found or not value > 0:
        return f"{value:.6g}"
    return f"{value:.6g}, {found['fraction_of_best']:.4%} of the best, {found['best']:.6g}"


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
