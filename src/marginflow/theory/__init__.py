"""Theory: what is predicted of a path before it is run."""

from marginflow.theory.asymptote import Asymptote, asymptote
from marginflow.theory.entropic_dual import entropic_dual

__all__ = ["Asymptote", "asymptote", "entropic_dual"]
