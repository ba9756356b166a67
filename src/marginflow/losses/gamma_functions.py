"""The γ of γ(Σ φ(u_k)): how the margins' costs make one loss.

Each takes the logarithm L of the sum S, and states its value, its logarithm, and its slope in L,
dγ/dL = S γ′(S), as (sign, log |slope|): in L nothing underflows, and no large logarithms cancel.
With φ(u) = e^(−u) the sum is S = (1 − p)/p, where p is the softmax's probability of the true class,
so that every function of p is such a γ: p = 1/(1 + S), and 1 − p = S/(1 + S).
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize_scalar

from marginflow._types import AnyArray
from marginflow.losses.log_sum import TINY, log_fraction, log_softplus
from marginflow.losses.phi_functions import check_positive


class Gamma(eqx.Module):
    """An increasing function of a sum that is given by its logarithm."""

    @abstractmethod
    def value(self, log_total: AnyArray) -> AnyArray:
        """γ(e^L)."""

    @abstractmethod
    def log_value(self, log_total: AnyArray) -> AnyArray:
        """The logarithm of γ(e^L)."""

    @abstractmethod
    def slope(self, log_total: AnyArray) -> tuple[AnyArray, AnyArray]:
        """The derivative in L as (sign, log |slope|)."""

    @abstractmethod
    def onset(self) -> tuple[float, float]:
        """(m, log C) in γ(S) ~ C S^m as S → 0."""

    @abstractmethod
    def softmax_smoothness(self) -> float | None:
        """β of γ(Σ e^(−u_k)) in the scores, or None where there is no bound.

        The Hessian is g′(c) M + g″(c) r rᵀ with γ = g(log(1+S)), c the cross-entropy, M the
        covariance of the softmax and r the gradient of c.  At a given p and a given mean of a
        direction over the others, it is largest with the others' mass on two classes; the search
        over those two finds all of it on one, where the curvature is that of two classes.
        """


class Identity(Gamma):
    """γ(S) = S: the loss is the sum itself."""

    def value(self, log_total: AnyArray) -> AnyArray:
        return jnp.exp(log_total)

    def log_value(self, log_total: AnyArray) -> AnyArray:
        return log_total

    def slope(self, log_total: AnyArray) -> tuple[AnyArray, AnyArray]:
        return jnp.ones_like(log_total), log_total

    def onset(self) -> tuple[float, float]:
        return 1.0, 0.0

    def softmax_smoothness(self) -> None:
        return None


class LogOnePlus(Gamma):
    """γ(S) = T log(1 + S), of the cross-entropy and the coherence loss.

    Args:
        temperature: T > 0.

    Example:
        >>> from marginflow.losses import Exponential, GammaPhi, LogOnePlus
        >>> loss = GammaPhi(LogOnePlus(), Exponential())
        >>> float(loss.template([0.0]))
        0.693147180559945
    """

    temperature: float = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        check_positive("LogOnePlus", "temperature", self.temperature)

    def value(self, log_total: AnyArray) -> AnyArray:
        return self.temperature * jax.nn.softplus(log_total)

    def log_value(self, log_total: AnyArray) -> AnyArray:
        return math.log(self.temperature) + log_softplus(log_total)

    def slope(self, log_total: AnyArray) -> tuple[AnyArray, AnyArray]:
        log_abs = math.log(self.temperature) - jax.nn.softplus(-log_total)
        return jnp.ones_like(log_abs), log_abs

    def onset(self) -> tuple[float, float]:
        return 1.0, math.log(self.temperature)

    def softmax_smoothness(self) -> float:
        return self.temperature / 2


class ProbabilityPower(Gamma):
    """γ(S) = (1 − p^q) / q with p = 1/(1 + S): the logarithm −log p as q → 0.

    Args:
        power: q ≠ 0, at most 1.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import ProbabilityPower
        >>> float(ProbabilityPower(1.0).value(np.array(0.0)))
        0.5
    """

    power: float = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        if not (-math.inf < self.power <= 1 and self.power != 0):
            raise ValueError(
                f"ProbabilityPower: expected a power of at most 1, other than 0, got {self.power}."
            )

    def value(self, log_total: AnyArray) -> AnyArray:
        return -jnp.expm1(-self.power * jax.nn.softplus(log_total)) / self.power

    def log_value(self, log_total: AnyArray) -> AnyArray:
        log_size = math.log(abs(self.power))
        log_value = log_fraction(log_size + log_softplus(log_total)) - log_size
        return log_value + max(-self.power, 0.0) * jax.nn.softplus(log_total)

    def slope(self, log_total: AnyArray) -> tuple[AnyArray, AnyArray]:
        log_p, log_error = -jax.nn.softplus(log_total), -jax.nn.softplus(-log_total)
        log_abs = self.power * log_p + log_error
        return jnp.ones_like(log_abs), log_abs

    def onset(self) -> tuple[float, float]:
        return 1.0, 0.0

    def softmax_smoothness(self) -> float | None:
        q = self.power
        return None if q < 0 else _of_two_classes(lambda s: (1 - s) ** q * s * (1 - (1 + q) * s))


class ErrorPower(Gamma):
    """γ(S) = (1 − p)^r with p = 1/(1 + S).

    Args:
        power: r > 0.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import ErrorPower
        >>> float(ErrorPower(2.0).value(np.array(0.0)))
        0.25
    """

    power: float = eqx.field(static=True, default=2.0)

    def __check_init__(self):
        check_positive("ErrorPower", "power", self.power)

    def value(self, log_total: AnyArray) -> AnyArray:
        return jnp.exp(self.log_value(log_total))

    def log_value(self, log_total: AnyArray) -> AnyArray:
        return -self.power * jax.nn.softplus(-log_total)

    def slope(self, log_total: AnyArray) -> tuple[AnyArray, AnyArray]:
        log_p = -jax.nn.softplus(log_total)
        log_abs = math.log(self.power) + self.log_value(log_total) + log_p
        return jnp.ones_like(log_abs), log_abs

    def onset(self) -> tuple[float, float]:
        return self.power, 0.0

    def softmax_smoothness(self) -> float:
        r = self.power
        return _of_two_classes(lambda s: (1 - s) * r * s**r * (r - (r + 1) * s))


class Focused(Gamma):
    """γ(S) = (1 − p)^g (−log p) with p = 1/(1 + S).

    Args:
        focus: g > 0.

    Example:
        >>> from marginflow.losses import Focused
        >>> Focused(2.0).onset()
        (3.0, 0.0)
    """

    focus: float = eqx.field(static=True, default=2.0)

    def __check_init__(self):
        check_positive("Focused", "focus", self.focus)

    def value(self, log_total: AnyArray) -> AnyArray:
        weight = jnp.exp(-self.focus * jax.nn.softplus(-log_total))
        return weight * jax.nn.softplus(log_total)

    def log_value(self, log_total: AnyArray) -> AnyArray:
        return -self.focus * jax.nn.softplus(-log_total) + log_softplus(log_total)

    def slope(self, log_total: AnyArray) -> tuple[AnyArray, AnyArray]:
        # p c / (1 − p) = c / S = log(1 + S) / S, which is 1 up to rounding where S is tiny
        finite = jnp.where(log_total < TINY, 0, log_total)
        ratio = jnp.where(log_total < TINY, 1, jnp.exp(log_softplus(finite) - finite))
        log_error = -jax.nn.softplus(-log_total)
        log_abs = (self.focus + 1) * log_error + jnp.log1p(self.focus * ratio)
        return jnp.ones_like(log_abs), log_abs

    def onset(self) -> tuple[float, float]:
        return self.focus + 1, 0.0

    def softmax_smoothness(self) -> float:
        g = self.focus

        def curvature(s):
            c = -np.log1p(-s)
            of_power = g * s ** (g - 1) * (g * (1 - s) * c + s)
            return s * (1 - s) * (of_power + s**g * (1 + g - g * c))

        return _of_two_classes(curvature)


class LogSeries(Gamma):
    """γ(S) = Σ_{i ≤ t} (1 − p)^i / i with p = 1/(1 + S): the first terms of −log p.

    Args:
        order: t ≥ 1.

    Example:
        >>> import numpy as np
        >>> from marginflow.losses import LogSeries
        >>> float(LogSeries(2).value(np.array(0.0)))
        0.625
    """

    order: int = eqx.field(static=True, default=2)

    def __check_init__(self):
        if not (isinstance(self.order, int) and self.order >= 1):
            raise ValueError(f"LogSeries: expected a whole number of terms >= 1, got {self.order}.")

    def value(self, log_total: AnyArray) -> AnyArray:
        return jnp.exp(self.log_value(log_total))

    def log_value(self, log_total: AnyArray) -> AnyArray:
        log_error = -jax.nn.softplus(-log_total)
        error, series = jnp.exp(log_error), 0.0
        for i in range(self.order, 0, -1):
            series = series * error + 1 / i
        return log_error + jnp.log(series)

    def slope(self, log_total: AnyArray) -> tuple[AnyArray, AnyArray]:
        log_error = -jax.nn.softplus(-log_total)
        left = log_fraction(math.log(self.order) + log_softplus(-log_total))
        return jnp.ones_like(left), log_error + left

    def onset(self) -> tuple[float, float]:
        return 1.0, 0.0

    def softmax_smoothness(self) -> float:
        t = self.order
        return _of_two_classes(lambda s: s * (1 - s) * (1 - (t + 1) * s**t))


def _of_two_classes(curvature: Callable) -> float:
    """Twice the largest second derivative in L, given as a function of s = 1 − p in (0, 1)."""
    grid = np.linspace(0, 1, 1002)[1:-1]
    best = grid[np.argmax(curvature(grid))]
    found: Any = minimize_scalar(
        lambda s: -curvature(s),
        bounds=(max(best - 1e-3, 1e-12), min(best + 1e-3, 1 - 1e-12)),
        method="bounded",
        options={"xatol": 1e-12},
    )
    return 2 * float(-found.fun)
