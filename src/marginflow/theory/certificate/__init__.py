"""Certificates of losses: verdicts on their properties, each with its evidence."""

from marginflow.theory.certificate.certify_loss import certify_loss
from marginflow.theory.certificate.loss_certificate import LossCertificate
from marginflow.theory.certificate.verdict import Counterexample, Property, Verdict

__all__ = ["Counterexample", "LossCertificate", "Property", "Verdict", "certify_loss"]
