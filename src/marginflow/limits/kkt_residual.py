"""How far parameters are from a stationary point of the margin problem of a homogeneous map.

The problem is: minimize ½‖θ‖² subject to every relative margin u_ik(θ) ≥ 1.  It is not convex for a
network, so what can be certified is that its Karush-Kuhn-Tucker conditions nearly hold.  With θ
scaled so that its least margin is 1, and multipliers λ ≥ 0, v = Σ λ_ik ∇u_ik(θ),

    residual = (½‖θ − v‖² + Σ λ_ik (u_ik − 1)) / ½‖θ‖²,

both terms non-negative, and zero at KKT points alone.  It is a duality gap, that of the problem
with its margins made linear at θ: no θ + δ with u_ik + ⟨∇u_ik, δ⟩ ≥ 1 has a ½‖θ + δ‖² lower by more
than that share.  Where the margins are linear it is the gap of `certify_max_margin` itself.
"""

import operator
from typing import Any, NamedTuple

import jax

from marginflow._types import AnyArray, namespace
from marginflow.margins import MarginMap


class KKTParts(NamedTuple):
    """The parts of the residual, scalars; all of them are infinite where a margin is not positive.

    Attributes:
        residual: stationarity² + complementarity.
        stationarity: ‖θ − v‖/‖θ‖.
        complementarity: Σ λ (u − 1)/½‖θ‖².
        factor: that the multipliers were taken times.
    """

    residual: Any
    stationarity: Any
    complementarity: Any
    factor: Any


def kkt_parts(margin_map: MarginMap, params: Any, multipliers: AnyArray) -> KKTParts:
    """The residual with multipliers in given proportions, times the factor that makes it least.

    In NumPy and in JAX alike.  Nothing underflows: θ is scaled first.

    Args:
        margin_map: homogeneous of degree L.
        params: θ, of any positive least margin.
        multipliers: (n, K−1), at least 0, not all of them 0.
    """
    margins, degree = margin_map.margins(params), margin_map.homogeneity
    xp = namespace(margins)
    least = margins.min()
    separates = least > 0
    scale = xp.where(separates, least, 1.0) ** (-1.0 / degree)
    scaled = jax.tree.map(lambda layer: scale * layer, params)
    slack = xp.where(separates, margins / xp.where(separates, least, 1.0) - 1.0, 0.0)
    pull = margin_map.vjp(scaled, multipliers)
    square, cost = inner(scaled, scaled), (multipliers * slack).sum()
    strength = inner(pull, pull)
    # the minimum over c of ½‖θ − c v‖² + c Σ λ (u − 1)
    best = (inner(scaled, pull) - cost) / xp.where(strength > 0, strength, 1.0)
    factor = xp.where(strength > 0, xp.maximum(best, 0.0), 0.0)
    off = jax.tree.map(lambda w, v: w - factor * v, scaled, pull)
    total = xp.where(square > 0, square, 1.0)
    stationarity, complementarity = inner(off, off) / total, 2.0 * factor * cost / total
    found = (stationarity + complementarity, xp.sqrt(stationarity), complementarity, factor)
    return KKTParts(*(xp.where(separates, each, xp.inf) for each in found))


def inner(one: Any, other: Any) -> Any:
    """The inner product of two trees of arrays."""
    products = jax.tree.map(lambda a, b: (a * b).sum(), one, other)
    return jax.tree.reduce(operator.add, products)
