"""Claims of practitioners' notes on training.

Which of the zero-loss models training picks:

    implicit_bias           linear regression: the least norm, and what the start leaves
    smallest_coefficients   linear regression as the notes say it
    early_stopping          a fixed number of steps as a filter
    low_rank                whether gradient descent as such prefers low rank

What momentum does, at equal learning rates and at equal effective steps:

    effective_step          η/(1 − β), under a constant slope
    steadier                the noise of minibatches
    passing_minima          small minima on the way to a deep one
    leaving_minima          small minima that it is in
    plateaus                the steps to leave them
    overfitting             the gap between training and new samples, with wrong labels and without

When units saturate, and what it does to gradients:

    saturation              measures of it, and first weights
    vanishing               gradients through deep stacks of sigmoid, tanh and rectified units
    saturation_training     regularization

    log_loss                the log loss, row by row

`problems` holds the data and the plain loop of linear regression, `momentum_descent` that of
momentum and what it is compared with, `well` the landscape of the small minima, and `stacks`
random layers up and down.
"""

from marginflow.claims.claim import Claim
from marginflow.claims.training_notes import (
    early_stopping,
    effective_step,
    implicit_bias,
    leaving_minima,
    log_loss,
    low_rank,
    overfitting,
    passing_minima,
    plateaus,
    saturation,
    saturation_training,
    smallest_coefficients,
    steadier,
    vanishing,
)

CLAIMS: tuple[Claim, ...] = (
    *implicit_bias.CLAIMS,
    *smallest_coefficients.CLAIMS,
    *early_stopping.CLAIMS,
    *low_rank.CLAIMS,
    *effective_step.CLAIMS,
    *steadier.CLAIMS,
    *passing_minima.CLAIMS,
    *leaving_minima.CLAIMS,
    *plateaus.CLAIMS,
    *overfitting.CLAIMS,
    *saturation.CLAIMS,
    *vanishing.CLAIMS,
    *saturation_training.CLAIMS,
    *log_loss.CLAIMS,
)
