"""Claims of Gunasekar et al. 2018 (arXiv 1802.08246): steepest descent in a norm."""

from marginflow.claims.claim import Claim
from marginflow.claims.gunasekar2018 import steepest

CLAIMS: tuple[Claim, ...] = steepest.CLAIMS
