"""Claims of a practitioner's article of 2024: from the likelihood to the loss.

to_loss              which likelihood makes which loss
score_function       gradients, their mean and their variance
coincidences         likelihoods that are one another
tendencies           likelihoods that tend to others
entropy              cross-entropy and divergence; narrow distributions
divergence           it is never negative
constant_models      what the best constant prediction of each loss is
squared_error        its constant factor
generative           generative and discriminative classifiers
"""

from marginflow.claims.claim import Claim
from marginflow.claims.likelihood2024 import (
    coincidences,
    constant_models,
    count_ranking,
    divergence,
    entropy,
    generative,
    score_function,
    squared_error,
    tendencies,
    to_loss,
)

CLAIMS: tuple[Claim, ...] = (
    *to_loss.CLAIMS,
    *score_function.CLAIMS,
    *coincidences.CLAIMS,
    *tendencies.CLAIMS,
    *entropy.CLAIMS,
    *divergence.CLAIMS,
    *constant_models.CLAIMS,
    *squared_error.CLAIMS,
    *count_ranking.CLAIMS,
    *generative.CLAIMS,
)
