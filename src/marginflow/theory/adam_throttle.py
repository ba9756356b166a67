"""How fast Adam's gradients can fall, and when its ε takes over.

With ε out of the way Adam moves every entry by about the learning rate, so that margins grow by
γ·lr a step and gradients fall as e^(−γ·lr·t), γ being the max-norm margin.  But the second moment
remembers older, larger gradients: where it cannot fall as fast as the gradients do, it divides by
too much, and the steps shorten.  Gradients then fall at the rate r at which the two keep pace,

    r = γ·lr · (1 − β₁)/(1 − β₁ e^r) · sqrt((1 − β₂ e^(2r))/(1 − β₂)),

which is below ½ log(1/β₂) however large γ·lr is: the throttle.  √v̂ falls with them, each entry at a
rate between r and ½ log(1/β₂), and once its median is below ε the steps are those of gradient
descent with learning rate lr/ε.
"""

import math
from dataclasses import dataclass
from typing import Any, cast

from scipy.optimize import brentq

# Of the equation's right side, to find the first root: it is smooth on this scale.
_GRID = 400
# No entry's rate is further off than what is left to the ceiling; γ·lr is then 4 ceilings or more.
_NEAR = 0.95


@dataclass(frozen=True)
class AdamThrottle:
    """The rate at which Adam's gradients fall while its ε plays no part.

    Attributes:
        rate: r, per step.
        unthrottled: γ·lr, the rate if the second moment kept pace.
        ceiling: ½ log(1/β₂), which r stays below.
        valid: whether the handover is known within 5 %: r is at least .95 of the ceiling.  Entries
            of √v̂ at which the limit is not extreme fall faster than the gradients, but none faster
            than the ceiling, which leaves no more between.  The gradients themselves fall at rate r
            for any γ·lr, once they have fallen by some 20 e-folds.

    Example:
        >>> from marginflow.theory import adam_throttle
        >>> throttle = adam_throttle(margin=0.5, learning_rate=0.01)
        >>> bool(0 < throttle.rate < throttle.ceiling), throttle.valid
        (True, True)
    """

    rate: float
    unthrottled: float
    ceiling: float
    valid: bool

    def handover(self, start: float | int, second_moment: float, eps: float) -> float:
        """The step at which √v̂ = ε, from √v̂ at an earlier step: t + log(√v̂(t)/ε)/r.

        Args:
            start: t, a step in the phase that the rate describes.
            second_moment: √v̂ at that step, the median over the entries.
            eps: ε > 0 of Adam; infinity is returned for 0.
        """
        if eps == 0:
            return math.inf
        return start + math.log(second_moment / eps) / self.rate


def adam_throttle(
    margin: float, learning_rate: float, *, b1: float = 0.9, b2: float = 0.999
) -> AdamThrottle:
    """The rate at which gradients fall under Adam with ε out of the way.

    The root of r = γ·lr (1 − β₁)/(1 − β₁ e^r) sqrt((1 − β₂ e^(2r))/(1 − β₂)) with
    e^r < min(1/β₁, β₂^(−½)); the least if there are several.

    Args:
        margin: γ > 0, the largest margin of weights with every entry within [−1, 1]: the `margin`
            of `max_margin(data, "max")`.
        learning_rate: lr > 0, constant.
        b1: β₁ in [0, 1).
        b2: β₂ in (0, 1).

    Returns:
        An `AdamThrottle`; its rate is NaN where the equation has no root, which takes a memory of
        the gradient that is longer than that of its square.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> from marginflow.theory import adam_throttle
        >>> f"{adam_throttle(1.0, 1e-9).rate:.3g}"  # so slow that both moments keep pace
        '1e-09'

    Reference:
        Derived for this package; the phases are those of Zhang et al. 2024, arXiv 2406.10650
        (ε = 0) and of Wang et al. 2021, arXiv 2012.06244 (ε > 0).
    """
    for name, value in (("margin", margin), ("learning_rate", learning_rate)):
        if not 0 < value < math.inf:
            raise ValueError(f"{name}: expected a finite number above 0, got {value!r}.")
    if not 0 <= b1 < 1:
        raise ValueError(f"b1: expected a number in [0, 1), got {b1!r}.")
    if not 0 < b2 < 1:
        raise ValueError(f"b2: expected a number in (0, 1), got {b2!r}.")
    ceiling = -0.5 * math.log(b2)
    last = min(ceiling, -math.log(b1)) if b1 else ceiling
    speed = margin * learning_rate

    def excess(rate: float) -> float:
        # log1p and expm1 keep the digits where β₂ e^(2r) is within 1e-12 of 1
        left = -math.expm1(2.0 * (rate - ceiling))
        gain = (1.0 - b1) / -math.expm1(rate + math.log(b1)) if b1 else 1.0
        return rate - speed * gain * math.sqrt(max(left, 0.0) / (1.0 - b2))

    rate, low = math.nan, 0.0
    for step in range(1, _GRID + 1):
        high = last * (step / _GRID) * (1.0 - 1e-15)
        if excess(high) >= 0:
            rate = cast(float, brentq(excess, low, high, xtol=1e-300, rtol=cast(Any, 1e-15)))
            break
        low = high
    return AdamThrottle(rate, speed, ceiling, valid=bool(rate >= _NEAR * ceiling))
