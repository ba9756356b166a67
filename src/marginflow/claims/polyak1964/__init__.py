"""Claims of Polyak 1964: the heavy ball on a quadratic."""

from marginflow.claims.claim import Claim
from marginflow.claims.polyak1964 import heavy_ball

CLAIMS: tuple[Claim, ...] = heavy_ball.CLAIMS
