"""The exponential tail of a template that is known only as a function, found by probing.

Automatic differentiation of `log(1 + sum(exp(-u)))` gives zero from margin 745 on, while a run in
log time needs its slopes at any margin.  So the slopes are probed once along uniform shifts u + λ1.
If log(−∂_j ψ) = log c − a u_j holds over a window of shifts, for every entry and every start u, the
tail is exponential, and its two constants say all that lies beyond.  Before the window slopes and
tail differ by a correction, which has to fade exponentially too; e^(−√(1 + u²)) tends to e^(−u) as
well, but so slowly that no float64 margin gives its constants.  Behind the window they differ by
what the spelling of the template rounds away.

A change of tail beyond the smallest float cannot be seen by any probe, and is not.
"""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from marginflow._precision import x64
from marginflow.losses.tail import Tail, exponential_tail

# The largest error of the constants with which a tail is still believed.
SETTLED = 3e-5
# Uniform margins at which the scale of a template is looked for.
_COARSE = 2.0 ** np.arange(-12.0, 20.01, 0.25)
# Multiples of that scale at which its tail is measured; at the last, slopes are still floats.
_LEVELS = np.concatenate([np.arange(1.0, 40.0), np.geomspace(40.0, 680.0, 17)])
_FORTY = 39
# Slopes below e^−300 have not been ended by rounding.
_DEEP = -300.0
# Starts u of the shifts: zero and random ones.
_STARTS = 5
# Windows of levels that are tried where rounding ends them.
_STRETCHES = (1.25, 1.5, 2.0)
# Entries of a slope that are looked at: a template is symmetric, and the starts are random.
_ENTRIES = 16
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class TailProbe:
    """What probing has found.

    Attributes:
        rate: a of the tail c e^(−a u).
        log_constant: log c.
        error: of both, estimated from above; the rate's is relative.
        level: the margin from which slopes and tail agree to rounding, where the tail takes over.
        vanishes: whether the template itself tends to zero.
    """

    rate: float
    log_constant: float
    error: float
    level: float
    vanishes: bool

    @property
    def tail(self) -> Tail:
        """The tail as a loss states it."""
        return exponential_tail(self.rate, self.log_constant, self.error)


class _Fit(NamedTuple):
    error: float
    rate: float
    log_constant: float


@functools.lru_cache(maxsize=256)
def probe_tail(template: Callable[[jax.Array], jax.Array], n_columns: int) -> TailProbe | None:
    """The tail of a template of `n_columns` margins, or None where none can be derived."""

    @jax.jit
    @jax.vmap
    def probe(margins: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.value_and_grad(template)(margins)

    def evaluate(margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # always as many rows, so that the template is compiled once
        rows = np.resize(margins, (_STARTS * len(_LEVELS), n_columns))
        with x64(), jax.ensure_compile_time_eval():
            values, slopes = probe(jnp.asarray(rows))
        if isinstance(values, Tracer):
            raise TypeError(
                "a template has to be known when its tail is looked for, and this one depends on a "
                "value that JAX is tracing; make the TemplateLoss outside of jit, vmap and grad."
            )
        used = slice(len(margins))
        return np.asarray(values)[used], _log_of_negative(np.asarray(slopes)[used, :_ENTRIES])

    scale = _decay_rate(evaluate, n_columns)
    return None if scale is None else _measure(evaluate, n_columns, scale)


def _decay_rate(evaluate: Callable, n_columns: int) -> float | None:
    """The mean rate at which the slopes fall, from their peak to the last before they stop."""
    _, log_abs = evaluate(np.repeat(_COARSE[:, None], n_columns, axis=1))
    height = log_abs.mean(axis=1)
    if np.isnan(height).all():
        return None
    peak = int(np.nanargmax(height))
    falling = np.diff(height[peak:]) < 0
    last = peak + (len(falling) if falling.all() else int(np.argmin(falling)))
    fall = height[peak] - height[last]
    return float(fall / (_COARSE[last] - _COARSE[peak])) if fall > 20 else None


def _measure(evaluate: Callable, n_columns: int, scale: float) -> TailProbe | None:
    starts = np.random.default_rng(0).uniform(0.0, 2.0, size=(_STARTS, n_columns))
    starts[0] = 0.0
    margins = (_LEVELS[:, None, None] + starts) / scale
    values, log_abs = evaluate(margins.reshape(-1, n_columns))
    margins = margins[..., :_ENTRIES]
    log_abs = log_abs.reshape(margins.shape)
    fit = min(_fits(margins, log_abs), default=None)
    if fit is None or fit.error > SETTLED:
        return None
    deviation = _deviation(margins, log_abs, fit)
    rounding = _EPS * np.abs(log_abs).max(axis=(1, 2))
    settled = deviation <= np.fmax(4 * rounding, np.nanmin(deviation))
    level = float(_LEVELS[np.argmax(settled)]) / scale
    if n_columns > 1 and not _continues(evaluate, n_columns, level, fit):
        return None
    vanishes = abs(values[_STARTS * _FORTY]) <= 1e-9 * abs(values[0])
    return TailProbe(fit.rate, fit.log_constant, fit.error, level, bool(vanishes))


def _fits(margins: np.ndarray, log_abs: np.ndarray) -> Iterator[_Fit]:
    """A tail for every window of levels in which the slopes follow one."""
    for half, window, doubt in _windows(log_abs):
        fit, deviation = _fit(margins[window], log_abs[window], doubt)
        before = float(_deviation(margins[[half]], log_abs[[half]], fit)[0])
        rounding = 4 * _EPS * float(np.abs(log_abs[window]).max())
        # what fades exponentially is squared from half a level to the level
        if fit.rate > 0 and deviation <= max(before**1.5, rounding):
            yield fit


def _windows(log_abs: np.ndarray) -> Iterator[tuple[int, slice, float]]:
    """Half of the first level, the window, and by how much to doubt the deviations in it.

    Slopes that can be used almost down to the smallest float have to follow a tail all the way.
    Those that rounding ends earlier can do so only between the correction and the rounding, and
    the errors of such a fit exceed what it shows.
    """
    usable = np.asarray(np.isfinite(log_abs).all(axis=(1, 2)))
    start = int(np.argmax(usable))
    stop = start + int(np.argmin(np.append(usable[start:], False)))
    faithful = stop > start and log_abs[stop - 1].mean() < _DEEP
    for first in range(start, stop):
        half = _last_level(_LEVELS[first] / 2)
        ends = [stop] if faithful else [_last_level(_LEVELS[first] * s) + 1 for s in _STRETCHES]
        for end in ends:
            if half >= start and first + 3 <= end <= stop:
                yield half, slice(first, end), 1.0 if faithful else 4.0


def _last_level(bound: float) -> int:
    return int(np.searchsorted(_LEVELS, bound, side="right")) - 1


def _fit(margins: np.ndarray, log_abs: np.ndarray, doubt: float) -> tuple[_Fit, float]:
    """The tail by least squares, with simple constants where they may be, and its deviation."""
    shift, height = margins.mean(axis=(1, 2)), log_abs.mean(axis=(1, 2))
    centered = shift - shift.mean()
    rate = -float(centered @ height / (centered @ centered))
    fit = _Fit(np.inf, rate, float(height.mean() + rate * shift.mean()))
    if rate <= 0:  # no tail; the errors below are relative to the rate
        return fit, np.inf
    rounding = _EPS * float(np.abs(log_abs).max())
    deviation = max(float(_deviation(margins, log_abs, fit).max()), rounding)
    of_rate = 2 * doubt * deviation / float(shift[-1] - shift[0])
    error = max(of_rate / rate, doubt * deviation + of_rate * float(shift[-1]))
    rate = _simplest(rate, of_rate)
    log_constant = _simplest_log(float(height.mean() + rate * shift.mean()), error)
    return _Fit(error, rate, log_constant), deviation


def _deviation(margins: np.ndarray, log_abs: np.ndarray, fit: _Fit) -> np.ndarray:
    """The largest distance of the slopes' logarithms from a tail, level by level."""
    return np.abs(log_abs - (fit.log_constant - fit.rate * margins)).max(axis=(1, 2))


def _continues(evaluate: Callable, n_columns: int, level: float, fit: _Fit) -> bool:
    """Whether one margin beyond the level fades by the tail while the others are small."""
    step = 2.0 / fit.rate
    others = np.array([[0.0], [0.5], [1.5]]) * step
    near, far = np.repeat(others, n_columns, axis=1), np.repeat(others, n_columns, axis=1)
    near[:, 0], far[:, 0] = level, level + step
    change = evaluate(far)[1] - evaluate(near)[1]
    change[:, 0] += 2.0
    return bool(np.abs(change).max() <= 10 * fit.error)


def _simplest(value: float, error: float) -> float:
    """The simplest fraction within the error, if it is so simple that chance does not explain it.

    About one number in 10⁴ is that near to such a fraction by chance.
    """
    limit = min(1000, int(math.sqrt(1e-4 / error)))
    if limit < 1:
        return value
    simple = float(Fraction(value).limit_denominator(limit))
    return simple if abs(simple - value) <= error else value


def _simplest_log(log_value: float, error: float) -> float:
    """The logarithm of the simplest fraction; with an error of 1 or more that could be zero."""
    if abs(log_value) > 20 or error >= 1:
        return log_value
    value = math.exp(log_value)
    simple = _simplest(value, error * value)
    return log_value if simple == value else math.log(simple)


def _log_of_negative(slopes: np.ndarray) -> np.ndarray:
    """Logarithms of |slope| where a slope is negative and a normal float; NaN elsewhere."""
    usable = slopes < -np.finfo(np.float64).tiny
    return np.log(-slopes, out=np.full(slopes.shape, np.nan), where=usable)
