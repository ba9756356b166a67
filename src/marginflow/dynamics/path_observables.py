"""What is looked at along a path in log time, its distance to the limit among it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from marginflow._types import AnyArray
from marginflow.dynamics.direction import direction_error, euclidean_norm, margin_gap
from marginflow.limits import MaxMargin
from marginflow.losses import Loss
from marginflow.margins import LinearMarginMap


@eqx.filter_jit
def _at(margin_map: LinearMarginMap, loss: Loss, weights: AnyArray) -> dict[str, AnyArray]:
    margins = margin_map.margins(weights)
    least = jnp.min(margins, axis=-1)
    return {
        "log_risk": jax.nn.logsumexp(loss.log_template(margins)),
        "margin": jnp.min(least),
        "accuracy": jnp.mean(least > 0, dtype=margins.dtype),
    }


def path_observables(
    margin_map: LinearMarginMap,
    loss: Loss,
    weights: list[np.ndarray],
    limit: MaxMargin | None,
    reduction: str,
) -> dict[str, np.ndarray]:
    """The observables at each of the recorded weights, one array a name.

    `risk` and `log_risk`, `margin`, `normalized_margin`, `weights_norm`, `accuracy`; and where the
    limit is known `direction_error` (distance of unit vectors), `angle`, `one_minus_cos` and
    `margin_gap`.
    """
    on_device = jax.tree.map(jnp.asarray, margin_map)
    shift = np.log(margin_map.n_samples) if reduction == "mean" else 0.0
    rows = []
    for flat in weights:
        value = flat.reshape(margin_map.weights_shape)
        row = {name: float(entry) for name, entry in _at(on_device, loss, value).items()}
        row["log_risk"] -= shift
        row["risk"] = float(np.exp(row["log_risk"]))
        norm = row["weights_norm"] = euclidean_norm(flat)
        row["normalized_margin"] = row["margin"] / norm if norm else float("nan")
        if limit is not None:
            row |= _distance(value, row["margin"], limit)
        rows.append(row)
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else {})}


def _distance(weights: np.ndarray, least: float, limit: MaxMargin) -> dict[str, float]:
    names = ("direction_error", "angle", "one_minus_cos", "margin_gap")
    if not np.any(weights):
        return dict.fromkeys(names, float("nan"))
    error = direction_error(weights, limit.weights)
    gap = margin_gap(weights, least, limit.margin)
    return dict(zip(names, (error.distance, error.angle, error.one_minus_cos, gap), strict=True))
