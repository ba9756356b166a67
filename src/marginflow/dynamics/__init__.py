"""How weights move: exact steps of an optimizer, and its continuations in log time."""

from marginflow.dynamics.checkpoint import CheckpointError
from marginflow.dynamics.direction import DirectionError, direction_error, margin_gap
from marginflow.dynamics.fast_forward import FastForward, fast_forward
from marginflow.dynamics.gradient_descent import gradient_descent, train
from marginflow.dynamics.gradient_flow import Flow, gradient_flow
from marginflow.dynamics.recording import Schedule, every, log_spaced
from marginflow.dynamics.step_bound import StepBound, step_bound
from marginflow.dynamics.trajectory import Trajectory

__all__ = [
    "CheckpointError",
    "DirectionError",
    "FastForward",
    "Flow",
    "Schedule",
    "StepBound",
    "Trajectory",
    "direction_error",
    "every",
    "fast_forward",
    "gradient_descent",
    "gradient_flow",
    "log_spaced",
    "margin_gap",
    "step_bound",
    "train",
]
