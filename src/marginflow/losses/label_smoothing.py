"""Label smoothing: a loss against labels that leave something to every class."""

import math

import equinox as eqx
import jax.numpy as jnp

from marginflow._types import AnyArray
from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.cross_entropy import CrossEntropy
from marginflow.losses.fenchel_young import FenchelYoungLoss
from marginflow.losses.loss import Loss, log_of_nonnegative
from marginflow.losses.tail import Tail, TailKind


class LabelSmoothing(Loss):
    """A loss of labels that are mixed with the uniform distribution.

    ψ(u) = ψ₁(u) + (ε/K) Σ_k u_k, where ψ₁ is the cross-entropy or another Fenchel–Young loss: that
    is (1−ε) of the loss of the label and ε of the mean of the losses of all labels, as these losses
    are linear in the label.  Its slopes ε/K − p_k turn positive as soon as p_k is below ε/K: large
    margins are pulled back, and training has a finite limit.  Its smoothness in the scores is that
    of ψ₁ (Szegedy et al. 2016, arXiv 1512.00567; Müller, Kornblith & Hinton 2019, arXiv
    1906.02629).

    Args:
        smoothing: ε, between 0 and 1.
        loss: ψ₁; the cross-entropy by default.

    Raises:
        TypeError: if ψ₁ is neither the cross-entropy nor a Fenchel–Young loss.
        ValueError: if ε is not between 0 and 1.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> sign, _ = mf.LabelSmoothing().slope(np.array([[1.0, 1.0], [9.0, 9.0]]))
        >>> sign
        array([[-1., -1.],
               [ 1.,  1.]])
    """

    smoothing: float = eqx.field(static=True, default=0.1)
    loss: Loss = CrossEntropy()

    def __check_init__(self):
        if not 0 < self.smoothing < 1:
            raise ValueError(
                f"LabelSmoothing: expected a smoothing between 0 and 1, got {self.smoothing}."
            )
        if not isinstance(self.loss, CrossEntropy | FenchelYoungLoss):
            raise TypeError(
                "LabelSmoothing: expected the cross-entropy or a Fenchel-Young loss, "
                f"got {self.loss!r}."
            )

    @keeps_array_type
    def template(self, margins: AnyArray) -> AnyArray:
        return self.loss.template(margins) + self._share(margins) * jnp.sum(margins, axis=-1)

    @keeps_array_type
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        log_share = math.log(self._share(margins))
        excess = self.loss.slope(margins)[1] - log_share
        # (ε/K) |1 − e^excess|, of which the larger term is taken out
        above = excess > 0
        size = jnp.where(above, excess, -excess)
        rest = log_of_nonnegative(-jnp.expm1(-size))
        return -jnp.sign(excess), log_share + jnp.where(above, excess, 0) + rest

    @keeps_array_type
    def slope_value(self, margins: AnyArray) -> AnyArray:
        return self._share(margins) + self.loss.slope_value(margins)

    def smoothness(self, n_classes: int) -> float | None:
        return self.loss.smoothness(n_classes)

    def tail(self, n_classes: int) -> Tail:
        return Tail(TailKind.RISING)

    def _share(self, margins: AnyArray) -> float:
        return self.smoothing / (margins.shape[-1] + 1)
