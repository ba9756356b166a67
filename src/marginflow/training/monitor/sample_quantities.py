"""Fixed samples of a torch model: their loss, and whether margins can be normalized."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from marginflow.training.monitor.activations import HOMOGENEOUS

PASSES = ("Flatten", "Dropout", "MaxPool1d", "MaxPool2d", "AvgPool1d", "AvgPool2d", "Identity")


class Samples(NamedTuple):
    """Fixed samples to look at.

    Attributes:
        inputs: as the model takes them.
        targets: (n,) classes, or numbers of a regression.
    """

    inputs: Any
    targets: torch.Tensor


def as_samples(name: str, samples: Any) -> Samples | None:
    """A pair (inputs, targets), checked; None as it is.

    Args:
        name: of the argument.
        samples: what the caller passed.
    """
    if samples is None:
        return None
    if not isinstance(samples, tuple | list) or len(samples) != 2:
        raise TypeError(
            f"{name}: expected a pair (inputs, targets), got {type(samples).__name__}; a loader "
            "gives one by next(iter(loader))."
        )
    inputs, targets = samples
    if not isinstance(targets, torch.Tensor) or not targets.numel():
        raise TypeError(f"{name}: expected targets as a tensor with samples in it.")
    return Samples(inputs, targets)


def loss_of(
    scores: torch.Tensor, targets: torch.Tensor, loss: Callable[[Any, Any], Any] | None
) -> float:
    """The mean loss; by default cross-entropy of classes and squared error of numbers."""
    functions = torch.nn.functional
    with torch.no_grad():
        if loss is not None:
            return float(loss(scores, targets))
        if targets.dtype.is_floating_point:
            return float(functions.mse_loss(scores.reshape(targets.shape), targets))
        if scores.ndim == 1 or scores.shape[1] == 1:
            flat = scores.reshape(targets.shape)
            goal = targets.to(flat.dtype)
            return float(functions.binary_cross_entropy_with_logits(flat, goal))
        return float(functions.cross_entropy(scores, targets))


def homogeneity_of(model: torch.nn.Module) -> int | None:
    """The number of layers of a chain without biases; None of another model."""
    leaves = [each for each in model.modules() if not list(each.children())]
    chain = isinstance(model, torch.nn.Sequential) or len(leaves) == 1
    layers = 0
    for leaf in leaves:
        kind = type(leaf).__name__
        if isinstance(leaf, torch.nn.Linear | torch.nn.modules.conv._ConvNd):
            if leaf.bias is not None:
                return None
            layers += 1
        elif kind not in HOMOGENEOUS and kind not in PASSES:
            return None
    return layers if chain and layers else None
