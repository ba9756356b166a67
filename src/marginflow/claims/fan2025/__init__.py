"""Claims of Fan, Schmidt and Thrampoulidis 2025: steepest descent in a norm, Muon, flat optima."""

from marginflow.claims.claim import Claim
from marginflow.claims.fan2025 import near_flat, newton_schulz, own_norm

CLAIMS: tuple[Claim, ...] = (*own_norm.CLAIMS, *newton_schulz.CLAIMS, *near_flat.CLAIMS)
