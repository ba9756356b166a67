"""From the losses of rows to the loss of a batch: targets, weights of classes, the reduction.

What stands around the losses is what `torch.nn.CrossEntropyLoss` has too, with one difference: the
classes are the last axis, as everywhere in this package.
"""

import torch
from torch import Tensor

from marginflow.training.torch.row_loss import computing_dtype, row_losses
from marginflow.training.torch.row_rule import RowRule

REDUCTIONS = ("none", "mean", "sum")


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
        values = _of_shares(rule, rows, targets.reshape(rows.shape), weight)
        size = rows.shape[0]
    else:
        values, size = _of_labels(rule, rows, targets.reshape(-1), weight, ignore_index)
    if reduction == "none":
        result = values.reshape(scores.shape[:-1])
    else:
        result = values.sum() / size if reduction == "mean" else values.sum()
    return result if torch.is_autocast_enabled(scores.device.type) else result.to(dtype)


def _of_labels(
    rule: RowRule, scores: Tensor, labels: Tensor, weight: Tensor | None, ignore_index: int
) -> tuple[Tensor, Tensor]:
    """Losses of the samples (n,), and what their sum is divided by for a mean."""
    counts = labels != ignore_index
    labels = torch.where(counts, labels, 0).long()
    values = _checked_losses(rule, scores, labels[:, None], ignore_index)
    if weight is None:
        return torch.where(counts, values, 0), counts.sum()
    weights = torch.where(counts, weight.to(values.dtype)[labels], 0)
    return torch.where(counts, weights * values, 0), weights.sum()


def _of_shares(rule: RowRule, scores: Tensor, shares: Tensor, weight: Tensor | None) -> Tensor:
    """Σ_k q_k ℓ(θ, k), where ℓ(θ, k) is that of the class in the lead plus a linear term."""
    if rule.label_rate is None:
        raise ValueError(
            "soft targets are defined for the cross-entropy, Fenchel-Young losses, their label "
            "smoothing and sums of those; this loss takes integer targets (...) only."
        )
    dtype = computing_dtype(scores)
    shares = shares.to(dtype) if weight is None else shares.to(dtype) * weight.to(dtype)
    top, leader = scores.max(1, keepdim=True)
    gaps = torch.where(shares == 0, 0, top.to(dtype) - scores.to(dtype))
    of_leader = row_losses(scores, leader, rule)
    return shares.sum(1) * of_leader + rule.label_rate * (shares * gaps).sum(1)


def _checked_losses(rule: RowRule, scores: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    """Losses, with a sentence of ours where a label is out of range."""
    if torch.compiler.is_compiling():
        return row_losses(scores, labels, rule)
    try:
        return row_losses(scores, labels, rule)
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
