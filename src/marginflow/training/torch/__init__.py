"""The losses of this package for PyTorch: modules and functions of scores and targets.

Each is the twin of a loss of `marginflow`, with the same name, parameters and formulas.  A rule
says what a loss is on rows of scores (`row_rule`), `row_loss` makes a differentiable function of
it, `reduced_loss` takes targets and reduces, and `loss_module` is the module that users hold.
Classes are the last axis of scores.

Nothing else of the package imports torch.
"""

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    raise ImportError(
        "marginflow.training.torch needs PyTorch, which is not installed; "
        "pip install 'marginflow[torch]' brings it."
    ) from error

from marginflow.training.torch.loss_based_gd import LossBasedGD
from marginflow.training.torch.loss_module import DefinedLoss, TorchLoss
from marginflow.training.torch.make_loss import loss, loss_value
from marginflow.training.torch.named_losses import (
    AlphaLoss,
    CoherenceLoss,
    CrammerSinger,
    CrossEntropy,
    DuchiKhosraviRuan,
    EntmaxLoss,
    FenchelYoung,
    FocalLoss,
    GammaPhi,
    GeneralizedCrossEntropy,
    HuberizedHinge,
    LabelSmoothing,
    LeeLinWahba,
    MarginLoss,
    MeanAbsoluteError,
    ModifiedHuber,
    MulticlassExponential,
    NormEntropyLoss,
    PairLogLoss,
    PolynomialLoss,
    Savage,
    ScaledLoss,
    SigmoidLoss,
    SmoothedHinge,
    SparsemaxLoss,
    SquaredCrammerSinger,
    SquaredWestonWatkins,
    StretchedExponential,
    SumLoss,
    TaylorCrossEntropy,
    TemperatureLoss,
    TsallisLoss,
    WestonWatkins,
)
from marginflow.training.torch.template_loss import TemplateLoss

__all__ = [
    "AlphaLoss",
    "CoherenceLoss",
    "CrammerSinger",
    "CrossEntropy",
    "DefinedLoss",
    "DuchiKhosraviRuan",
    "EntmaxLoss",
    "FenchelYoung",
    "FocalLoss",
    "GammaPhi",
    "GeneralizedCrossEntropy",
    "HuberizedHinge",
    "LabelSmoothing",
    "LeeLinWahba",
    "LossBasedGD",
    "MarginLoss",
    "MeanAbsoluteError",
    "ModifiedHuber",
    "MulticlassExponential",
    "NormEntropyLoss",
    "PairLogLoss",
    "PolynomialLoss",
    "Savage",
    "ScaledLoss",
    "SigmoidLoss",
    "SmoothedHinge",
    "SparsemaxLoss",
    "SquaredCrammerSinger",
    "SquaredWestonWatkins",
    "StretchedExponential",
    "SumLoss",
    "TaylorCrossEntropy",
    "TemperatureLoss",
    "TemplateLoss",
    "TorchLoss",
    "TsallisLoss",
    "WestonWatkins",
    "loss",
    "loss_value",
]
