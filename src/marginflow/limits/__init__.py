"""Limits: where the direction of training ends, solved and certified."""

from marginflow.limits.certificate import MarginCertificate, certify_max_margin
from marginflow.limits.diagonal_network_limit import (
    DiagonalNetworkLimit,
    diagonal_network_limit,
)
from marginflow.limits.kkt_certificate import KKTCertificate, certify_kkt
from marginflow.limits.least_squares import LeastSquaresLimit, least_squares_limit
from marginflow.limits.max_margin import max_margin
from marginflow.limits.max_margin_result import MaxMargin
from marginflow.limits.minimum_norm import MinimumNormInterpolator, minimum_norm_interpolator
from marginflow.limits.norm_certificate import NormCertificate, certify_norm_margin
from marginflow.limits.nuclear_completion import NuclearCompletion, nuclear_completion
from marginflow.limits.optimal_face import OptimalFace, optimal_face
from marginflow.limits.polynomial_certificate import (
    PolynomialCertificate,
    certify_polynomial_limit,
)
from marginflow.limits.polynomial_limit import polynomial_limit
from marginflow.limits.polynomial_limit_result import PolynomialLimit
from marginflow.limits.proliferation import (
    SupportVectorProliferation,
    support_vector_proliferation,
)
from marginflow.limits.robust_certificate import (
    RobustCertificate,
    RobustInseparability,
    certify_robust_inseparability,
    certify_robust_margin,
)
from marginflow.limits.separability import InseparabilityCertificate

__all__ = [
    "DiagonalNetworkLimit",
    "InseparabilityCertificate",
    "KKTCertificate",
    "LeastSquaresLimit",
    "MarginCertificate",
    "MaxMargin",
    "MinimumNormInterpolator",
    "NormCertificate",
    "NuclearCompletion",
    "OptimalFace",
    "PolynomialCertificate",
    "PolynomialLimit",
    "RobustCertificate",
    "RobustInseparability",
    "SupportVectorProliferation",
    "certify_kkt",
    "certify_max_margin",
    "certify_norm_margin",
    "certify_polynomial_limit",
    "certify_robust_inseparability",
    "certify_robust_margin",
    "diagonal_network_limit",
    "least_squares_limit",
    "max_margin",
    "minimum_norm_interpolator",
    "nuclear_completion",
    "optimal_face",
    "polynomial_limit",
    "support_vector_proliferation",
]
