"""Claims of a practitioner's article of 2024: from the likelihood to the loss.

entropy              cross-entropy and divergence; narrow distributions
constant_models      what the best constant prediction of each loss is
squared_error        its constant factor
generative           generative and discriminative classifiers
"""

from marginflow.claims.claim import Claim
from marginflow.claims.likelihood2024 import constant_models, entropy, generative, squared_error

CLAIMS: tuple[Claim, ...] = (
    *entropy.CLAIMS,
    *constant_models.CLAIMS,
    *squared_error.CLAIMS,
    *generative.CLAIMS,
)
