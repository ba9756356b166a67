"""Limits: where the direction of training ends, solved and certified."""

from marginflow.limits.certificate import MarginCertificate, certify_max_margin
from marginflow.limits.max_margin import max_margin
from marginflow.limits.max_margin_result import MaxMargin
from marginflow.limits.separability import InseparabilityCertificate

__all__ = [
    "InseparabilityCertificate",
    "MarginCertificate",
    "MaxMargin",
    "certify_max_margin",
    "max_margin",
]
