"""Theory: what is predicted of a path before it is run, and what is known of a loss."""

from marginflow.theory.asymptote import Asymptote, asymptote
from marginflow.theory.certificate import LossCertificate, certify_loss
from marginflow.theory.entropic_dual import entropic_dual

__all__ = ["Asymptote", "LossCertificate", "asymptote", "certify_loss", "entropic_dual"]
