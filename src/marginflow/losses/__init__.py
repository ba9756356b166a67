"""Losses as templates on relative margins, with slopes that survive the far tail."""

from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.class_probabilities import class_probabilities
from marginflow.losses.coherence import CoherenceLoss
from marginflow.losses.combinators import MarginLoss, ScaledLoss, SumLoss, TemperatureLoss
from marginflow.losses.cross_entropy import CrossEntropy
from marginflow.losses.duchi_khosravi_ruan import DuchiKhosraviRuan
from marginflow.losses.fenchel_young import (
    EntmaxLoss,
    FenchelYoung,
    NormEntropyLoss,
    SparsemaxLoss,
    TsallisLoss,
)
from marginflow.losses.gamma_functions import (
    ErrorPower,
    Focused,
    Gamma,
    Identity,
    LogOnePlus,
    LogSeries,
    ProbabilityPower,
)
from marginflow.losses.gamma_phi import GammaPhi
from marginflow.losses.hinge import CrammerSinger, SquaredCrammerSinger, WestonWatkins
from marginflow.losses.label_smoothing import LabelSmoothing
from marginflow.losses.lee_lin_wahba import LeeLinWahba
from marginflow.losses.loss import Loss
from marginflow.losses.multiclass_exponential import MulticlassExponential
from marginflow.losses.negentropy import Negentropy, ShannonNegentropy
from marginflow.losses.norm_negentropy import NormNegentropy
from marginflow.losses.pair_log_loss import PairLogLoss
from marginflow.losses.phi_functions import (
    Exponential,
    Hinge,
    Logistic,
    Phi,
    Polynomial,
    Sigmoid,
    SmoothHinge,
    SquaredHinge,
    Stretched,
)
from marginflow.losses.polynomial_loss import PolynomialLoss
from marginflow.losses.probability_losses import (
    AlphaLoss,
    FocalLoss,
    GeneralizedCrossEntropy,
    MeanAbsoluteError,
    Savage,
    TaylorCrossEntropy,
)
from marginflow.losses.registry import (
    as_loss,
    get_loss,
    register,
    registered_losses,
    unregister,
)
from marginflow.losses.sigmoid_loss import SigmoidLoss
from marginflow.losses.smooth_hinges import (
    HuberizedHinge,
    ModifiedHuber,
    SmoothedHinge,
    SquaredWestonWatkins,
)
from marginflow.losses.sparse_softmax import entmax, sparsemax
from marginflow.losses.stretched_exponential import StretchedExponential
from marginflow.losses.tail import Tail, TailKind
from marginflow.losses.template_loss import TemplateLoss
from marginflow.losses.tsallis_negentropy import GiniNegentropy, TsallisNegentropy

__all__ = [
    "AlphaLoss",
    "CoherenceLoss",
    "CrammerSinger",
    "CrossEntropy",
    "DuchiKhosraviRuan",
    "EntmaxLoss",
    "ErrorPower",
    "Exponential",
    "FenchelYoung",
    "FocalLoss",
    "Focused",
    "Gamma",
    "GammaPhi",
    "GeneralizedCrossEntropy",
    "GiniNegentropy",
    "Hinge",
    "HuberizedHinge",
    "Identity",
    "LabelSmoothing",
    "LeeLinWahba",
    "LogOnePlus",
    "LogSeries",
    "Logistic",
    "Loss",
    "MarginLoss",
    "MeanAbsoluteError",
    "ModifiedHuber",
    "MulticlassExponential",
    "Negentropy",
    "NormEntropyLoss",
    "NormNegentropy",
    "PairLogLoss",
    "Phi",
    "Polynomial",
    "PolynomialLoss",
    "ProbabilityPower",
    "Savage",
    "ScaledLoss",
    "ShannonNegentropy",
    "Sigmoid",
    "SigmoidLoss",
    "SmoothHinge",
    "SmoothedHinge",
    "SparsemaxLoss",
    "SquaredCrammerSinger",
    "SquaredHinge",
    "SquaredWestonWatkins",
    "Stretched",
    "StretchedExponential",
    "SumLoss",
    "Tail",
    "TailKind",
    "TaylorCrossEntropy",
    "TemperatureLoss",
    "TemplateLoss",
    "TsallisLoss",
    "TsallisNegentropy",
    "WestonWatkins",
    "as_loss",
    "class_probabilities",
    "entmax",
    "get_loss",
    "keeps_array_type",
    "register",
    "registered_losses",
    "sparsemax",
    "unregister",
]
