"""A user's function as a loss, with a tail that outlives its autodiff.

Three things turn one line of `jax.numpy` into a loss that can be trained for e^1000000 steps: its
derivatives are taken by rules that keep small slopes (`stable_rules`), its exponential tail is
found once by probing (`tail_probe`), and beyond the margin at which the two agree best the slopes
are continued by the tail.  Where no tail can be derived, the slopes end where autodiff underflows,
and a run that gets there ends `saturated`.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from marginflow._precision import x64
from marginflow._types import AnyArray
from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.loss import Loss, log_of_nonnegative
from marginflow.losses.stable_rules import with_stable_rules
from marginflow.losses.tail import Tail
from marginflow.losses.tail_probe import TailProbe, probe_tail

# Below e^−4 a template has lost digits that its slopes still have; it is then summed up from them.
_SMALL = -4.0
# Gauss–Legendre in y over (0, 1), with x = y⁴: exact where corrections are powers of x^(1/4).
_Y, _W = np.polynomial.legendre.leggauss(16)
_NODES, _WEIGHTS = ((1 + _Y) / 2) ** 4, 2 * ((1 + _Y) / 2) ** 3 * _W

# What JAX raises where a template needs the values of its margins.
_UNTRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


class TemplateLoss(Loss):
    """A loss made of a function of one sample's margins.

    Args:
        function: maps margins (K−1,) to a scalar of their dtype, in `jax.numpy`.  It should be
            symmetric in its entries, and finite with its slopes where training goes; `check` looks.
        smoothness: β in the K scores, as a number or a function of K; None if there is none or it
            is not known.
        name: for tables; the function's name by default.

    Raises:
        TypeError: if `function` cannot be called.
        ValueError: if `smoothness` is a number that is not positive and finite.

    Example:
        >>> import jax.numpy as jnp
        >>> import marginflow as mf
        >>> loss = mf.TemplateLoss(lambda u: jnp.log1p(jnp.sum(jnp.exp(-u))), smoothness=0.5)
        >>> tail = loss.tail(n_classes=3)
        >>> tail.rate, tail.log_constant
        (1.0, 0.0)
        >>> loss.slope([1e6, 2e6])[1]
        array([-1000000., -2000000.])
    """

    function: Callable = eqx.field(static=True)
    beta: float | Callable[[int], float] | None = eqx.field(static=True)
    label: str = eqx.field(static=True)

    def __init__(
        self,
        function: Callable,
        smoothness: float | Callable[[int], float] | None = None,
        name: str | None = None,
    ):
        if not callable(function):
            raise TypeError(
                "TemplateLoss expects a function of one sample's margins (K-1,), "
                f"got {type(function).__name__}."
            )
        if not (smoothness is None or callable(smoothness) or 0 < smoothness < math.inf):
            raise ValueError(
                "TemplateLoss: expected a positive smoothness, a function of K or None, "
                f"got {smoothness}."
            )
        self.function = _hashable(function)
        self.beta = smoothness
        self.label = name or getattr(function, "__name__", type(function).__name__)

    @property
    def name(self) -> str:
        return self.label

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        probe = self._probe(margins.shape[-1])
        if probe is None:
            return self._value(margins)
        # beyond the cap a margin adds nothing to the value but the risk of overflow
        cap = probe.level + 40 / probe.rate
        value = self._value(jnp.minimum(margins, cap))
        if not probe.vanishes:
            return value
        far = jnp.min(margins, axis=-1) >= probe.level
        rate, log_constant = probe.rate, probe.log_constant
        terms = jnp.exp(log_constant - math.log(rate) - rate * margins)
        return jnp.where(far, jnp.sum(terms, axis=-1), value)

    @keeps_array_type
    def log_template(self, margins: AnyArray) -> AnyArray:
        """The logarithm of ψ(u), from the slopes where ψ itself has lost digits or underflows.

        A template with an exponential tail is ψ(u) = ∫₀^∞ Σ_k |∂_k ψ(u + λ1)| dλ, and in the
        variable x = e^(−aλ) an integral over (0, 1).
        """
        probe = self._probe(margins.shape[-1])
        if probe is None or not probe.vanishes:
            return log_of_nonnegative(self.template(margins))
        a, c = probe.rate, probe.log_constant
        shifts = -np.log(_NODES) / a
        pull = jax.nn.logsumexp(self.slope(margins[..., None, :] + shifts[:, None])[1], axis=-1)
        total = jax.nn.logsumexp(pull + a * shifts + np.log(_WEIGHTS / a), axis=-1)
        small = c + jax.nn.logsumexp(-a * margins, axis=-1) < _SMALL
        near = log_of_nonnegative(jnp.where(small, 1, self.template(margins)))
        return jnp.where(small, total, near)

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        probe = self._probe(margins.shape[-1])
        if probe is None:
            return self._autodiff_slope(margins)
        rate, level = probe.rate, probe.level
        sign, log_abs = self._autodiff_slope(jnp.minimum(margins, level))
        continued = log_abs - rate * jnp.maximum(margins - level, 0)
        far = jnp.min(margins, axis=-1, keepdims=True) >= level
        return sign, jnp.where(far, probe.log_constant - rate * margins, continued)

    def smoothness(self, n_classes: int) -> float | None:
        return self.beta(n_classes) if callable(self.beta) else self.beta

    def tail(self, n_classes: int) -> Tail | None:
        probe = self._probe(n_classes - 1)
        return None if probe is None else probe.tail

    def check(self, n_classes: int) -> None:
        """Try the template at a few margins, and say what is wrong with it.

        Args:
            n_classes: K.

        Raises:
            ValueError: if the template is not a finite scalar with finite slopes, or changes when
                its margins are permuted.

        Example:
            >>> import marginflow as mf
            >>> mf.TemplateLoss(lambda u: (u[0] - 1.0) ** 2).check(n_classes=3)
            Traceback (most recent call last):
            ...
            ValueError: template '<lambda>' is not symmetric: its value is ... at margins ...
        """
        rng = np.random.default_rng(0)
        points = np.concatenate(
            [np.zeros((1, n_classes - 1)), rng.normal(0.0, 2.0, size=(6, n_classes - 1))]
        )
        with x64():
            evaluate = jax.jit(jax.vmap(jax.value_and_grad(self._differentiable)))
            values, slopes = (np.asarray(part) for part in evaluate(jnp.asarray(points)))
            permuted = points[:, rng.permutation(n_classes - 1)]
            again = np.asarray(evaluate(jnp.asarray(permuted))[0])
        for point, value, slope in zip(points, values, slopes, strict=True):
            if not (np.isfinite(value) and np.isfinite(slope).all()):
                raise ValueError(
                    f"template {self.label!r} is not finite at margins {_shown(point)}: value "
                    f"{value:.6g}, slopes {_shown(slope)}.  Where jnp.where chooses, both branches "
                    "have to be finite."
                )
        for point, value, other, moved in zip(points, values, again, permuted, strict=True):
            if abs(value - other) > 1e-9 * max(1.0, abs(value)):
                raise ValueError(
                    f"template {self.label!r} is not symmetric: its value is {value:.6g} at "
                    f"margins {_shown(point)} and {other:.6g} at {_shown(moved)}.  A template has "
                    "to treat all margins alike, as jnp.sum does."
                )

    @property
    def _differentiable(self) -> Callable[[jax.Array], jax.Array]:
        return _differentiable(self.function, self.label)

    def _probe(self, n_columns: int) -> TailProbe | None:
        return probe_tail(self._differentiable, n_columns)

    def _value(self, margins: AnyArray) -> AnyArray:
        return jnp.vectorize(self._differentiable, signature="(k)->()")(margins)

    def _autodiff_slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        gradient = jax.grad(self._differentiable)
        slopes = jnp.vectorize(gradient, signature="(k)->(k)")(margins)
        return jnp.sign(slopes), log_of_nonnegative(jnp.abs(slopes))


@functools.lru_cache(maxsize=256)
def _differentiable(function: Callable, label: str) -> Callable[[jax.Array], jax.Array]:
    """The function with its result checked and its derivatives by stable rules."""

    def checked(margins: jax.Array) -> jax.Array:
        try:
            value = jnp.asarray(function(margins))
        except _UNTRACEABLE as error:
            raise TypeError(_advice(error, label)) from error
        except Exception as error:
            error.add_note(
                f"(raised by template {label!r} for margins of shape {margins.shape}, "
                f"K = {len(margins) + 1}; a template is a function of one sample's margins (K-1,), "
                "written in jax.numpy)"
            )
            raise
        if value.shape != ():
            raise ValueError(
                f"template {label!r}: expected a scalar for margins of shape {margins.shape}, "
                f"got shape {value.shape}; reduce over the margins, as with jnp.sum."
            )
        if not jnp.issubdtype(value.dtype, jnp.floating) or value.dtype.itemsize < (
            margins.dtype.itemsize
        ):
            raise ValueError(
                f"template {label!r}: expected a value of dtype {margins.dtype}, as its margins "
                f"have, got {value.dtype}; do not cast inside a template."
            )
        return value.astype(margins.dtype)

    return with_stable_rules(checked)


def _advice(error: Exception, label: str) -> str:
    """What to write instead of what JAX cannot trace."""
    if isinstance(error, jax.errors.TracerBoolConversionError):
        what = "it decides by the value of its margins, as `if u[0] > 0` or `max(u[0], 0)` do; "
        what += "write jnp.where(condition, one, other), jnp.maximum or jnp.minimum"
    elif isinstance(error, jax.errors.NonConcreteBooleanIndexError):
        what = "it picks margins by a condition, as `u[u > 0]` does; write jnp.where(u > 0, u, 0.0)"
    elif isinstance(error, jax.errors.TracerIntegerConversionError):
        what = "it counts or indexes by the value of a margin; index by jnp.argmax or jnp.take"
    else:
        what = (
            "it takes its margins out of JAX, as functions of numpy, scipy and math, float() and "
        )
        what += ".item() do; write it with jax.numpy, as jnp.exp for np.exp"
    return f"template {label!r} cannot be differentiated: {what}."


@dataclass(frozen=True, eq=False)
class _ByIdentity:
    """A callable that is hashed by identity, as one that holds arrays cannot be by value."""

    function: Callable

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)


def _hashable(function: Callable) -> Callable:
    try:
        hash(function)
    except TypeError:
        return _ByIdentity(function)
    return function


def _shown(values: np.ndarray) -> str:
    shown = ", ".join(f"{value:.6g}" for value in values[:4])
    return f"[{shown}{', ...' if len(values) > 4 else ''}]"
