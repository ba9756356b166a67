"""Claims of Arora et al. 2019 (arXiv 1905.13655): products of factors stay near low rank."""

from marginflow.claims.arora2019 import low_rank
from marginflow.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = low_rank.CLAIMS
