"""Claims of Lai and Muthukumar 2023 (arXiv 2303.07475): loss functions in high dimension.

Exponential tails end at the max-margin classifier, which in high dimension is exactly the
minimum-norm interpolator; polynomial tails end near it, and keep what they are told of the samples'
weights.

    polynomial_direction    where a polynomial tail ends, and how its weights grow
    interpolation           how near both come to the interpolator
    sample_weights          who forgets them

`problems` holds the data.
"""

from marginflow.claims.claim import Claim
from marginflow.claims.lai2023 import interpolation, polynomial_direction, sample_weights

CLAIMS: tuple[Claim, ...] = (
    *polynomial_direction.CLAIMS,
    *interpolation.CLAIMS,
    *sample_weights.CLAIMS,
)
