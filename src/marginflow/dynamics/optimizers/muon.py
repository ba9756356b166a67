"""Muon: momentum, then the polar factor, exact or by Newton–Schulz steps."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.objective import Gradient, tree_norm
from marginflow.dynamics.optimizers.eps_takeover import held_since, in_units
from marginflow.dynamics.optimizers.log_scaled import LogScaled, at_common_scale, nothing
from marginflow.dynamics.optimizers.optimizer import Optimizer
from marginflow.dynamics.optimizers.schedules import LearningRate, as_rate, rate_at
from marginflow.dynamics.optimizers.settings import flag, fraction, nonnegative, whole
from marginflow.norms import as_norm

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
SMALL = 8
MOST_STEPS = 100  # each is compiled by itself, and after some tens nothing changes


class Muon(Optimizer):
    """Muon: M⁺ = β M + ∇L(W), W⁺ = (1 − η λ) W − η O(∇L + β M⁺), or O(M⁺) without Nesterov.

    O(G) = U Vᵀ is the polar factor of G = U Σ Vᵀ, exact, or by k steps X ← a X + (b A + c A²) X,
    A = X Xᵀ, from X = G/max(‖G‖_F, ε), with a, b, c = 3.4445, −4.7750, 2.0315, which send every
    singular value near 1, to between .7 and 1.2, but not to 1 (Jordan et al. 2024, "Muon").  With
    the exact factor it maximizes the spectral margin at log t/√t for η_t = c/√t (Fan, Schmidt &
    Thrampoulidis 2025, arXiv 2502.04664); with five steps it stops short of it.

    There is no factor for the shape of W, as some implementations have; it is part of η.

    Args:
        learning_rate: η > 0, or a schedule.
        momentum: β in [0, 1).
        nesterov: whether the step looks ahead.
        ns_steps: k from 1 to 100, or None for the exact polar factor.
        eps: ε ≥ 0, of Newton–Schulz; where ‖G‖_F is below it, steps shrink with the gradient.
        weight_decay: λ ≥ 0.

    Raises:
        ValueError: if one is out of range.

    Example:
        >>> import marginflow as mf
        >>> mf.Muon(0.02).ns_steps, mf.Muon(0.02, ns_steps=None).ns_steps
        (5, None)
    """

    learning_rate: Any
    momentum: AnyArray
    nesterov: bool = eqx.field(static=True)
    ns_steps: int | None = eqx.field(static=True)
    eps: AnyArray
    weight_decay: AnyArray

    def __init__(
        self,
        learning_rate: LearningRate,
        momentum: float | int = 0.95,
        *,
        nesterov: bool = True,
        ns_steps: int | None = 5,
        eps: float | int = 0.0,
        weight_decay: float | int = 0.0,
    ):
        self.learning_rate = as_rate(learning_rate)
        self.momentum = fraction("momentum", momentum)
        self.nesterov = flag("nesterov", nesterov)
        self.ns_steps = None if ns_steps is None else whole("ns_steps", ns_steps, 1, MOST_STEPS)
        self.eps = nonnegative("eps", eps)
        self.weight_decay = nonnegative("weight_decay", weight_decay)

    @property
    def scale_free(self) -> bool:
        return True

    def init(self, params: Any) -> tuple[LogScaled, AnyArray]:
        return nothing(params), jnp.asarray(-1)

    def step(
        self, index: AnyArray, gradient: Gradient, memory: tuple[LogScaled, AnyArray], params: Any
    ) -> tuple[Any, tuple[LogScaled, AnyArray]]:
        rate, (past, since) = rate_at(self.learning_rate, index), memory
        old, now, log_scale = at_common_scale(past, gradient)
        kept = jax.tree.map(lambda m, g: self.momentum * m + g, old, now)
        pull = kept
        if self.nesterov:
            pull = jax.tree.map(lambda m, g: g + self.momentum * m, kept, now)
        ns_steps = self.ns_steps
        if ns_steps is None:
            factor = jax.tree.map(as_norm("spectral").steepest, pull)
        else:
            eps = in_units(self.eps, log_scale)
            factor = jax.tree.map(lambda x: newton_schulz(x, ns_steps, eps), pull)
            since = held_since(since, index, tree_norm(pull) < eps)
        decay = 1 - rate * self.weight_decay
        after = jax.tree.map(lambda w, o: decay * w - rate * o, params, factor)
        return after, (LogScaled(kept, log_scale), since)

    def takeover(self, memory: Any) -> tuple[int, str] | None:
        if int(memory[1]) < 0:
            return None
        return int(memory[1]), (
            f"the momentum's norm is below eps = {float(self.eps):.3g}, and the steps shrink with "
            "it instead of keeping their length"
        )


def newton_schulz(matrix: AnyArray, steps: int, eps: AnyArray | float = 0.0) -> AnyArray:
    """The polar factor of a matrix, nearly: each singular value ends between .7 and 1.2.

    The steps multiply X by polynomials in its Gram matrix, which commute: they are gathered on the
    smaller side, and X is multiplied once.

    Args:
        matrix: (d, K), or (d,) for a single column.
        steps: how many.
        eps: the least Frobenius norm by which the matrix is divided.
    """
    a, b, c = COEFFICIENTS
    length = jnp.maximum(jnp.linalg.norm(matrix), eps)
    x = (matrix / jnp.where(length > 0, length, 1.0)).reshape(len(matrix), -1)
    tall = x.shape[0] >= x.shape[1]
    gram = x.T @ x if tall else x @ x.T
    one = jnp.eye(len(gram))
    gathered = one
    for _ in range(steps):
        factor = a * one + b * gram + c * _product(gram, gram)
        gathered = _product(gathered, factor)
        gram = _product(_product(factor, gram), factor)
    return (x @ gathered if tall else gathered @ x).reshape(matrix.shape)


def _product(left: AnyArray, right: AnyArray) -> AnyArray:
    # a call into the matrix library takes longer than the product of matrices this small
    if len(left) > SMALL:
        return left @ right
    return jnp.sum(left[:, :, None] * right[None, :, :], axis=1)
