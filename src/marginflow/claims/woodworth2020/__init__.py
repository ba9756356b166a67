"""Claims of Woodworth et al. 2020 (arXiv 2002.09277): diagonal linear networks."""

from marginflow.claims.claim import Claim
from marginflow.claims.woodworth2020 import diagonal_networks

CLAIMS: tuple[Claim, ...] = diagonal_networks.CLAIMS
