"""Gradient descent on least squares as a filter of singular values.

With X = Σ s_j u_j v_jᵀ the step w⁺ = w − η Xᵀ(X w − y) + β (w − w₋) moves every singular direction
by itself.  What is missing of its limit after t steps is a factor 1 − φ_j(t) of what was missing at
the start, with

    φ(t) = 1 − (1 − η s²)^t

without momentum.  With momentum (missing, last step) is multiplied by a 2 × 2 matrix at each step.
Its power M^t is formed as M^t − 1 by doubling, A ∘ B = A + B + A B, so that a φ of 1e-20 keeps its
digits and 10^1000 steps cost some 3000 products.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Filter(NamedTuple):
    """What each singular direction has made of its way to the limit.

    Attributes:
        gained: φ (m, r), for each step count and singular value.
        missing: 1 − φ, without cancellation where there is no momentum.
    """

    gained: Float[np.ndarray, "m r"]
    missing: Float[np.ndarray, "m r"]


def spectral_filter(
    curvatures: Float[np.ndarray, " r"], steps: list[int], momentum: float = 0.0
) -> Filter:
    """The filter factors of gradient descent.

    Args:
        curvatures: η s² of each singular value.
        steps: step counts, ints of any size, at least 0.
        momentum: β in [0, 1).

    Example:
        >>> import numpy as np
        >>> spectral_filter(np.array([0.5, 1e-30]), [2]).gained
        array([[7.5e-01, 2.0e-30]])
    """
    if momentum:
        return _with_momentum(curvatures, steps, momentum)
    rows = [_plain(curvatures, count) for count in steps]
    return Filter(*(np.stack(part) for part in zip(*rows, strict=True)))


def _plain(curvatures: Float[np.ndarray, " r"], count: int) -> tuple[np.ndarray, np.ndarray]:
    """1 − (1 − x)^t and (1 − x)^t."""
    if count == 0:
        return np.zeros_like(curvatures), np.ones_like(curvatures)
    excess = max(count.bit_length() - 1000, 0)
    past = curvatures > 1.0  # there the sign alternates
    with np.errstate(divide="ignore", over="ignore"):
        log = np.log1p(np.where(past, curvatures - 2.0, -curvatures))
        power = np.ldexp(log * float(count >> excess), excess)
        size = np.exp(power)
        gained = np.where(past & (count % 2 == 1), 1.0 + size, -np.expm1(power))
    return gained, np.where(past & (count % 2 == 1), -size, size)


def _with_momentum(curvatures: Float[np.ndarray, " r"], steps: list[int], momentum: float):
    """(missing, last step) ↦ (missing + last step⁺, last step⁺)."""
    rest = np.full_like(curvatures, momentum)
    change = np.stack(
        [np.stack([-curvatures, rest], axis=-1), np.stack([-curvatures, rest - 1.0], axis=-1)],
        axis=-2,
    )
    power = np.zeros((len(steps), *change.shape))
    with np.errstate(over="ignore", invalid="ignore"):
        for place in reversed(range(max(count.bit_length() for count in steps))):
            power = 2.0 * power + power @ power
            odd = np.array([count >> place & 1 for count in steps], dtype=bool)
            power = np.where(odd[:, None, None, None], power + change + power @ change, power)
    gained = -power[..., 0, 0]
    return Filter(gained, 1.0 - gained)
