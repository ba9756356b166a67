"""Optimizers: how a gradient becomes a step.

An optimizer is a pair `init`, `step` over parameters and a memory of its own.  Which margin it
maximizes follows from how it measures a step: `SteepestDescent` in a norm is the general mechanism,
with sign, spectral, nuclear, class-normalized and greedy coordinate descent as its cases.  Those
that go by the gradient's direction alone are given it with its scale taken out, and run on past
margin 10⁵, where every gradient is zero in float64.  Any optax transformation takes part too.
"""

from marginflow.dynamics.optimizers.adaptive import AdaGrad, Adam, AdamW, RMSProp
from marginflow.dynamics.optimizers.dual_momentum import DualMomentum
from marginflow.dynamics.optimizers.heavy_ball import HeavyBall, Nesterov
from marginflow.dynamics.optimizers.loss_based import LossBasedGD
from marginflow.dynamics.optimizers.mirror import MirrorDescent
from marginflow.dynamics.optimizers.muon import Muon
from marginflow.dynamics.optimizers.optax_optimizer import OptaxOptimizer
from marginflow.dynamics.optimizers.optimizer import Optimizer
from marginflow.dynamics.optimizers.progressive_rescaling import PRGD
from marginflow.dynamics.optimizers.recommended_rate import recommended_rate
from marginflow.dynamics.optimizers.registry import (
    as_optimizer,
    get_optimizer,
    register_optimizer,
    registered_optimizers,
    unregister_optimizer,
)
from marginflow.dynamics.optimizers.schedules import PowerSchedule, constant, inverse_sqrt
from marginflow.dynamics.optimizers.sign import Lion, SignDescent, Signum
from marginflow.dynamics.optimizers.steepest import (
    ClassNormalized,
    GreedyCoordinate,
    NormalizedGD,
    NuclearDescent,
    SpectralDescent,
    SteepestDescent,
)

__all__ = [
    "PRGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "ClassNormalized",
    "DualMomentum",
    "GreedyCoordinate",
    "HeavyBall",
    "Lion",
    "LossBasedGD",
    "MirrorDescent",
    "Muon",
    "Nesterov",
    "NormalizedGD",
    "NuclearDescent",
    "OptaxOptimizer",
    "Optimizer",
    "PowerSchedule",
    "RMSProp",
    "SignDescent",
    "Signum",
    "SpectralDescent",
    "SteepestDescent",
    "as_optimizer",
    "constant",
    "get_optimizer",
    "inverse_sqrt",
    "recommended_rate",
    "register_optimizer",
    "registered_optimizers",
    "unregister_optimizer",
]
