"""Claims of Ravi, Scott, Soudry and Wang 2024 (arXiv 2411.01350): separable multiclass data.

Gradient descent on a loss with an exponential tail turns to the max-margin classifier.  The claims
run from the theorem's premise and its first consequence to the constants that are hidden in its
O(·):

    separability          there is a margin; training ends without errors
    direction             direction error, margin gap, norm, each with its constant
    risk                  risk · t
    residual              where ρ settles; three losses in one place; dependent support
    optimizers            momentum and minibatches
    constants             smoothness and tail of the theorem's three losses
    step_bound            below the step-size bound, and beyond it
    other_tails           losses that the theorem excludes
    linear_independence   Appendix H's conjecture
    authors_figure        their experiment and its continuation
    decision_regions      their small experiment

`problems` holds the data sets and `paths` the runs, each made once and shared.
"""

from marginflow.claims.claim import Claim
from marginflow.claims.ravi2024 import (
    authors_figure,
    constants,
    decision_regions,
    direction,
    linear_independence,
    optimizers,
    other_tails,
    residual,
    risk,
    separability,
    step_bound,
)

CLAIMS: tuple[Claim, ...] = (
    *separability.CLAIMS,
    *direction.CLAIMS,
    *risk.CLAIMS,
    *residual.CLAIMS,
    *optimizers.CLAIMS,
    *constants.CLAIMS,
    *step_bound.CLAIMS,
    *other_tails.CLAIMS,
    *linear_independence.CLAIMS,
    *authors_figure.CLAIMS,
    *decision_regions.CLAIMS,
)
