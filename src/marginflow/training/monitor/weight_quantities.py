"""Quantities of a torch matrix of weights."""

import math

import numpy as np
import torch

from marginflow.training.monitor.layer_quantities import LARGEST_SVD, ranks
from marginflow.training.monitor.update_quantities import gradient_of


def weight_quantities(
    name: str, weight: torch.Tensor, before: torch.Tensor | None
) -> dict[str, float]:
    """Those of one matrix, by name.

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
        found |= ranks(name, as_numpy(gram))
    if weight.grad is not None and norm > 0:
        size = float(torch.linalg.vector_norm(gradient_of(weight).float()))
        found[f"gradient_to_weight/{name}"] = size / norm
    if before is not None and norm > 0:
        change = float(torch.linalg.vector_norm(weight.detach().float() - before.float()))
        found[f"update_to_weight/{name}"] = change / norm
    return found


def as_numpy(tensor: torch.Tensor) -> np.ndarray:
    """The numbers of a tensor, those of 16 bits in 32."""
    tensor = tensor.detach().cpu()
    narrow = tensor.is_floating_point() and tensor.dtype != torch.float64
    return (tensor.float() if narrow else tensor).numpy()
