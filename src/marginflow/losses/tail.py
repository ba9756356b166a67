"""The tail of a template: how its slopes fade when every margin is large.

The tail decides where gradient descent ends.  With an exponential tail,

    −∂_j ψ(u) = c e^(−a u_j) (1 + o(1))   as min u → ∞,

the limit is the hard-margin SVM and the residual depends on the rate a and the constant c.  A
polynomial tail has another limit, and a finite one (a hinge) stops at a point that depends on the
start.  Slopes of a stretched tail fade more slowly than every exponential and faster than every
power.  Where some slopes turn positive however large the margins are, training does not even want
them all large: the tail is rising.
"""

from dataclasses import dataclass
from enum import StrEnum


class TailKind(StrEnum):
    """The classes of tails."""

    EXPONENTIAL = "exponential"
    STRETCHED = "stretched"
    POLYNOMIAL = "polynomial"
    FINITE = "finite"
    RISING = "rising"


@dataclass(frozen=True)
class Tail:
    """A tail and its constants.

    Attributes:
        kind: "exponential", "stretched", "polynomial", "finite" or "rising".
        rate: a in c·e^(−a u); None unless the tail is exponential.
        log_constant: log c; None unless the tail is exponential.
        degree: p in a template that fades as u^(−p); None unless the tail is polynomial.
        power: ν in a template that fades as e^(−u^ν), 0 < ν < 1; None unless the tail is stretched.
        error: how well the constants are known: 0 for a closed form, else an estimate from above of
            the relative error of the rate and of the error of the log constant.

    Example:
        >>> import marginflow as mf
        >>> tail = mf.CrossEntropy().tail(n_classes=3)
        >>> tail.rate, tail.log_constant
        (1.0, 0.0)
    """

    kind: TailKind
    rate: float | None = None
    log_constant: float | None = None
    degree: float | None = None
    power: float | None = None
    error: float = 0.0

    @property
    def is_exponential(self) -> bool:
        """Whether the theorem's condition on the tail is met, up to a rescaling by the rate."""
        return self.kind == TailKind.EXPONENTIAL


def exponential_tail(rate: float = 1.0, log_constant: float = 0.0, error: float = 0.0) -> Tail:
    """The tail −∂_j ψ ~ c e^(−a u_j)."""
    return Tail(TailKind.EXPONENTIAL, rate=rate, log_constant=log_constant, error=error)
