"""Quantities of one layer: of its activation's outputs, and of its weights' singular values."""

import numpy as np

from marginflow.dynamics.matrix_completion import entropy_rank
from marginflow.training.monitor.activations import ACTIVATIONS
from marginflow.training.monitor.saturation import (
    dead_units,
    saturated_share,
    saturation_measure,
)
from marginflow.training.monitor.stable_rank import stable_rank

LARGEST_SVD = 512  # the smaller side of a matrix whose singular values are computed


class Activations:
    """Quantities of activations, and which units were dead before.

    Args:
        beyond: the part of the range from which on an output counts as saturated.
        unit_axis: the axis of units in what a layer puts out: 1 as in torch, −1 as in JAX.
    """

    def __init__(self, beyond: float, unit_axis: int):
        self._beyond, self._unit_axis = beyond, unit_axis
        self.dead: dict[str, np.ndarray] = {}

    def quantities(self, name: str, kind: str, outputs: np.ndarray) -> dict[str, float]:
        """Those of one layer, by name.

        Args:
            name: of the layer.
            kind: of the activation, as "Tanh".
            outputs: on the probe samples, which are the first axis.
        """
        activation = ACTIVATIONS[kind]
        found: dict[str, float] = {}
        if activation.derivative is not None:
            found[f"derivative/{name}"] = float(np.mean(activation.derivative(outputs)))
        if activation.low is not None and activation.high is not None:
            ends = (activation.low, activation.high)
            found[f"phi/{name}"] = saturation_measure(outputs, *ends)
            found[f"saturated/{name}"] = saturated_share(outputs, *ends, self._beyond)
        if activation.rectifies and outputs.ndim > 1:
            units = np.moveaxis(outputs, self._unit_axis, -1)
            dead = dead_units(units.reshape(-1, units.shape[-1]))
            before = self.dead.get(name)
            found[f"dead/{name}"] = float(dead.mean())
            found[f"revived/{name}"] = 0.0 if before is None else float(np.mean(before & ~dead))
            self.dead[name] = dead
        return found


def ranks(name: str, gram: np.ndarray) -> dict[str, float]:
    """The effective and the stable rank of a matrix, by name.

    Args:
        name: of the layer.
        gram: the matrix times its transpose, on the smaller side.
    """
    squares = np.linalg.eigvalsh(gram.astype(np.float64)).clip(min=0)
    singular = np.sqrt(squares)
    return {
        f"effective_rank/{name}": float(entropy_rank(singular)),
        f"stable_rank/{name}": stable_rank(singular),
    }
