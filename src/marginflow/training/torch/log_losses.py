"""The logarithms of the losses of rows, and of their mean: what is left where losses underflow.

On separated data a loss falls below the least float, e^(−104) in float32, and its gradient with it.
The gradient of its logarithm, ∇L/L, does not: training by it goes on.
"""

import math

import torch
from torch import Tensor

from marginflow.training.torch.phi_functions import log_of_nonnegative
from marginflow.training.torch.row_loss import computing_dtype, row_losses
from marginflow.training.torch.row_rule import RowRule


def log_losses(scores: Tensor, labels: Tensor, rule: RowRule) -> Tensor:
    """The logarithms of the losses (n,), −inf and without a gradient where a loss is zero.

    Args:
        scores: (n, K), of any floating type.
        labels: (n, 1), in 0..K−1.
        rule: which loss.
    """
    logs = rule.log_values(scores.to(computing_dtype(scores)), labels)
    if logs is None:
        return log_of_nonnegative(row_losses(scores, labels, rule))
    # sums over no class at all are the least float
    return logs.masked_fill(logs <= torch.finfo(logs.dtype).min, -math.inf)


def log_sum(logs: Tensor) -> Tensor:
    """The logarithm of Σ e^logs over the first axis.

    Where every term is zero it is −inf without a gradient, which torch's own makes NaN.
    """
    nothing = torch.isneginf(logs).all(0)
    return torch.logsumexp(logs.masked_fill(nothing, 0), 0).masked_fill(nothing, -math.inf)


def log_mean(logs: Tensor, weights: Tensor) -> Tensor:
    """log(Σ w e^logs / Σ w), of samples that count; NaN where there are none.

    Args:
        logs: (n,).
        weights: (n,), not negative.
    """
    terms = torch.where(weights > 0, logs + log_of_nonnegative(weights), -math.inf)
    return log_sum(terms) - weights.sum().log()
