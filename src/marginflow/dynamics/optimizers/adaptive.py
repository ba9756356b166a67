"""Methods that divide each entry by the size of its past gradients: Adam, AdamW, RMSProp, AdaGrad.

Their memories hold r = √v rather than v, formed by `hypot`, so that its squares do not underflow,
and the logarithm of a common scale.  With ε = 0, Adam and RMSProp then go on at any margin.  With
ε > 0 they note the step at which half of the entries of √v fell below it: from there on they are
gradient descent with learning rate η/ε.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.objective import Gradient
from marginflow.dynamics.optimizers.eps_takeover import (
    held_since,
    in_units,
    mostly_below,
    sentence,
)
from marginflow.dynamics.optimizers.log_scaled import LogScaled, at_common_scale, nothing
from marginflow.dynamics.optimizers.optimizer import Optimizer
from marginflow.dynamics.optimizers.schedules import LearningRate, as_rate, rate_at
from marginflow.dynamics.optimizers.settings import fraction, nonnegative


class Moments(NamedTuple):
    """The memory of an adaptive method.

    Attributes:
        past: averages of gradients and the roots r of averages of their squares, as it has them.
        since: the step, counted from 1, since which ε has ruled without a break; −1 if it does not.
    """

    past: LogScaled
    since: AnyArray


class _Adaptive(Optimizer):
    """What is common to them: a learning rate, ε, and where ε takes over."""

    learning_rate: Any
    eps: AnyArray

    def takeover(self, memory: Any) -> tuple[int, str] | None:
        since = int(memory.since)
        return None if since < 0 else (since, sentence(self.eps, self.learning_rate))


class Adam(_Adaptive):
    """Adam: m⁺ = b₁ m + (1 − b₁) g, v⁺ = b₂ v + (1 − b₂) g², W⁺ = W − η m̂/(√v̂ + ε).

    m̂ = m⁺/(1 − b₁^t) and v̂ = v⁺/(1 − b₂^t) at step t from 1 (Kingma & Ba 2015, arXiv 1412.6980,
    algorithm 1).  With ε = 0 it maximizes the max-norm margin in polynomial time for falling
    learning rates (Zhang, Zou & Cao 2024, arXiv 2406.10650, abstract), for η_t = c/t^(2/3) at
    t^(−1/3) (Fan, Schmidt & Thrampoulidis 2025, arXiv 2502.04664; as remembered, not checked
    against the papers).  With ε > 0 it does so until √v̂ falls below ε, and the Frobenius margin
    after; the run then has the status `eps_dominated`.

    Args:
        learning_rate: η > 0, or a schedule.
        b1: in [0, 1).
        b2: in [0, 1).
        eps: ε ≥ 0.

    Raises:
        ValueError: if one is out of range.

    Example:
        >>> import marginflow as mf
        >>> data = mf.soudry_toy()
        >>> str(mf.train(data, "cross-entropy", mf.Adam(0.01, eps=0), steps=1000).status)
        'done'
    """

    b1: AnyArray
    b2: AnyArray

    def __init__(
        self,
        learning_rate: LearningRate,
        b1: float | int = 0.9,
        b2: float | int = 0.999,
        eps: float | int = 1e-8,
    ):
        self.learning_rate = as_rate(learning_rate)
        self.b1, self.b2 = fraction("b1", b1), fraction("b2", b2)
        self.eps = nonnegative("eps", eps)

    @property
    def scale_free(self) -> bool:
        return True

    def init(self, params: Any) -> Moments:
        return Moments(nothing((params, params)), jnp.asarray(-1))

    def step(
        self, index: AnyArray, gradient: Gradient, memory: Moments, params: Any
    ) -> tuple[Any, Moments]:
        rate, b1, b2 = rate_at(self.learning_rate, index), self.b1, self.b2
        (mean, root), now, log_scale = at_common_scale(memory.past, gradient)
        mean = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, mean, now)
        root = _root(root, b2, now, 1 - b2)
        time, eps = index + 1.0, in_units(self.eps, log_scale)
        first, second = 1 - b1**time, jnp.sqrt(1 - b2**time)
        unbiased = jax.tree.map(lambda r: r / second, root)
        step = jax.tree.map(lambda m, r: _quotient(m / first, r + eps), mean, unbiased)
        since = held_since(memory.since, index, mostly_below(unbiased, eps))
        after = jax.tree.map(lambda w, d: self._decayed(w, rate) - rate * d, params, step)
        return after, Moments(LogScaled((mean, root), log_scale), since)

    def _decayed(self, weights: AnyArray, rate: AnyArray) -> AnyArray:
        return weights


class AdamW(Adam):
    """Adam with weight decay of its own: W⁺ = (1 − η λ) W − η m̂/(√v̂ + ε).

    The weights stay bounded: with ε = 0 by 1/λ in the max-norm, nearly (Loshchilov & Hutter 2019,
    arXiv 1711.05101, algorithm 2; the learning rate multiplies λ, as in PyTorch and optax).

    Args:
        learning_rate: η > 0, or a schedule.
        b1: in [0, 1).
        b2: in [0, 1).
        eps: ε ≥ 0.
        weight_decay: λ ≥ 0.

    Example:
        >>> import marginflow as mf
        >>> mf.AdamW(1e-3).identity()["weight_decay"]
        0.01
    """

    weight_decay: AnyArray

    def __init__(
        self,
        learning_rate: LearningRate,
        b1: float | int = 0.9,
        b2: float | int = 0.999,
        eps: float | int = 1e-8,
        weight_decay: float | int = 0.01,
    ):
        super().__init__(learning_rate, b1, b2, eps)
        self.weight_decay = nonnegative("weight_decay", weight_decay)

    def _decayed(self, weights: AnyArray, rate: AnyArray) -> AnyArray:
        return (1 - rate * self.weight_decay) * weights


class RMSProp(_Adaptive):
    """RMSProp: v⁺ = a v + (1 − a) g², W⁺ = W − η g/(√v⁺ + ε), as in PyTorch.

    It is Adam with b₁ = 0 and without the correction of the first steps (Tieleman & Hinton 2012,
    lecture 6.5), and has its limits.

    Args:
        learning_rate: η > 0, or a schedule.
        decay: a in [0, 1).
        eps: ε ≥ 0.

    Example:
        >>> import marginflow as mf
        >>> mf.RMSProp(1e-3, eps=0).scale_free
        True
    """

    decay: AnyArray

    def __init__(
        self, learning_rate: LearningRate, decay: float | int = 0.99, eps: float | int = 1e-8
    ):
        self.learning_rate = as_rate(learning_rate)
        self.decay, self.eps = fraction("decay", decay), nonnegative("eps", eps)

    @property
    def scale_free(self) -> bool:
        return True

    def init(self, params: Any) -> Moments:
        return Moments(nothing(params), jnp.asarray(-1))

    def step(
        self, index: AnyArray, gradient: Gradient, memory: Moments, params: Any
    ) -> tuple[Any, Moments]:
        root, now, log_scale = at_common_scale(memory.past, gradient)
        root = _root(root, self.decay, now, 1 - self.decay)
        after, since = _divided_step(self, index, now, root, memory.since, log_scale, params)
        return after, Moments(LogScaled(root, log_scale), since)


class AdaGrad(_Adaptive):
    """AdaGrad: v⁺ = v + g², W⁺ = W − η g/(√v⁺ + ε), entry by entry, as in PyTorch.

    v only grows, so the steps fade with the gradient as those of gradient descent do, in the fixed
    metric that the first gradients left: its limit is a margin in that metric, and depends on the
    start (Qian & Qian 2019; Duchi, Hazan & Singer 2011).  It ends `saturated` where gradient
    descent does.

    Args:
        learning_rate: η > 0, or a schedule.
        eps: ε ≥ 0.

    Example:
        >>> import marginflow as mf
        >>> mf.AdaGrad(0.1).scale_free
        False
    """

    def __init__(self, learning_rate: LearningRate, eps: float | int = 1e-10):
        self.learning_rate, self.eps = as_rate(learning_rate), nonnegative("eps", eps)

    def init(self, params: Any) -> Moments:
        return Moments(
            LogScaled(jax.tree.map(jnp.zeros_like, params), jnp.asarray(0.0)), jnp.asarray(-1)
        )

    def step(
        self, index: AnyArray, gradient: Gradient, memory: Moments, params: Any
    ) -> tuple[Any, Moments]:
        now = gradient.value()
        root = _root(memory.past.value, 1.0, now, 1.0)
        log_scale = memory.past.log_scale
        after, since = _divided_step(self, index, now, root, memory.since, log_scale, params)
        return after, Moments(LogScaled(root, log_scale), since)


def _divided_step(
    optimizer: _Adaptive,
    index: AnyArray,
    gradient: Any,
    root: Any,
    since: AnyArray,
    log_scale: AnyArray,
    params: Any,
) -> tuple[Any, AnyArray]:
    """W − η g/(r + ε), and the step at which ε took over."""
    rate, eps = rate_at(optimizer.learning_rate, index), in_units(optimizer.eps, log_scale)
    step = jax.tree.map(lambda g, r: _quotient(g, r + eps), gradient, root)
    after = jax.tree.map(lambda w, d: w - rate * d, params, step)
    return after, held_since(since, index, mostly_below(root, eps))


def _root(root: Any, decay: AnyArray | float, gradient: Any, weight: AnyArray | float) -> Any:
    """√(decay · r² + weight · g²), entry by entry."""
    old, new = jnp.sqrt(decay), jnp.sqrt(weight)
    return jax.tree.map(lambda r, g: jnp.hypot(old * r, new * g), root, gradient)


def _quotient(numerator: AnyArray, denominator: AnyArray) -> AnyArray:
    """0 where the denominator is: an entry that has had no gradient does not move."""
    safe = jnp.where(denominator > 0, denominator, 1.0)
    return jnp.where(denominator > 0, numerator / safe, 0.0)
