"""From the losses of rows to the loss of a batch: targets, weights of classes, the reduction.

What stands around the losses is what `torch.nn.CrossEntropyLoss` has too, with one difference: the
classes are the last axis, as everywhere in this package.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from marginflow.training.torch.log_losses import log_losses, log_mean
from marginflow.training.torch.row_loss import computing_dtype, row_losses
from marginflow.training.torch.row_rule import RowRule

REDUCTIONS = ("none", "mean", "sum", "logmean")


def reduced_loss(
    rule: RowRule,
    scores: Tensor,
    targets: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
) -> Tensor:
    """The loss of scores and targets; `TorchLoss` says what all of these are."""
    if not scores.is_floating_point():
        raise ValueError(f"scores: expected a floating type, got {scores.dtype}.")
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction: expected one of {REDUCTIONS}, got {reduction!r}.")
    dtype = scores.dtype
    soft = targets.is_floating_point()
    if not soft and targets.shape == scores.shape:
        scores = torch.stack([torch.zeros_like(scores), scores], dim=-1)
    _check_shapes(scores, targets, soft, weight)
    rows = scores.reshape(-1, scores.shape[-1])
    if soft:
        result = _of_shares(rule, rows, targets.reshape(rows.shape), weight, reduction)
    else:
        result = _of_labels(rule, rows, targets.reshape(-1), weight, ignore_index, reduction)
    if reduction == "none":
        result = result.reshape(scores.shape[:-1])
    return result if torch.is_autocast_enabled(scores.device.type) else result.to(dtype)


def _of_labels(
    rule: RowRule,
    scores: Tensor,
    labels: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
) -> Tensor:
    """Of samples with one class each, of which those of `ignore_index` have no weight."""
    counts = labels != ignore_index
    labels = torch.where(counts, labels, 0).long()
    function = log_losses if reduction == "logmean" else row_losses
    values = _checked(function, rule, scores, labels[:, None], ignore_index)
    weights = counts if weight is None else torch.where(counts, weight.to(values.dtype)[labels], 0)
    if reduction == "logmean":
        return log_mean(values, weights.to(values.dtype))
    terms = torch.where(counts, values if weight is None else weights * values, 0)
    return _reduced(terms, weights.sum(), reduction)


def _of_shares(
    rule: RowRule, scores: Tensor, shares: Tensor, weight: Tensor | None, reduction: str
) -> Tensor:
    """Of samples with shares of the classes: Σ_k q_k ℓ(θ, k).

    There ℓ(θ, k) is that of the class in the lead plus a linear term.
    """
    if rule.label_rate is None:
        raise ValueError(
            "soft targets are defined for the cross-entropy, Fenchel-Young losses, their label "
            "smoothing and sums of those; this loss takes integer targets (...) only."
        )
    if reduction == "logmean":
        raise ValueError("reduction 'logmean': expected integer targets (...), got shares.")
    dtype = computing_dtype(scores)
    shares = shares.to(dtype) if weight is None else shares.to(dtype) * weight.to(dtype)
    top, leader = scores.max(1, keepdim=True)
    gaps = torch.where(shares == 0, 0, top.to(dtype) - scores.to(dtype))
    of_leader = row_losses(scores, leader, rule)
    terms = shares.sum(1) * of_leader + rule.label_rate * (shares * gaps).sum(1)
    return _reduced(terms, len(terms), reduction)


def _reduced(terms: Tensor, size: Tensor | int, reduction: str) -> Tensor:
    """The terms (n,), their sum, or it divided by the size."""
    if reduction == "none":
        return terms
    return terms.sum() / size if reduction == "mean" else terms.sum()


def _checked(
    function: Callable[[Tensor, Tensor, RowRule], Tensor],
    rule: RowRule,
    scores: Tensor,
    labels: Tensor,
    ignore_index: int,
) -> Tensor:
    """What a function makes of rows, with a sentence of ours where a label is out of range."""
    if torch.compiler.is_compiling():
        return function(scores, labels, rule)
    try:
        return function(scores, labels, rule)
    except (IndexError, RuntimeError) as error:
        if "out of bounds" not in str(error):
            raise
        raise ValueError(
            f"targets: expected integers in 0..{scores.shape[1] - 1}, or ignore_index = "
            f"{ignore_index} where a sample does not count; {error}."
        ) from error


def _check_shapes(scores: Tensor, targets: Tensor, soft: bool, weight: Tensor | None) -> None:
    fits = scores.ndim > 0 and scores.shape[-1] > 1
    if not fits or targets.shape != (scores.shape if soft else scores.shape[:-1]):
        raise ValueError(
            "expected scores (..., K) with K >= 2, classes last, and targets: integers (...) or "
            f"shares of classes (..., K); got scores {tuple(scores.shape)} and targets "
            f"{tuple(targets.shape)} of {targets.dtype}."
        )
    if weight is not None and weight.shape != scores.shape[-1:]:
        raise ValueError(
            f"weight: expected one number for each of {scores.shape[-1]} classes, got shape "
            f"{tuple(weight.shape)}."
        )
