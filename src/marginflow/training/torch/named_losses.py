"""The losses of `marginflow`, under their names, as modules.

Parameters and defaults are those of the loss of that name; every one also takes `weight`,
`ignore_index` and `reduction`.  What a loss is, says its docstring there.
"""

import inspect
from collections.abc import Iterable
from typing import Any, ClassVar

from torch import Tensor

from marginflow import losses
from marginflow.training.torch.loss_module import DefinedLoss


class NamedLoss(DefinedLoss):
    """A twin that is made of its loss's parameters; parts may be given as modules, too."""

    of: ClassVar[type[losses.Loss]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = inspect.signature(cls.of).parameters.values()
        common = inspect.signature(DefinedLoss).parameters.values()
        settings = [parameter for parameter in common if parameter.kind is parameter.KEYWORD_ONLY]
        cls.__signature__ = inspect.Signature([*own, *settings])

    def __init__(
        self,
        *parameters: Any,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        **named: Any,
    ):
        positional = [_defined(parameter) for parameter in parameters]
        definition = self.of(
            *positional, **{name: _defined(value) for name, value in named.items()}
        )
        super().__init__(definition, weight=weight, ignore_index=ignore_index, reduction=reduction)

    def extra_repr(self) -> str:
        parameters = repr(self.definition).removeprefix(type(self.definition).__name__)[1:-1]
        return ", ".join(filter(None, [parameters, f"reduction={self.reduction!r}"]))


def _defined(parameter: Any) -> Any:
    """A parameter with the losses that modules in it are twins of in their place."""
    if isinstance(parameter, DefinedLoss):
        if parameter.weight is not None:
            raise ValueError(
                f"{parameter}: a part of a loss has no weights of classes; give them to the whole."
            )
        return parameter.definition
    if isinstance(parameter, Iterable) and not isinstance(parameter, str):
        return [_defined(part) for part in parameter]
    return parameter


class CrossEntropy(NamedLoss):
    """log(1 + Σ e^(−u_k))."""

    of = losses.CrossEntropy


class MulticlassExponential(NamedLoss):
    """Σ e^(−u_k); its gradients overflow where margins are below −88 in float32."""

    of = losses.MulticlassExponential


class PairLogLoss(NamedLoss):
    """Σ log(1 + e^(−u_k))."""

    of = losses.PairLogLoss


class PolynomialLoss(NamedLoss):
    """Σ (1 + u_k)^(−p) with a parabola below zero."""

    of = losses.PolynomialLoss


class StretchedExponential(NamedLoss):
    """Σ e^(−u_k^ν) with a parabola below one."""

    of = losses.StretchedExponential


class SigmoidLoss(NamedLoss):
    """Σ 1 / (1 + e^(u_k))."""

    of = losses.SigmoidLoss


class WestonWatkins(NamedLoss):
    """Σ max(0, 1 − u_k); K times `torch.nn.MultiMarginLoss`."""

    of = losses.WestonWatkins


class SquaredWestonWatkins(NamedLoss):
    """Σ max(0, 1 − u_k)²; K times `torch.nn.MultiMarginLoss(p=2)`."""

    of = losses.SquaredWestonWatkins


class CrammerSinger(NamedLoss):
    """max_k max(0, 1 − u_k)."""

    of = losses.CrammerSinger


class SquaredCrammerSinger(NamedLoss):
    """max_k max(0, 1 − u_k)²."""

    of = losses.SquaredCrammerSinger


class SmoothedHinge(NamedLoss):
    """A sum of hinges bent on the side of the errors."""

    of = losses.SmoothedHinge


class HuberizedHinge(NamedLoss):
    """A sum of hinges bent on both sides."""

    of = losses.HuberizedHinge


class ModifiedHuber(NamedLoss):
    """A sum of squared hinges that go on as straight lines."""

    of = losses.ModifiedHuber


class DuchiKhosraviRuan(NamedLoss):
    """A hinge on the mean of the worst margins."""

    of = losses.DuchiKhosraviRuan


class LeeLinWahba(NamedLoss):
    """Hinges on the scores, shifted to sum to zero."""

    of = losses.LeeLinWahba


class CoherenceLoss(NamedLoss):
    """T log(1 + Σ e^((1 − u_k)/T))."""

    of = losses.CoherenceLoss


class MeanAbsoluteError(NamedLoss):
    """1 − p, p the softmax's probability of the true class."""

    of = losses.MeanAbsoluteError


class GeneralizedCrossEntropy(NamedLoss):
    """(1 − p^q) / q."""

    of = losses.GeneralizedCrossEntropy


class AlphaLoss(NamedLoss):
    """(1 − p^q) / q with q = 1 − 1/α."""

    of = losses.AlphaLoss


class TaylorCrossEntropy(NamedLoss):
    """The first terms of −log p."""

    of = losses.TaylorCrossEntropy


class FocalLoss(NamedLoss):
    """(1 − p)^g (−log p)."""

    of = losses.FocalLoss


class Savage(NamedLoss):
    """(1 − p)²."""

    of = losses.Savage


class GammaPhi(NamedLoss):
    """γ(Σ φ(u_k)), of a γ and a φ of `marginflow.losses`."""

    of = losses.GammaPhi


class SparsemaxLoss(NamedLoss):
    """The loss of sparsemax."""

    of = losses.SparsemaxLoss


class EntmaxLoss(NamedLoss):
    """The loss of α-entmax."""

    of = losses.EntmaxLoss


class TsallisLoss(NamedLoss):
    """The loss of a Tsallis negentropy."""

    of = losses.TsallisLoss


class NormEntropyLoss(NamedLoss):
    """The loss of a norm negentropy."""

    of = losses.NormEntropyLoss


class FenchelYoung(NamedLoss):
    """The loss of a negentropy of `marginflow.losses`."""

    of = losses.FenchelYoung


class LabelSmoothing(NamedLoss):
    """A loss of labels that are mixed with the uniform distribution."""

    of = losses.LabelSmoothing


class SumLoss(NamedLoss):
    """A sum of losses with positive weights."""

    of = losses.SumLoss


class ScaledLoss(NamedLoss):
    """A multiple of a loss."""

    of = losses.ScaledLoss


class TemperatureLoss(NamedLoss):
    """A loss of scores that are divided by a temperature."""

    of = losses.TemperatureLoss


class MarginLoss(NamedLoss):
    """A loss that asks for a margin."""

    of = losses.MarginLoss
