"""How weights move: exact steps of an optimizer, and its continuations in log time."""

from marginflow.dynamics.checkpoint import CheckpointError
from marginflow.dynamics.direction import DirectionError, direction_error, margin_gap
from marginflow.dynamics.fast_forward import FastForward, fast_forward
from marginflow.dynamics.gradient_descent import gradient_descent, train
from marginflow.dynamics.gradient_flow import Flow, gradient_flow
from marginflow.dynamics.kkt_observable import kkt_residual
from marginflow.dynamics.least_squares_path import LeastSquaresPath, least_squares_path
from marginflow.dynamics.matrix_completion import MatrixCompletion, effective_rank
from marginflow.dynamics.optimizers import (
    PRGD,
    AdaGrad,
    Adam,
    AdamW,
    ClassNormalized,
    DualMomentum,
    GreedyCoordinate,
    HeavyBall,
    Lion,
    LossBasedGD,
    MirrorDescent,
    Muon,
    Nesterov,
    NormalizedGD,
    NuclearDescent,
    Optimizer,
    PowerSchedule,
    RMSProp,
    SignDescent,
    Signum,
    SpectralDescent,
    SteepestDescent,
    get_optimizer,
    inverse_sqrt,
    recommended_rate,
    register_optimizer,
    registered_optimizers,
    unregister_optimizer,
)
from marginflow.dynamics.recording import Schedule, every, log_spaced
from marginflow.dynamics.regression_model import DiagonalNetwork, LinearModel, RegressionModel
from marginflow.dynamics.step_bound import StepBound, step_bound
from marginflow.dynamics.train_regression import RegressionTrajectory, train_regression
from marginflow.dynamics.trajectory import Trajectory

__all__ = [
    "PRGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "CheckpointError",
    "ClassNormalized",
    "DiagonalNetwork",
    "DirectionError",
    "DualMomentum",
    "FastForward",
    "Flow",
    "GreedyCoordinate",
    "HeavyBall",
    "LeastSquaresPath",
    "LinearModel",
    "Lion",
    "LossBasedGD",
    "MatrixCompletion",
    "MirrorDescent",
    "Muon",
    "Nesterov",
    "NormalizedGD",
    "NuclearDescent",
    "Optimizer",
    "PowerSchedule",
    "RMSProp",
    "RegressionModel",
    "RegressionTrajectory",
    "Schedule",
    "SignDescent",
    "Signum",
    "SpectralDescent",
    "SteepestDescent",
    "StepBound",
    "Trajectory",
    "direction_error",
    "effective_rank",
    "every",
    "fast_forward",
    "get_optimizer",
    "gradient_descent",
    "gradient_flow",
    "inverse_sqrt",
    "kkt_residual",
    "least_squares_path",
    "log_spaced",
    "margin_gap",
    "recommended_rate",
    "register_optimizer",
    "registered_optimizers",
    "step_bound",
    "train",
    "train_regression",
    "unregister_optimizer",
]
