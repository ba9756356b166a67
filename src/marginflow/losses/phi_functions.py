"""The φ of γ(Σ φ(u_k)): what one margin costs.

Each states its value, its logarithm where the value underflows, its slope as (sign, log |slope|),
how the slope fades, and the largest curvature, which is what a smoothness constant is made of.
"""

import math
from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.log_sum import log_softplus
from marginflow.losses.loss import log_of_nonnegative
from marginflow.losses.tail import Tail, TailKind, exponential_tail


class Phi(eqx.Module):
    """A non-negative function of one margin, entry by entry on JAX arrays."""

    @abstractmethod
    def value(self, margins: AnyArray) -> AnyArray:
        """φ(u)."""

    def log_value(self, margins: AnyArray) -> AnyArray:
        """The logarithm of φ(u)."""
        return log_of_nonnegative(self.value(margins))

    @abstractmethod
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        """φ′(u) as (sign, log |slope|); an exact zero is (0, −inf)."""

    def slope_value(self, margins: AnyArray) -> AnyArray:
        """φ′(u) itself."""
        sign, log_abs = self.slope(margins)
        return sign * jnp.exp(log_abs)

    def relative_slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        """φ′(u) / φ(u) as (sign, log |ratio|); zero where φ′ is."""
        sign, log_abs = self.slope(margins)
        log_value = jnp.where(sign == 0, 0, self.log_value(margins))
        return sign, log_abs - log_value

    @abstractmethod
    def curvature(self) -> float | None:
        """The largest φ″, or None where there is no bound."""

    @abstractmethod
    def tail(self) -> Tail | None:
        """How the slope fades."""


class Exponential(Phi):
    """φ(u) = e^(a(m − u)).

    Args:
        rate: a > 0.
        margin: m, where the function is 1.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import Exponential
        >>> Exponential().value(np.array([0.0])).tolist()
        [1.0]
    """

    rate: float = eqx.field(static=True, default=1.0)
    margin: float = eqx.field(static=True, default=0.0)

    def __check_init__(self):
        check_positive("Exponential", "rate", self.rate)
        if not math.isfinite(self.margin):
            raise ValueError(f"Exponential: expected a finite margin, got {self.margin}.")

    def value(self, margins: AnyArray) -> AnyArray:
        return jnp.exp(self.log_value(margins))

    def log_value(self, margins: AnyArray) -> AnyArray:
        return self.rate * (self.margin - margins)

    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        return -jnp.ones_like(margins), math.log(self.rate) + self.log_value(margins)

    def slope_value(self, margins: AnyArray) -> AnyArray:
        return -self.rate * self.value(margins)

    def relative_slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        sign = -jnp.ones_like(margins)
        return sign, jnp.full_like(margins, math.log(self.rate))

    def curvature(self) -> None:
        return None

    def tail(self) -> Tail:
        return exponential_tail(self.rate, math.log(self.rate) + self.rate * self.margin)


class Logistic(Phi):
    """φ(u) = log(1 + e^(−u)).

    Example:
        >>> from marginflow.losses import Logistic
        >>> Logistic().curvature()
        0.25
    """

    def value(self, margins: AnyArray) -> AnyArray:
        return jax.nn.softplus(-margins)

    def log_value(self, margins: AnyArray) -> AnyArray:
        return log_softplus(-margins)

    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        log_abs = -jax.nn.softplus(margins)
        return -jnp.ones_like(log_abs), log_abs

    def slope_value(self, margins: AnyArray) -> AnyArray:
        return -jax.nn.sigmoid(-margins)

    def curvature(self) -> float:
        return 0.25

    def tail(self) -> Tail:
        return exponential_tail()


class Sigmoid(Phi):
    """φ(u) = 1 / (1 + e^u), a smooth count of errors.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import Sigmoid
        >>> float(Sigmoid().value(np.array(0.0)))
        0.5
    """

    def value(self, margins: AnyArray) -> AnyArray:
        return jax.nn.sigmoid(-margins)

    def log_value(self, margins: AnyArray) -> AnyArray:
        return -jax.nn.softplus(margins)

    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        log_abs = -jax.nn.softplus(margins) - jax.nn.softplus(-margins)
        return -jnp.ones_like(log_abs), log_abs

    def curvature(self) -> float:
        return math.sqrt(3) / 18

    def tail(self) -> Tail:
        return exponential_tail()


class Hinge(Phi):
    """φ(u) = max(0, 1 − u).

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import Hinge
        >>> float(Hinge().value(np.array(0.25)))
        0.75
    """

    def value(self, margins: AnyArray) -> AnyArray:
        return jnp.where(margins < 1, 1 - margins, 0)

    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        return falling(margins < 1, jnp.zeros_like(margins))

    def curvature(self) -> None:
        return None

    def tail(self) -> Tail:
        return Tail(TailKind.FINITE)


class SquaredHinge(Phi):
    """φ(u) = max(0, 1 − u)².

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import SquaredHinge
        >>> float(SquaredHinge().value(np.array(0.5)))
        0.25
    """

    def value(self, margins: AnyArray) -> AnyArray:
        return Hinge().value(margins) ** 2

    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        active = margins < 1
        return falling(active, jnp.log(jnp.where(active, 2 * (1 - margins), 1)))

    def curvature(self) -> float:
        return 2.0

    def tail(self) -> Tail:
        return Tail(TailKind.FINITE)


class SmoothHinge(Phi):
    """A hinge that is zero above m, bends over a width w and then falls in a straight line.

    φ(u) = c (m − u)²/(2w) for m − w ≤ u ≤ m, and c (m − u − w/2) below.

    Args:
        margin: m, from which on it is zero.
        width: w > 0.
        steepness: c > 0.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import SmoothHinge
        >>> SmoothHinge().value(np.array([-1.0, 0.0, 0.5, 1.0])).tolist()
        [1.5, 0.5, 0.125, 0.0]
    """

    margin: float = eqx.field(static=True, default=1.0)
    width: float = eqx.field(static=True, default=1.0)
    steepness: float = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        if not math.isfinite(self.margin):
            raise ValueError(f"SmoothHinge: expected a finite margin, got {self.margin}.")
        check_positive("SmoothHinge", "width", self.width)
        check_positive("SmoothHinge", "steepness", self.steepness)

    def value(self, margins: AnyArray) -> AnyArray:
        missing = self.margin - margins
        bent = jnp.where(missing > 0, missing, 0) ** 2 / (2 * self.width)
        straight = missing - self.width / 2
        return self.steepness * jnp.where(missing < self.width, bent, straight)

    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        missing = self.margin - margins
        bends = (missing > 0) & (missing < self.width)
        share = jnp.where(bends, missing / self.width, 1)
        return falling(missing > 0, math.log(self.steepness) + jnp.log(share))

    def curvature(self) -> float:
        return self.steepness / self.width

    def tail(self) -> Tail:
        return Tail(TailKind.FINITE)


class Polynomial(Phi):
    """φ(u) = (1 + u)^(−p) for u ≥ 0, continued below by its second-order Taylor polynomial.

    Args:
        degree: p > 0.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import Polynomial
        >>> Polynomial(2.0).value(np.array([-1.0, 0.0, 1.0])).round(4).tolist()
        [6.0, 1.0, 0.25]
    """

    degree: float = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        check_positive("Polynomial", "degree", self.degree)

    def value(self, margins: AnyArray) -> AnyArray:
        return jnp.exp(self.log_value(margins))

    def log_value(self, margins: AnyArray) -> AnyArray:
        p, (positive, negative) = self.degree, _split(margins)
        tail, taylor = -p * jnp.log1p(positive), negative * (p * (p + 1) / 2 * negative - p)
        return jnp.where(margins >= 0, tail, jnp.log1p(taylor))

    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        p, (positive, negative) = self.degree, _split(margins)
        tail, taylor = -(p + 1) * jnp.log1p(positive), jnp.log1p(-(p + 1) * negative)
        return -jnp.ones_like(margins), math.log(p) + jnp.where(margins >= 0, tail, taylor)

    def curvature(self) -> float:
        return self.degree * (self.degree + 1)

    def tail(self) -> Tail:
        return Tail(TailKind.POLYNOMIAL, degree=self.degree)


class Stretched(Phi):
    """φ(u) = e^(−u^ν) for u ≥ 1, continued below by its second-order Taylor polynomial.

    The function is convex for 0 < ν < 1, and infinitely steep at 0, which is why it is continued
    from 1: there φ = 1/e, φ′ = −ν/e and φ″ = ν/e.

    Args:
        power: ν, 0 < ν < 1.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import Stretched
        >>> Stretched(0.5).log_value(np.array([1.0, 4.0, 16.0])).tolist()
        [-1.0, -2.0, -4.0]
    """

    power: float = eqx.field(static=True, default=0.5)

    def __check_init__(self):
        if not 0 < self.power < 1:
            raise ValueError(f"Stretched: expected a power between 0 and 1, got {self.power}.")

    def value(self, margins: AnyArray) -> AnyArray:
        return jnp.exp(self.log_value(margins))

    def log_value(self, margins: AnyArray) -> AnyArray:
        nu, (positive, negative) = self.power, _split(margins - 1)
        tail = -(jnp.where(margins >= 1, margins, 1) ** nu)
        taylor = jnp.log1p(nu * negative * (negative / 2 - 1)) - 1
        return jnp.where(positive > 0, tail, taylor)

    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        nu, (positive, negative) = self.power, _split(margins - 1)
        above = jnp.where(margins >= 1, margins, 1)
        tail = (nu - 1) * jnp.log(above) - above**nu
        taylor = jnp.log1p(-negative) - 1
        log_abs = math.log(nu) + jnp.where(positive > 0, tail, taylor)
        return -jnp.ones_like(log_abs), log_abs

    def curvature(self) -> float:
        return self.power / math.e

    def tail(self) -> Tail:
        return Tail(TailKind.STRETCHED, power=self.power)


def falling(active: AnyArray, log_abs: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Slopes −e^log_abs where active, exact zeros elsewhere."""
    sign = jnp.where(active, -1, 0).astype(log_abs.dtype)
    return sign, jnp.where(active, log_abs, -jnp.inf)


def check_positive(owner: str, field: str, value: float) -> None:
    """Refuse a parameter that is not positive and finite."""
    if not 0 < value < math.inf:
        raise ValueError(f"{owner}: expected a finite {field} > 0, got {value}.")


def _split(margins: AnyArray) -> tuple[AnyArray, AnyArray]:
    """The positive and the negative part; minimum and maximum would halve the derivative at 0."""
    above = margins >= 0
    return jnp.where(above, margins, 0), jnp.where(above, 0, margins)
