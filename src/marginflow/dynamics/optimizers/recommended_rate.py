"""A learning rate for normalized methods: the constant step that changes no margin by over 1."""

from typing import Any

import numpy as np

from marginflow.margins import BinaryMargins, LinearMarginMap, as_margin_map
from marginflow.norms import Norm, as_norm


def recommended_rate(data: Any, norm: Norm | str = "frobenius") -> float:
    """The constant learning rate η = 1/max ‖a‖_* for normalized steepest descent in a norm.

    a are the gradients of the relative margins, so that no margin changes by more than 1 in a step
    of norm η.  Such a step is as long as an exponential tail can use: the normalized margin then
    rises at rate 1/t, where c/√t gives log t/√t.  `DualMomentum` and `PRGD` divide by the sum of
    pulls instead of a norm, and take η² in the Frobenius norm.

    Args:
        data: a `Dataset`, a pair (features, labels) or a linear margin map.
        norm: a `Norm` or its name; see `as_norm`.

    Raises:
        TypeError: if the margins are not linear in the weights.
        ValueError: if every feature is zero, or their norm leaves float64.

    Example:
        >>> import marginflow as mf
        >>> mf.recommended_rate(([[3.0, 4.0], [-3.0, -4.0]], [1, 0]), "max")
        0.14285714285714285
    """
    margin_map, norm = as_margin_map(data), as_norm(norm)
    if not isinstance(margin_map, LinearMarginMap):
        raise TypeError(
            f"data: expected margins that are linear in the weights, got "
            f"{type(margin_map).__name__}."
        )
    features = np.asarray(margin_map.features)
    if isinstance(margin_map, BinaryMargins):
        gradients = features
    else:
        # own column x, the other's −x, and zeros, which no dual norm sees
        gradients = np.stack([features, -features], axis=-1)
    largest = max(float(norm.dual(gradient)) for gradient in gradients)
    if not 0 < largest < np.inf:
        raise ValueError(
            "data: expected features of which some are not zero, and whose norm is a float64; the "
            f"largest gradient of a margin has the dual norm {largest:g}."
        )
    return 1.0 / largest
