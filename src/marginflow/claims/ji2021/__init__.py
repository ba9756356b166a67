"""Claims of Ji, Srebro and Telgarsky 2021 (arXiv 2107.00595): momentum from the dual."""

from marginflow.claims.claim import Claim
from marginflow.claims.ji2021 import dual_momentum

CLAIMS: tuple[Claim, ...] = dual_momentum.CLAIMS
