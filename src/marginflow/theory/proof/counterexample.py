"""Counterexamples confirmed at float margins: enclosures at exactly these points show them."""

from collections.abc import Callable

import numpy as np

from marginflow.theory.certificate.verdict import shown
from marginflow.theory.proof.curvature_proof import definite
from marginflow.theory.proof.enclosure import Boxes
from marginflow.theory.proof.program import Formula


def negative_value(formula: Formula, u: np.ndarray) -> str | None:
    """ψ(u) < 0."""
    highest = Boxes.at(u[None]).enclose(formula.original).hi[0]
    return f"ψ ≤ {highest:.6g} at margins {shown(u)}." if highest < 0 else None


def rising_slope(formula: Formula, u: np.ndarray) -> str | None:
    """∂_j ψ(u) ≥ 0 for some j."""
    al, point = formula.algebra, Boxes.at(u[None])
    for j in range(al.n):
        least = point.enclose(al.derivative(formula.original, j)).lo[0]
        if least >= 0:
            return f"∂ψ/∂u_{j + 1} ≥ {least:.6g} at margins {shown(u)}."
    return None


def negative_curvature(formula: Formula, u: np.ndarray) -> str | None:
    """vᵀ∇²ψ(u) v < 0 for some v."""
    al, point = formula.algebra, Boxes.at(u[None])
    middle, radius = np.zeros((2, 1, al.n, al.n))
    for i in range(al.n):
        slope = al.derivative(formula.original, i)
        for j in range(i + 1):
            found = point.enclose(al.derivative(slope, j))
            with np.errstate(all="ignore"):
                mid = found.lo[0] + (found.hi[0] - found.lo[0]) / 2
                rad = np.nextafter(max(found.hi[0] - mid, mid - found.lo[0]), np.inf)
            middle[0, i, j] = middle[0, j, i] = mid
            radius[0, i, j] = radius[0, j, i] = rad
    if not (np.isfinite(middle).all() and np.isfinite(radius).all()):
        return None
    highest = float(definite(middle, radius)[1][0])
    if highest >= 0:
        return None
    v = np.linalg.eigh(middle[0])[1][:, 0]
    return f"vᵀ∇²ψ v ≤ {highest:.6g} at margins {shown(u)} for v = {shown(v)}."


CHECKS: dict[str, Callable[[Formula, np.ndarray], str | None]] = {
    "convex": negative_curvature,
    "strictly convex": negative_curvature,
    "strictly decreasing": rising_slope,
    "non-negative": negative_value,
}
