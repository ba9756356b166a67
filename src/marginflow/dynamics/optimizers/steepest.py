"""Steepest descent in a norm, and its named cases.

One mechanism: the gradient, or a memory of gradients, gives the direction of unit norm along which
the risk falls fastest; the step is that direction, or the direction times the gradient's dual norm.
The norm decides which margin is maximized (Gunasekar et al. 2018, arXiv 1802.08246, theorem 5).
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.objective import Gradient, tree_norm
from marginflow.dynamics.optimizers.log_scaled import LogScaled, at_common_scale, nothing
from marginflow.dynamics.optimizers.optimizer import Optimizer
from marginflow.dynamics.optimizers.schedules import LearningRate, as_rate, rate_at
from marginflow.dynamics.optimizers.settings import flag, fraction
from marginflow.norms import EntrywiseNorm, Norm, as_norm


class SteepestDescent(Optimizer):
    """Steepest descent in a norm.

    W⁺ = W − η D(M) with M = β M₋ + ∇L(W) and D(M) the direction of norm 1 with ⟨M, D⟩ = ‖M‖_*;
    unnormalized, W⁺ = W − η ‖M‖_* D(M).  On separable data with an exponential tail it maximizes
    the margin in its norm: unnormalized at rate 1/log t, normalized with η_t = c/√t at
    log t/√t (Fan, Schmidt & Thrampoulidis 2025, arXiv 2502.04664; Nacson et al. 2019, arXiv
    1803.01905).  Normalized, it needs the gradient's direction alone and runs on at any margin.

    Parameters in many arrays: an entrywise norm sees them as one vector, the others see each array
    by itself.

    Args:
        norm: a `Norm` or its name; see `as_norm`.
        learning_rate: η > 0, or a schedule.
        normalized: whether the step has norm η, whatever the gradient's size.
        momentum: β in [0, 1).

    Raises:
        ValueError: if one is out of range.

    Example:
        >>> import marginflow as mf
        >>> optimizer = mf.SteepestDescent("l3", mf.inverse_sqrt(0.1))
        >>> run = mf.train(mf.soudry_toy(), "cross-entropy", optimizer, steps=1000)
        >>> run.observables["accuracy"][-1].item()
        1.0
    """

    norm: Norm
    learning_rate: Any
    normalized: bool = eqx.field(static=True)
    momentum: AnyArray | None

    def __init__(
        self,
        norm: Norm | str,
        learning_rate: LearningRate,
        *,
        normalized: bool = True,
        momentum: float | int = 0.0,
    ):
        self.norm = as_norm(norm)
        self.learning_rate = as_rate(learning_rate)
        self.normalized = flag("normalized", normalized)
        self.momentum = fraction("momentum", momentum) if momentum else None

    @property
    def scale_free(self) -> bool:
        return self.normalized

    def init(self, params: Any) -> Any:
        return None if self.momentum is None else nothing(params)

    def step(
        self, index: AnyArray, gradient: Gradient, memory: Any, params: Any
    ) -> tuple[Any, Any]:
        rate, pull = rate_at(self.learning_rate, index), gradient.direction
        if self.momentum is not None:
            past, now, log_scale = at_common_scale(memory, gradient)
            pull = jax.tree.map(lambda m, g: self.momentum * m + g, past, now)
            memory = LogScaled(pull, log_scale)
            gradient = Gradient(pull, log_scale)
        direction = steepest_direction(self.norm, pull)
        if not self.normalized:
            pairs = zip(jax.tree.leaves(gradient.value()), jax.tree.leaves(direction), strict=True)
            duals = [jnp.sum(g * d) for g, d in pairs]
            if isinstance(self.norm, EntrywiseNorm):
                duals = [sum(duals)] * len(duals)
            sizes = jax.tree.unflatten(jax.tree.structure(direction), duals)
            direction = jax.tree.map(jnp.multiply, direction, sizes)
        return jax.tree.map(lambda w, d: w - rate * d, params, direction), memory


class NormalizedGD(SteepestDescent):
    """Normalized gradient descent, W⁺ = W − η ∇L(W)/‖∇L(W)‖_F.

    It maximizes the Frobenius margin, with η_t = c/√t at rate log t/√t and with a constant step at
    1/t (Nacson et al. 2019, arXiv 1803.01905; Ji & Telgarsky 2021, arXiv 1906.04540).

    Args:
        learning_rate: η > 0, or a schedule.
        momentum: β in [0, 1).

    Example:
        >>> import marginflow as mf
        >>> mf.NormalizedGD(mf.inverse_sqrt(0.1)).scale_free
        True
    """

    def __init__(self, learning_rate: LearningRate, *, momentum: float | int = 0.0):
        super().__init__("frobenius", learning_rate, momentum=momentum)


class SpectralDescent(SteepestDescent):
    """Steepest descent in the spectral norm: W⁺ = W − η U Vᵀ, the polar factor of ∇L = U Σ Vᵀ.

    Singular values that are rounding of the largest count as zero, and have no part in the step:
    a gradient over the classes sums to zero.  It maximizes the spectral margin at log t/√t for
    η_t = c/√t (Fan, Schmidt & Thrampoulidis 2025, arXiv 2502.04664).

    Args:
        learning_rate: η > 0, or a schedule.
        normalized: whether the step has spectral norm η.
        momentum: β in [0, 1).

    Example:
        >>> import marginflow as mf
        >>> mf.SpectralDescent(0.1).norm.name
        'spectral'
    """

    def __init__(
        self, learning_rate: LearningRate, *, normalized: bool = True, momentum: float | int = 0.0
    ):
        super().__init__("spectral", learning_rate, normalized=normalized, momentum=momentum)


class NuclearDescent(SteepestDescent):
    """Steepest descent in the nuclear norm: W⁺ = W − η u₁ v₁ᵀ, the leading singular pair.

    It maximizes the nuclear margin (Fan, Schmidt & Thrampoulidis 2025, arXiv 2502.04664).

    Args:
        learning_rate: η > 0, or a schedule.
        normalized: whether the step has nuclear norm η.
        momentum: β in [0, 1).

    Example:
        >>> import marginflow as mf
        >>> mf.NuclearDescent(0.1).norm.name
        'nuclear'
    """

    def __init__(
        self, learning_rate: LearningRate, *, normalized: bool = True, momentum: float | int = 0.0
    ):
        super().__init__("nuclear", learning_rate, normalized=normalized, momentum=momentum)


class ClassNormalized(SteepestDescent):
    """Class-normalized descent: each class's weight vector moves by the same length η.

    w_k⁺ = w_k − η g_k/‖g_k‖ for every class k.  It maximizes the margin in the largest length of
    a class's weight vector (Fan, Schmidt & Thrampoulidis 2025, arXiv 2502.04664, whose weights have
    the classes as rows).

    Args:
        learning_rate: η > 0, or a schedule.
        normalized: whether the step has that norm η.
        momentum: β in [0, 1).

    Example:
        >>> import marginflow as mf
        >>> mf.ClassNormalized(0.1).norm.name
        'class_l2'
    """

    def __init__(
        self, learning_rate: LearningRate, *, normalized: bool = True, momentum: float | int = 0.0
    ):
        super().__init__("class_l2", learning_rate, normalized=normalized, momentum=momentum)


class GreedyCoordinate(SteepestDescent):
    """Greedy coordinate descent: only the entry with the largest gradient moves.

    W_jk⁺ = W_jk − η sign(g_jk), or − η g_jk unnormalized.  It is steepest descent in the entrywise
    1-norm, and maximizes the margin in it (Gunasekar et al. 2018, arXiv 1802.08246, section 3).

    Args:
        learning_rate: η > 0, or a schedule.
        normalized: whether the entry moves by η.
        momentum: β in [0, 1).

    Example:
        >>> import marginflow as mf
        >>> mf.GreedyCoordinate(0.1, normalized=False).scale_free
        False
    """

    def __init__(
        self, learning_rate: LearningRate, *, normalized: bool = True, momentum: float | int = 0.0
    ):
        super().__init__("l1", learning_rate, normalized=normalized, momentum=momentum)


def steepest_direction(norm: Norm, gradient: Any) -> Any:
    """The steepest direction of unit norm, in the structure of the parameters."""
    if not isinstance(norm, EntrywiseNorm):
        return jax.tree.map(norm.steepest, gradient)
    if norm.p == 2:
        length = tree_norm(gradient)
        length = jnp.where(length > 0, length, 1.0)
        return jax.tree.map(lambda entry: entry / length, gradient)
    leaves, structure = jax.tree.flatten(gradient)
    if len(leaves) == 1:
        return jax.tree.unflatten(structure, [norm.steepest(leaves[0])])
    flat = norm.steepest(jnp.concatenate([jnp.ravel(leaf) for leaf in leaves]))
    ends = [0]
    for leaf in leaves:
        ends.append(ends[-1] + leaf.size)
    pieces = [
        flat[start:end].reshape(leaf.shape)
        for start, end, leaf in zip(ends, ends[1:], leaves, strict=False)
    ]
    return jax.tree.unflatten(structure, pieces)
