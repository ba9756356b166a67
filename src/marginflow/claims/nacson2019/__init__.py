"""Claims of Nacson et al. 2019 (arXiv 1803.01905): normalized gradient descent."""

from marginflow.claims.claim import Claim
from marginflow.claims.nacson2019 import normalized

CLAIMS: tuple[Claim, ...] = normalized.CLAIMS
