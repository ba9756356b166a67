"""Claims of Lyu & Li 2020 (arXiv 1906.05890): the margin of homogeneous networks in training.

    margin            the smoothed normalized margin does not fall, and the normalized one grows
    stationary        the KKT residual of the margin problem goes to zero
    linear_layers     where the limit is known

`network_runs` holds the networks, a deep one on clusters and one of two layers on digits, and their
runs, which the claims share.
"""

from marginflow.claims.claim import Claim
from marginflow.claims.lyu2020 import linear_layers, margin, stationary

CLAIMS: tuple[Claim, ...] = (*margin.CLAIMS, *stationary.CLAIMS, *linear_layers.CLAIMS)
