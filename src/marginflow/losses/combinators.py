"""Losses made of losses: sums, multiples, temperatures and margins.

What a combination is follows from its parts by rule: its template, its slopes in sign and
logarithm, its smoothness and its tail.  So a combination of losses that are right in the far tail
is right there too.
"""

import math
from collections.abc import Iterable, Sequence

import equinox as eqx
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.log_sum import log_sum
from marginflow.losses.loss import Loss, log_of_nonnegative
from marginflow.losses.tail import Tail, TailKind, exponential_tail

# Tails from the slowest to the fastest: in a sum the slowest is what remains.
_SLOWEST_FIRST = (
    TailKind.RISING,
    TailKind.POLYNOMIAL,
    TailKind.STRETCHED,
    TailKind.EXPONENTIAL,
    TailKind.FINITE,
)


class SumLoss(Loss):
    """A sum of losses with positive weights.

    ψ(u) = Σ_i w_i ψ_i(u), with slopes that are summed alike; where those of some parts are
    positive, digits cancel as they do in the exact sum.  Its tail is the slowest of its parts', and
    exponential tails of one rate add their constants.  Its smoothness in the scores is stated as
    Σ_i w_i β_i, a bound that is reached where the parts are most curved at the same scores.  Sums
    of totally regular losses are classification-calibrated (Wang & Scott 2024, arXiv 2311.17778).

    Args:
        losses: the parts, at least one.
        weights: w_i > 0, one for each part; all 1 by default.

    Raises:
        TypeError: if a part is not a `Loss`.
        ValueError: if there are no parts, or not as many positive finite weights.

    Example:
        >>> import marginflow as mf
        >>> both = mf.SumLoss([mf.CrossEntropy(), mf.PairLogLoss()], weights=[1.0, 2.0])
        >>> both.smoothness(3), round(both.tail(3).log_constant, 6)
        (2.0, 1.098612)
    """

    losses: tuple[Loss, ...]
    weights: tuple[float, ...] = eqx.field(static=True)

    def __init__(self, losses: Iterable[Loss], weights: Sequence[float] | None = None):
        self.losses = tuple(losses)
        given = [1.0] * len(self.losses) if weights is None else weights
        self.weights = tuple(float(weight) for weight in given)

    def __check_init__(self):
        if not self.losses or len(self.losses) != len(self.weights):
            raise ValueError(
                "SumLoss: expected at least one loss and a weight for each, got "
                f"{len(self.losses)} losses and {len(self.weights)} weights."
            )
        for loss in self.losses:
            _check_loss(self, loss)
        for weight in self.weights:
            _check_positive(self, "weight", weight)

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        terms = [weight * loss.template(margins) for weight, loss in self._terms()]
        return jnp.sum(jnp.stack(terms), axis=0)

    @keeps_array_type
    def log_template(self, margins: AnyArray) -> AnyArray:
        logs = [math.log(weight) + loss.log_template(margins) for weight, loss in self._terms()]
        return log_sum(jnp.stack(logs, axis=-1))

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        slopes = [loss.slope(margins) for loss in self.losses]
        signs = jnp.stack([sign for sign, _ in slopes], axis=-1)
        logs = jnp.stack(
            [math.log(w) + log for w, (_, log) in zip(self.weights, slopes, strict=True)], axis=-1
        )
        pull, push = (log_sum(jnp.where(signs == s, logs, -jnp.inf)) for s in (-1, 1))
        return _difference(push, pull)

    @keeps_array_type
    def slope_value(self, margins: AnyArray) -> AnyArray:
        terms = [weight * loss.slope_value(margins) for weight, loss in self._terms()]
        return jnp.sum(jnp.stack(terms), axis=0)

    def smoothness(self, n_classes: int) -> float | None:
        total = 0.0
        for weight, loss in self._terms():
            beta = loss.smoothness(n_classes)
            if beta is None:
                return None
            total += weight * beta
        return total

    def tail(self, n_classes: int) -> Tail | None:
        tails = [_scaled(loss.tail(n_classes), weight) for weight, loss in self._terms()]
        known = [tail for tail in tails if tail is not None]
        return slowest_tail(known) if len(known) == len(tails) else None

    def _terms(self) -> Iterable[tuple[float, Loss]]:
        return zip(self.weights, self.losses, strict=True)


class ScaledLoss(Loss):
    """A multiple of a loss.

    ψ(u) = c ψ₁(u): slopes, smoothness and the constant of an exponential tail are multiplied by c.

    Args:
        loss: ψ₁.
        factor: c > 0.

    Raises:
        TypeError: if ψ₁ is not a `Loss`.
        ValueError: if the factor is not positive and finite.

    Example:
        >>> import marginflow as mf
        >>> mf.ScaledLoss(mf.CrossEntropy(), factor=3.0).smoothness(10)
        1.5
    """

    loss: Loss
    factor: float = eqx.field(static=True)

    def __check_init__(self):
        _check_loss(self, self.loss)
        _check_positive(self, "factor", self.factor)

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        return self.factor * self.loss.template(margins)

    @keeps_array_type
    def log_template(self, margins: AnyArray) -> AnyArray:
        return math.log(self.factor) + self.loss.log_template(margins)

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        sign, log_abs = self.loss.slope(margins)
        return sign, math.log(self.factor) + log_abs

    @keeps_array_type
    def slope_value(self, margins: AnyArray) -> AnyArray:
        return self.factor * self.loss.slope_value(margins)

    def smoothness(self, n_classes: int) -> float | None:
        beta = self.loss.smoothness(n_classes)
        return None if beta is None else self.factor * beta

    def tail(self, n_classes: int) -> Tail | None:
        return _scaled(self.loss.tail(n_classes), self.factor)


class TemperatureLoss(Loss):
    """A loss of scores that are divided by a temperature.

    ψ(u) = ψ₁(u/T), with 1/T of the slopes of ψ₁ at u/T and 1/T² of its smoothness.  An exponential
    tail c e^(−a u) becomes (c/T) e^(−(a/T) u); powers stay.  (Hinton, Vinyals & Dean 2015, arXiv
    1503.02531, multiply such a loss by T² when they mix it with another: `ScaledLoss`.)

    Args:
        loss: ψ₁.
        temperature: T > 0.

    Raises:
        TypeError: if ψ₁ is not a `Loss`.
        ValueError: if the temperature is not positive and finite.

    Example:
        >>> import marginflow as mf
        >>> mf.TemperatureLoss(mf.CrossEntropy(), temperature=4.0).tail(3).rate
        0.25
    """

    loss: Loss
    temperature: float = eqx.field(static=True)

    def __check_init__(self):
        _check_loss(self, self.loss)
        _check_positive(self, "temperature", self.temperature)

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        return self.loss.template(margins / self.temperature)

    @keeps_array_type
    def log_template(self, margins: AnyArray) -> AnyArray:
        return self.loss.log_template(margins / self.temperature)

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        sign, log_abs = self.loss.slope(margins / self.temperature)
        return sign, log_abs - math.log(self.temperature)

    @keeps_array_type
    def slope_value(self, margins: AnyArray) -> AnyArray:
        return self.loss.slope_value(margins / self.temperature) / self.temperature

    def smoothness(self, n_classes: int) -> float | None:
        beta = self.loss.smoothness(n_classes)
        return None if beta is None else beta / self.temperature**2

    def tail(self, n_classes: int) -> Tail | None:
        tail = self.loss.tail(n_classes)
        if tail is None or tail.rate is None or tail.log_constant is None:
            return tail
        log_constant = tail.log_constant - math.log(self.temperature)
        return exponential_tail(tail.rate / self.temperature, log_constant, tail.error)


class MarginLoss(Loss):
    """A loss that asks for a margin: the true class's score counts for less by m.

    ψ(u) = ψ₁(u − m), so that slopes and values are those of ψ₁ at margins less by m.  An
    exponential tail c e^(−a u) becomes c e^(a m) e^(−a u): the direction of training stays, only
    its residual moves (for the cross-entropy: Wang, Cheng, Liu & Liu 2018, arXiv 1801.05599).

    Args:
        loss: ψ₁.
        margin: m, any finite number.

    Raises:
        TypeError: if ψ₁ is not a `Loss`.
        ValueError: if the margin is not finite.

    Example:
        >>> import marginflow as mf
        >>> mf.MarginLoss(mf.CrossEntropy(), margin=0.5).tail(3).log_constant
        0.5
    """

    loss: Loss
    margin: float = eqx.field(static=True)

    def __check_init__(self):
        _check_loss(self, self.loss)
        if not math.isfinite(self.margin):
            raise ValueError(f"MarginLoss: expected a finite margin, got {self.margin}.")

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        return self.loss.template(margins - self.margin)

    @keeps_array_type
    def log_template(self, margins: AnyArray) -> AnyArray:
        return self.loss.log_template(margins - self.margin)

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        return self.loss.slope(margins - self.margin)

    @keeps_array_type
    def slope_value(self, margins: AnyArray) -> AnyArray:
        return self.loss.slope_value(margins - self.margin)

    def smoothness(self, n_classes: int) -> float | None:
        return self.loss.smoothness(n_classes)

    def tail(self, n_classes: int) -> Tail | None:
        tail = self.loss.tail(n_classes)
        if tail is None or tail.rate is None or tail.log_constant is None:
            return tail
        return exponential_tail(tail.rate, tail.log_constant + tail.rate * self.margin, tail.error)


def slowest_tail(tails: Sequence[Tail]) -> Tail:
    """The tail of a sum whose terms have these tails.

    Example:
        >>> import marginflow as mf
        >>> slowest_tail([mf.CrossEntropy().tail(3), mf.PolynomialLoss().tail(3)]).kind
        <TailKind.POLYNOMIAL: 'polynomial'>
    """
    kind = min((tail.kind for tail in tails), key=_SLOWEST_FIRST.index)
    left = [tail for tail in tails if tail.kind == kind]
    if kind == TailKind.POLYNOMIAL:
        return min(left, key=lambda tail: _number(tail.degree))
    if kind == TailKind.STRETCHED:
        return min(left, key=lambda tail: _number(tail.power))
    if kind == TailKind.EXPONENTIAL:
        rate = min(_number(tail.rate) for tail in left)
        slowest = [tail for tail in left if tail.rate == rate]
        constant = math.fsum(math.exp(_number(tail.log_constant)) for tail in slowest)
        return exponential_tail(rate, math.log(constant), max(tail.error for tail in slowest))
    return left[0]


def _scaled(tail: Tail | None, factor: float) -> Tail | None:
    if tail is None or tail.rate is None or tail.log_constant is None:
        return tail
    return exponential_tail(tail.rate, tail.log_constant + math.log(factor), tail.error)


def _number(value: float | None) -> float:
    """A constant of a tail; one that is not known counts as the slowest."""
    return 0.0 if value is None else value


def _difference(log_plus: AnyArray, log_minus: AnyArray) -> tuple[AnyArray, AnyArray]:
    """e^plus − e^minus as sign and logarithm; where one is zero, the other as it is."""
    low, high = jnp.minimum(log_plus, log_minus), jnp.maximum(log_plus, log_minus)
    mixed = jnp.isfinite(low)
    # both are finite where they meet, and the distance is not taken elsewhere
    distance = jnp.where(mixed, jnp.where(mixed, high, 0) - jnp.where(mixed, low, 0), 1)
    rest = jnp.where(mixed, log_of_nonnegative(-jnp.expm1(-distance)), 0)
    sign = jnp.where(log_plus > log_minus, 1, jnp.where(log_plus < log_minus, -1, 0))
    return sign.astype(high.dtype), high + rest


def _check_loss(owner: Loss, loss: object) -> None:
    if not isinstance(loss, Loss):
        raise TypeError(
            f"{owner.name}: expected a Loss, got {loss!r}; a template function is made one by "
            "TemplateLoss."
        )


def _check_positive(owner: Loss, what: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{owner.name}: expected a finite {what} > 0, got {value}.")
