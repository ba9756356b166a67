"""What an oracle of a template is: functions of margins in many digits."""

from collections.abc import Callable
from dataclasses import dataclass

import mpmath
from mpmath import mpf

Vector = list[mpf]


@dataclass(frozen=True)
class Oracle:
    """A template and its slopes; where a subgradient is not unique, the symmetric one.

    The error is that of the logarithms, in units of max(1, |log|, conditioning).  The conditioning
    of each slope's logarithm says how it changes with relative changes of the margins, where that
    is more than the logarithm itself: Σ_j |u_j ∂_j log ∂_k ψ|, or a bound.
    """

    template: Callable[[Vector], mpf]
    slopes: Callable[[Vector], Vector]
    error: float = 1e-15
    conditioning: Callable[[Vector], list[float]] | None = None


def pair_sum(term: Callable[[mpf], mpf], slope: Callable[[mpf], mpf]) -> Oracle:
    """Σ φ(u_k)."""
    return Oracle(lambda u: mpmath.fsum(map(term, u)), lambda u: [slope(x) for x in u])
