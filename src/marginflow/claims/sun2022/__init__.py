"""Claims of Sun et al. 2022 (arXiv 2205.12808): mirror descent."""

from marginflow.claims.claim import Claim
from marginflow.claims.sun2022 import mirror

CLAIMS: tuple[Claim, ...] = mirror.CLAIMS
