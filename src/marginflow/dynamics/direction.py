"""How far weights are from the limit: direction error and margin gap, without cancellation.

After 10⁶ e-folds of training 1 − cos is 1e-12, below what the definition resolves in float64.  All
three direction errors are therefore formed from the difference of the unit vectors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class DirectionError:
    """The angle between two directions, in three forms.

    Attributes:
        distance: ‖W/‖W‖ − Ŵ/‖Ŵ‖‖, the distance of the unit vectors.
        angle: in radians.
        one_minus_cos: 1 − cos(angle).

    Example:
        >>> import marginflow as mf
        >>> mf.direction_error([0.0, 2.0], [3.0, 0.0])  # doctest: +ELLIPSIS
        DirectionError(distance=1.414..., angle=1.570..., one_minus_cos=1.0...)
    """

    distance: float
    angle: float
    one_minus_cos: float


def direction_error(weights: ArrayLike, limit: ArrayLike) -> DirectionError:
    """The direction error of weights against a limit of the same shape.

    distance = ‖W/‖W‖ − Ŵ/‖Ŵ‖‖, angle = 2 arcsin(distance/2), 1 − cos = distance²/2.

    Args:
        weights: any shape, not zero.
        limit: the same shape, not zero.

    Returns:
        A `DirectionError`; NaN where one of them is zero.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> error = mf.direction_error(np.array([1.0, 1e-9]), np.array([2.0, 0.0]))
        >>> f"{error.angle:.3g} {error.one_minus_cos:.3g}"
        '1e-09 5e-19'
    """
    first, second = np.asarray(weights, dtype=float), np.asarray(limit, dtype=float)
    if first.shape != second.shape:
        raise ValueError(
            f"direction_error: expected two arrays of one shape, got {first.shape}, {second.shape}."
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        # scaled by the largest entry first: squares of 1e200 leave float64
        scaled = [array / np.abs(array).max() for array in (first, second)]
        units = [array / np.linalg.norm(array) for array in scaled]
    distance = float(np.linalg.norm(units[0] - units[1]))
    angle = 2.0 * float(np.arcsin(min(distance / 2.0, 1.0))) if distance == distance else np.nan
    return DirectionError(distance, angle, distance**2 / 2.0)


def margin_gap(weights: ArrayLike, least_margin: float, best: float) -> float:
    """How far the normalized margin is below the best one: γ̂ − min u / ‖W‖.

    Args:
        weights: not zero.
        least_margin: their least relative margin.
        best: the largest normalized margin there is, 1/‖Ŵ‖.

    Returns:
        The gap, at least zero up to rounding.

    Example:
        >>> import marginflow as mf
        >>> mf.margin_gap([3.0, 4.0], least_margin=2.0, best=1.0)
        0.6
    """
    return best - least_margin / euclidean_norm(weights)


def euclidean_norm(weights: ArrayLike) -> float:
    """The norm of all entries together, whose squares may leave float64 where it does not.

    A power of two is taken out and put back, which rounds nothing.
    """
    flat = np.asarray(weights, dtype=np.float64).ravel()
    exponent = int(np.frexp(np.abs(flat).max(initial=0.0))[1])
    with np.errstate(over="ignore"):
        return float(np.ldexp(np.linalg.norm(np.ldexp(flat, -exponent)), exponent))
