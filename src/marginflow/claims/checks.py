"""The three kinds of checks, in words; figures may be NumPy's."""

from typing import TypeAlias

import numpy as np

from marginflow.claims.claim import Check

Figure: TypeAlias = float | int | np.floating | np.integer


def close(name: str, measured: Figure, expected: Figure, tolerance: float) -> Check:
    """|measured − expected| ≤ tolerance."""
    return Check(name, float(measured), float(expected), tolerance)


def at_most(
    name: str,
    measured: Figure,
    limit: Figure,
    tolerance: float = 0.0,
    *,
    uncertainty: Figure = 0.0,
) -> Check:
    """Measured ≤ limit + tolerance."""
    return Check(name, float(measured), float(limit), tolerance, "at_most", float(uncertainty))


def at_least(name: str, measured: Figure, limit: Figure, tolerance: float = 0.0) -> Check:
    """Measured ≥ limit − tolerance."""
    return Check(name, float(measured), float(limit), tolerance, "at_least")
