"""Which rule a loss of `marginflow.losses` has on tensors.

The losses, their parameters and the checks of these are defined once, there; a rule gets the plain
numbers.  φ and γ have the same names here, so that every loss γ(Σ φ(u_k)) needs no more than its
parts.
"""

import dataclasses
from functools import singledispatch
from types import ModuleType
from typing import Any

import equinox as eqx

from marginflow import losses
from marginflow.losses.fenchel_young import FenchelYoungLoss
from marginflow.losses.gamma_phi import GammaPhiLoss
from marginflow.training.torch import gamma_functions, phi_functions
from marginflow.training.torch.combinations import (
    MarginRule,
    ScaledRule,
    SmoothedRule,
    SumRule,
    TemperatureRule,
)
from marginflow.training.torch.cross_entropy import CrossEntropyRule
from marginflow.training.torch.fenchel_young import (
    DuchiKhosraviRuanRule,
    NormEntropyRule,
    TsallisRule,
)
from marginflow.training.torch.least_margin import LeastMargin
from marginflow.training.torch.lee_lin_wahba import LeeLinWahbaRule
from marginflow.training.torch.margin_sums import LogMarginSum, MarginSum
from marginflow.training.torch.row_rule import RowRule
from marginflow.training.torch.tsallis_predictions import prediction_of_order


@singledispatch
def rule_of(loss: Any) -> RowRule:
    """The rule of a loss.

    Args:
        loss: a `marginflow.Loss`.

    Raises:
        TypeError: if it is none, or one without a rule; the message says what to do.
    """
    raise TypeError(
        f"{loss!r} has no twin in torch, since it is not one of marginflow's own losses; write its "
        "template as a function of one sample's margins in torch, and pass it to "
        "marginflow.training.torch.TemplateLoss."
    )


@rule_of.register
def _(loss: losses.CrossEntropy) -> RowRule:
    return CrossEntropyRule()


@rule_of.register
def _(loss: GammaPhiLoss) -> RowRule:
    gamma, phi = loss.parts()
    twin = _twin(phi, phi_functions, loss)
    if isinstance(gamma, losses.Identity):
        return MarginSum(twin)
    return LogMarginSum(_twin(gamma, gamma_functions, loss), twin)


@rule_of.register
def _(loss: losses.CrammerSinger) -> RowRule:
    return LeastMargin(phi_functions.Hinge())


@rule_of.register
def _(loss: losses.SquaredCrammerSinger) -> RowRule:
    return LeastMargin(phi_functions.SquaredHinge())


@rule_of.register
def _(loss: losses.LeeLinWahba) -> RowRule:
    return LeeLinWahbaRule()


@rule_of.register
def _(loss: losses.DuchiKhosraviRuan) -> RowRule:
    return DuchiKhosraviRuanRule(prediction_of_order(2.0))


@rule_of.register
def _(loss: FenchelYoungLoss) -> RowRule:
    omega = loss.omega()
    if isinstance(omega, losses.ShannonNegentropy):
        return CrossEntropyRule()
    if isinstance(omega, losses.GiniNegentropy):
        return TsallisRule.of_order(2.0)
    if isinstance(omega, losses.NormNegentropy):
        return NormEntropyRule.of_norm(omega.q)
    if isinstance(omega, losses.TsallisNegentropy):
        return CrossEntropyRule() if omega.alpha == 1 else TsallisRule.of_order(omega.alpha)
    return rule_of.dispatch(object)(loss)


@rule_of.register
def _(loss: losses.SumLoss) -> RowRule:
    return SumRule(tuple(map(rule_of, loss.losses)), loss.weights)


@rule_of.register
def _(loss: losses.ScaledLoss) -> RowRule:
    return ScaledRule(rule_of(loss.loss), loss.factor)


@rule_of.register
def _(loss: losses.TemperatureLoss) -> RowRule:
    return TemperatureRule(rule_of(loss.loss), loss.temperature)


@rule_of.register
def _(loss: losses.MarginLoss) -> RowRule:
    return MarginRule(rule_of(loss.loss), loss.margin)


@rule_of.register
def _(loss: losses.LabelSmoothing) -> RowRule:
    return SmoothedRule(rule_of(loss.loss), loss.smoothing)


def _twin(part: eqx.Module, module: ModuleType, loss: losses.Loss) -> Any:
    """The γ or φ of the same name, with the same parameters."""
    twin = getattr(module, type(part).__name__, None)
    if twin is None or type(part).__module__.partition(".")[0] != "marginflow":
        return rule_of.dispatch(object)(loss)
    return twin(*(getattr(part, field.name) for field in dataclasses.fields(part)))
