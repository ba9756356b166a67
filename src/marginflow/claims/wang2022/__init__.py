"""Claims of Wang et al. 2022 (arXiv 2110.03891): momentum."""

from marginflow.claims.claim import Claim
from marginflow.claims.wang2022 import momentum

CLAIMS: tuple[Claim, ...] = momentum.CLAIMS
