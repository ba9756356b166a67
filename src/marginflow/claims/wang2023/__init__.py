"""Claims of Wang, Min and Wu 2023 (arXiv 2311.14387): progressive rescaling."""

from marginflow.claims.claim import Claim
from marginflow.claims.wang2023 import progressive_rescaling

CLAIMS: tuple[Claim, ...] = progressive_rescaling.CLAIMS
