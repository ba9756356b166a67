"""Gradient descent with a learning rate set by the loss, for homogeneous networks."""

from typing import Any

import jax
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.dynamics.objective import Gradient, tree_norm
from marginflow.dynamics.optimizers.optimizer import Optimizer
from marginflow.dynamics.optimizers.settings import above_one, fraction, positive

HALVINGS = 20
AT_A_CORNER = 2.0**-10


class LossBasedGD(Optimizer):
    """Gradient descent on the logarithm of the loss, its step found by backtracking.

    W⁺ = W − α ∇L(W)/L(W), so that the learning rate α/L grows as the loss falls.  The first trial
    is the shorter of two: `growth` times the last α, and α = η/‖∇L/L‖², by which log L would fall
    by η.  It is halved until log L falls by the share c of what its slope promises,
    log L(W⁺) ≤ log L(W) − c α ‖∇L/L‖², twenty times at most: at a corner of the network no step
    may do, and a thousandth of the first trial is made.

    The margin rises by about as much at every step, whatever the depth of a network.  So the loss
    falls as e^(−ηt), and 10^−300 is hundreds of steps away instead of 10^300.

    Nothing underflows: the loss is known by its logarithm and the gradient by its direction and
    log scale.  Where the loss is exponential and steps are short, the smoothed normalized margin
    log(1/L)/‖W‖^D of a network homogeneous of degree D does not fall once L < 1 (Lyu & Li 2020,
    arXiv 1906.05890, the theorem for gradient descent and the loss-based learning rate of the
    experiments; both as remembered).

    Args:
        learning_rate: η > 0, by how much the logarithm of the loss may fall in a step.
        growth: of α from a step to the next trial, above 1.
        decrease: c in [0, 1), the share of the promised decrease that is asked for.  Near 1 a
            corner of the network can stall the run.

    Raises:
        ValueError: if one is out of range.

    Example:
        >>> import marginflow as mf
        >>> network = mf.NetworkMargins(mf.soudry_toy(), hidden=(8, 8))
        >>> run = mf.train(
        ...     network, "cross-entropy", mf.LossBasedGD(), steps=2000, initial=network.draw(0)
        ... )
        >>> bool(run.observables["log_risk"][-1] < -700)
        True
    """

    learning_rate: AnyArray
    growth: AnyArray
    decrease: AnyArray

    def __init__(
        self,
        learning_rate: float | int = 1.0,
        *,
        growth: float | int = 1.2,
        decrease: float | int = 0.3,
    ):
        self.learning_rate = positive("learning_rate", learning_rate)
        self.growth = above_one("growth", growth)
        self.decrease = fraction("decrease", decrease)

    @property
    def scale_free(self) -> bool:
        return True

    def init(self, params: Any) -> AnyArray:
        return jnp.asarray(jnp.inf)

    def step(
        self, index: AnyArray, gradient: Gradient, memory: AnyArray, params: Any
    ) -> tuple[Any, AnyArray]:
        log_risk = gradient.log_risk
        if log_risk is None:
            raise TypeError(
                "LossBasedGD: expected the risk of a loss on margins, as `train` minimizes; this "
                "objective does not know the logarithm of its risk."
            )
        now = log_risk(params)
        slope = gradient.over_risk(now)
        square = tree_norm(slope) ** 2
        most = self.learning_rate / jnp.where(square > 0, square, 1.0)

        def after(rate: AnyArray) -> Any:
            return jax.tree.map(lambda w, h: w - rate * h, params, slope)

        def too_long(trial: tuple[AnyArray, AnyArray]) -> AnyArray:
            count, rate = trial
            falls = log_risk(after(rate)) <= now - self.decrease * rate * square
            return ~falls & (count < HALVINGS)

        def halve(trial: tuple[AnyArray, AnyArray]) -> tuple[AnyArray, AnyArray]:
            count, rate = trial
            return count + 1, rate / 2.0

        first = jnp.minimum(self.growth * memory, most)
        count, rate = jax.lax.while_loop(too_long, halve, (jnp.asarray(0), first))
        found = count < HALVINGS
        rate = jnp.where(found, rate, AT_A_CORNER * first)
        return after(rate), jnp.where(found, rate, first)
