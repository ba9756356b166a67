"""The geometry of an optimizer, found by watching it: in which norm is its step the steepest?

On separable data gradients end up fading in one direction, so what decides the limit is what a
method does with such gradients: the direction of its steps, whether their length follows the
gradient's, and whether gradients of another direction, long ago, still have a say.
`probe_optimizer` feeds such gradients to an optimizer, large ones and ones far below any ε, and
compares its steps with the steepest directions of every named norm.  It knows no optimizer by name,
so that an optax transformation, or a user's own, is judged as ours are.
"""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from marginflow._precision import in_x64
from marginflow._types import AnyArray
from marginflow.dynamics.direction import direction_error
from marginflow.dynamics.objective import Gradient
from marginflow.dynamics.optimizers import Optimizer, as_optimizer
from marginflow.norms import NAMED_NORMS, Norm

# Features by classes of the gradients shown; with fewer, norms are hard to tell apart.
SHAPE = (6, 4)
# Gradients of another direction come first; then those that fade as 1/(1 + t/FADE), so that the sum
# of their squares stays below what came before, which an optimizer may or may not forget.
BEFORE, STEPS, FADE = 1000, 2**18, 1000.0
# So many steps are looked at first, and that little may the last half of them turn a step.
FIRST, SETTLED = 2**12, 1e-18
# For a step length alone, so many equal gradients.
EQUAL = 2000
# Logarithms of the gradients' scales: large, larger, small, smaller.
SCALES = (14.0, 24.0, -200.0, -210.0)
# Steps at this angle to the steepest direction are taken for it up to rounding.
EXACT = 1e-6
_ROUNDING = 1e-14
NEAR = 0.1


@dataclass(frozen=True)
class Geometry:
    """What an optimizer's steps look like under fading gradients of one direction.

    Attributes:
        norm: in which the steps are steepest, or nearly so; None if in no named one.
        one_minus_cos: between a step and the steepest direction; 0 if it is that, NaN where steps
            vanish or hang on older gradients.
        power: k of a step as long as gradient^k: 1 for gradient descent, 0 for normalized methods.
    """

    norm: Norm | None
    one_minus_cos: float
    power: float


@dataclass(frozen=True)
class ProbedOptimizer:
    """An optimizer as its steps show it.

    Attributes:
        early: its geometry while gradients are large.
        late: its geometry once they have faded below every ε.
        eps: the gradient's size at which steps are half as long as `early` has them, where that
            gives way to `late`; 0 if the two are one.
        forgets: whether gradients of long ago have no say in the direction of a step.
        weight_decay: the share of the weights that the first step takes away.

    Example:
        >>> import optax
        >>> from marginflow.theory import probe_optimizer
        >>> adam = probe_optimizer(optax.adam(1e-3, eps=1e-8))
        >>> adam.early.norm.name, adam.late.norm.name, f"{adam.eps:.2g}", adam.forgets
        ('max', 'frobenius', '1e-08', True)
    """

    early: Geometry
    late: Geometry
    eps: float
    forgets: bool
    weight_decay: float


@in_x64
def probe_optimizer(optimizer: Any) -> ProbedOptimizer:
    """Watch what an optimizer does with gradients that fade in one direction.

    Args:
        optimizer: an optax transformation, or one of marginflow's.

    Returns:
        A `ProbedOptimizer`.

    Raises:
        TypeError: if it is no optimizer.

    Example:
        >>> import marginflow as mf
        >>> mf.probe_optimizer(mf.HeavyBall(0.1, momentum=0.9)).early.norm.name
        'frobenius'
    """
    optimizer = as_optimizer(optimizer)
    other, gradient = (_gradient(seed) for seed in (1, 0))
    befores = np.stack([other] * len(SCALES) + [gradient])
    steps = _after_fading(optimizer, befores, gradient, np.array([*SCALES, SCALES[0]]))
    early = _geometry(gradient, steps[0], _power(steps[1], steps[0], SCALES[1] - SCALES[0]))
    late = _geometry(gradient, steps[2], _power(steps[2], steps[3], SCALES[2] - SCALES[3]))
    forgets = _one_minus_cos(steps[0], steps[-1]) < EXACT
    if not forgets:  # then neither geometry is that of the gradient at hand
        early = late = Geometry(None, math.nan, early.power)
    changes = early.norm != late.norm or abs(early.power - late.power) > 0.1
    return ProbedOptimizer(
        early=early,
        late=late if changes else early,
        eps=_takeover(optimizer) if changes else 0.0,
        forgets=forgets,
        weight_decay=_weight_decay(optimizer),
    )


def _gradient(seed: int) -> np.ndarray:
    """Entries of every size that sum to zero over the classes, as those of a margin loss do."""
    gradient = np.random.default_rng(seed).standard_normal(SHAPE)
    return gradient - gradient.mean(axis=1, keepdims=True)


def _after_fading(
    optimizer: Optimizer, befores: np.ndarray, gradient: np.ndarray, log_scales: np.ndarray
) -> np.ndarray:
    """The last of many steps from zero weights, each undone, so that only the memory changes.

    It ends where a doubling of their number no longer turns a step.

    Args:
        optimizer: to be watched.
        befores: (m, ...) the gradients that come first.
        gradient: that fades then.
        log_scales: (m,) of both.
    """
    weights = jnp.zeros(SHAPE)

    def step(t: Any, memory: Any, given: Gradient) -> Any:
        after, memory = optimizer.step(t, given, memory, weights)
        return memory, after

    def fade(log_scale: Any, carry: Any, first: Any, last: Any) -> Any:
        def late(t: Any, carry: Any) -> Any:
            faded = log_scale - jnp.log1p((t - BEFORE) / FADE)
            return step(t, carry[0], Gradient(jnp.asarray(gradient), faded))

        return jax.lax.fori_loop(first, last, late, carry)

    def early(before: Any, log_scale: Any) -> Any:
        given = Gradient(before, log_scale)
        start = (optimizer.init(weights), weights)
        return jax.lax.fori_loop(0, BEFORE, lambda t, carry: step(t, carry[0], given), start)

    scales = jnp.asarray(log_scales)
    carry = jax.jit(jax.vmap(early))(jnp.asarray(befores), scales)
    go_on = jax.jit(jax.vmap(fade, in_axes=(0, 0, None, None)))
    made, length, steps = BEFORE, FIRST, np.asarray(carry[1])
    while made < BEFORE + STEPS:
        carry = go_on(scales, carry, made, made + length)
        made, length, last, steps = made + length, 2 * length, steps, np.asarray(carry[1])
        turned = [_one_minus_cos(*pair) for pair in zip(last, steps, strict=True)]
        if length > 2 * FIRST and max(turned) < SETTLED:
            break
    return steps


def _geometry(gradient: np.ndarray, step: np.ndarray, power: float) -> Geometry:
    apart = {norm: _one_minus_cos(-step, norm.steepest(gradient)) for norm in NAMED_NORMS.values()}
    best = min(apart, key=lambda norm: apart[norm])  # NaN throughout where there is no step
    if not apart[best] < NEAR:
        return Geometry(None, apart[best], power)
    return Geometry(best, 0.0 if apart[best] < EXACT else apart[best], power)


def _one_minus_cos(left: AnyArray, right: AnyArray) -> float:
    return direction_error(left, right).one_minus_cos


def _power(large: np.ndarray, small: np.ndarray, log_ratio: float) -> float:
    """The k of steps that are as long as gradient^k."""
    sizes = [float(np.abs(array).max()) for array in (large, small)]
    return math.log(sizes[0] / sizes[1]) / log_ratio if all(sizes) else math.nan


def _takeover(optimizer: Optimizer) -> float:
    """The size of the entries of a gradient at which steps are half as long as for large ones."""
    signs = jnp.asarray(np.sign(_gradient(0)))

    @jax.jit
    def length(log_scale: Any) -> Any:
        weights = jnp.zeros(SHAPE)

        def again(t: Any, carry: Any) -> Any:
            after, memory = optimizer.step(t, Gradient(signs, log_scale), carry[0], weights)
            return memory, after

        start = (optimizer.init(weights), weights)
        return jnp.max(jnp.abs(jax.lax.fori_loop(0, EQUAL, again, start)[1]))

    full, low, high = float(length(SCALES[0])), SCALES[2], SCALES[0]
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if float(length(middle)) < full / 2 else (low, middle)
    return math.exp((low + high) / 2)


def _weight_decay(optimizer: Optimizer) -> float:
    """The share of the weights that a first step takes away besides what the gradient asks for."""
    gradient = Gradient(jnp.asarray(_gradient(0)), jnp.zeros(()))

    def moved(weights: Any) -> np.ndarray:
        after, _ = optimizer.step(jnp.asarray(0), gradient, optimizer.init(weights), weights)
        return np.asarray(after - weights)

    share = float(np.mean(moved(jnp.zeros(SHAPE)) - moved(jnp.ones(SHAPE))))
    return share if share > _ROUNDING else 0.0
