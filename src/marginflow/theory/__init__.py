"""Theory: what is predicted of a path before it is run, and what is known of a loss."""

from marginflow.theory.adam_throttle import AdamThrottle, adam_throttle
from marginflow.theory.asymptote import Asymptote, asymptote
from marginflow.theory.certificate import LossCertificate, certify_loss
from marginflow.theory.entropic_dual import entropic_dual
from marginflow.theory.geometry import Geometry, ProbedOptimizer, probe_optimizer

__all__ = [
    "AdamThrottle",
    "Asymptote",
    "Geometry",
    "LossCertificate",
    "ProbedOptimizer",
    "adam_throttle",
    "asymptote",
    "certify_loss",
    "entropic_dual",
    "probe_optimizer",
]
