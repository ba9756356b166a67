"""Claims of Wang et al. 2021 (arXiv 2012.06244): Adam with ε, its two phases and their end."""

from marginflow.claims.claim import Claim
from marginflow.claims.wang2021 import after, handover, torch_training

CLAIMS: tuple[Claim, ...] = (*handover.CLAIMS, *after.CLAIMS, *torch_training.CLAIMS)
