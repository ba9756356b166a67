"""Theory: what is predicted of a path before it is run, and what is known of a loss."""

from marginflow.theory.adam_throttle import AdamThrottle, adam_throttle
from marginflow.theory.asymptote import Asymptote, asymptote
from marginflow.theory.certificate import LossCertificate, certify_loss
from marginflow.theory.entropic_dual import entropic_dual
from marginflow.theory.geometry import Geometry, ProbedOptimizer, probe_optimizer
from marginflow.theory.limit_prediction import LimitPrediction, predict_limit
from marginflow.theory.optimizer_limits import OptimizerLimit, optimizer_limit

__all__ = [
    "AdamThrottle",
    "Asymptote",
    "Geometry",
    "LimitPrediction",
    "LossCertificate",
    "OptimizerLimit",
    "ProbedOptimizer",
    "adam_throttle",
    "asymptote",
    "certify_loss",
    "entropic_dual",
    "optimizer_limit",
    "predict_limit",
    "probe_optimizer",
]
