"""Quantities of one layer: of its activation's outputs, and of its weights."""

import math

import numpy as np
import torch

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
    """

    def __init__(self, beyond: float):
        self._beyond = beyond
        self.dead: dict[str, np.ndarray] = {}

    def quantities(self, name: str, kind: str, outputs: torch.Tensor) -> dict[str, float]:
        """Those of one layer, by name.

        Args:
            name: of the layer.
            kind: of the activation, as "Tanh".
            outputs: (n, units, ...) on the probe samples.
        """
        activation, values = ACTIVATIONS[kind], _numpy(outputs)
        found: dict[str, float] = {}
        if activation.derivative is not None:
            found[f"derivative/{name}"] = float(np.mean(activation.derivative(values)))
        if activation.low is not None and activation.high is not None:
            ends = (activation.low, activation.high)
            found[f"phi/{name}"] = saturation_measure(values, *ends)
            found[f"saturated/{name}"] = saturated_share(values, *ends, self._beyond)
        if activation.rectifies and values.ndim > 1:
            units = np.moveaxis(values, 1, -1).reshape(-1, values.shape[1])
            dead = dead_units(units)
            before = self.dead.get(name)
            found[f"dead/{name}"] = float(dead.mean())
            found[f"revived/{name}"] = 0.0 if before is None else float(np.mean(before & ~dead))
            self.dead[name] = dead
        return found


def weight_quantities(
    name: str, weight: torch.Tensor, before: torch.Tensor | None
) -> dict[str, float]:
    """Those of one matrix of weights, by name.

    Args:
        name: of its layer.
        weight: (out, in, ...), with its gradient if there is one.
        before: the weights one step earlier, if known.
    """
    matrix = weight.detach().flatten(1).float()
    norm = float(torch.linalg.vector_norm(matrix))
    found = {f"norm/{name}": norm}
    if min(matrix.shape) <= LARGEST_SVD and math.isfinite(norm):
        gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
        squares = _numpy(torch.linalg.eigvalsh(gram.double())).clip(min=0)
        singular = np.sqrt(squares)
        found[f"effective_rank/{name}"] = float(entropy_rank(singular))
        found[f"stable_rank/{name}"] = stable_rank(singular)
    if weight.grad is not None and norm > 0:
        size = float(torch.linalg.vector_norm(weight.grad.detach().float()))
        found[f"gradient_to_weight/{name}"] = size / norm
    if before is not None and norm > 0:
        change = float(torch.linalg.vector_norm(weight.detach().float() - before.float()))
        found[f"update_to_weight/{name}"] = change / norm
    return found


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    tensor = tensor.detach().cpu()
    return (tensor if tensor.dtype == torch.float64 else tensor.float()).numpy()
