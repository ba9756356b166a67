"""The two verbs: the module of a loss that is named or given, and its value as a function."""

from contextlib import suppress

from torch import Tensor

from marginflow.losses import Loss, get_loss, registered_losses
from marginflow.training.torch.loss_module import DefinedLoss, TorchLoss
from marginflow.training.torch.reduced_loss import reduced_loss
from marginflow.training.torch.row_rule import RowRule
from marginflow.training.torch.rules import rule_of


def loss(
    of: str | Loss,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> TorchLoss:
    """The torch twin of a loss, as a module.

    Args:
        of: the name of a registered loss, or a `marginflow.Loss`.
        weight: one number for each class, or None: a sample counts as its class does.
        ignore_index: a target with which a sample does not count.
        reduction: "mean", which divides by the sum of the weights of the samples that count, "sum",
            "none", or "logmean", the logarithm of the mean, whose gradient ∇L/L is left where the
            loss underflows.

    Raises:
        TypeError: if there is no twin of such a loss, as of a template in JAX; the message says
            what to do.
        ValueError: if there is no loss of that name, or the reduction is none of the four.

    Example:
        >>> import torch
        >>> import marginflow as mf
        >>> from marginflow.training import torch as mft
        >>> focal = mft.loss(mf.FocalLoss(focus=1.0), reduction="sum")
        >>> focal(torch.zeros(2, 2), torch.tensor([0, 1]))
        tensor(0.6931)
    """
    definition = get_loss(of) if isinstance(of, str) else of
    return DefinedLoss(definition, weight=weight, ignore_index=ignore_index, reduction=reduction)


def loss_value(
    scores: Tensor,
    targets: Tensor,
    of: str | Loss,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """The value of a loss, as a function.

    In a function that `torch.compile` traces, name the loss, or call a module: what a
    `marginflow.Loss` is in torch is looked up outside.

    Args:
        scores: (..., K), classes last, or (...) for a binary problem.
        targets: integers (...), or shares of the classes (..., K); see `TorchLoss`.
        of: the name of a registered loss, or a `marginflow.Loss`.
        weight: as in `loss`.
        ignore_index: as in `loss`.
        reduction: as in `loss`.

    Raises:
        TypeError: as `loss`.
        ValueError: as `loss`, and if shapes or targets do not fit.

    Example:
        >>> import torch
        >>> from marginflow.training import torch as mft
        >>> mft.loss_value(torch.zeros(2, 4), torch.tensor([3, 0]), "pair-log-loss")
        tensor(2.0794)
    """
    rule = _NAMED[of] if isinstance(of, str) and of in _NAMED else _rule(of)
    return reduced_loss(rule, scores, targets, weight, ignore_index, reduction)


def _rule(of: str | Loss) -> RowRule:
    return rule_of(get_loss(of) if isinstance(of, str) else of)


def _rules_by_name() -> dict[str, RowRule]:
    """Those of all registered losses that have a twin, where a compiler finds them."""
    rules = {}
    for name, definition in registered_losses().items():
        with suppress(TypeError):
            rules[name] = rule_of(definition)
    return rules


_NAMED = _rules_by_name()
