"""Losses as templates on relative margins, with slopes that survive the far tail."""

from marginflow.losses.array_border import keeps_array_type
from marginflow.losses.cross_entropy import CrossEntropy
from marginflow.losses.hinge import CrammerSinger, WestonWatkins
from marginflow.losses.loss import Loss
from marginflow.losses.multiclass_exponential import MulticlassExponential
from marginflow.losses.pair_log_loss import PairLogLoss
from marginflow.losses.polynomial_loss import PolynomialLoss
from marginflow.losses.registry import (
    as_loss,
    get_loss,
    register,
    registered_losses,
    unregister,
)
from marginflow.losses.tail import Tail, TailKind
from marginflow.losses.template_loss import TemplateLoss

__all__ = [
    "CrammerSinger",
    "CrossEntropy",
    "Loss",
    "MulticlassExponential",
    "PairLogLoss",
    "PolynomialLoss",
    "Tail",
    "TailKind",
    "TemplateLoss",
    "WestonWatkins",
    "as_loss",
    "get_loss",
    "keeps_array_type",
    "register",
    "registered_losses",
    "unregister",
]
