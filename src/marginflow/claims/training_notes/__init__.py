"""Claims of practitioners' notes on training: which of the zero-loss models training picks.

    implicit_bias           linear regression: the least norm, and what the start leaves
    smallest_coefficients   linear regression as the notes say it
    early_stopping          a fixed number of steps as a filter
    low_rank                whether gradient descent as such prefers low rank

`problems` holds the data and the plain loop.
"""

from marginflow.claims.claim import Claim
from marginflow.claims.training_notes import (
    early_stopping,
    implicit_bias,
    low_rank,
    smallest_coefficients,
)

CLAIMS: tuple[Claim, ...] = (
    *implicit_bias.CLAIMS,
    *smallest_coefficients.CLAIMS,
    *early_stopping.CLAIMS,
    *low_rank.CLAIMS,
)
