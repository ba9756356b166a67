"""Claims of Zhang, Zou and Cao 2024 (arXiv 2406.10650): Adam without ε."""

from marginflow.claims.claim import Claim
from marginflow.claims.zhang2024 import without_eps

CLAIMS: tuple[Claim, ...] = without_eps.CLAIMS
