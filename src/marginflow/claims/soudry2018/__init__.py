"""Claims of Soudry et al. 2018: the binary theorem, its rates, and its corner cases."""

from marginflow.claims.soudry2018 import (
    degenerate_support,
    exact_solution,
    optimizers,
    random_labels_study,
    rates,
    residual,
    toy,
    validation_loss,
)

CLAIMS = (
    *toy.CLAIMS,
    *rates.CLAIMS,
    *residual.CLAIMS,
    *optimizers.CLAIMS,
    *degenerate_support.CLAIMS,
    *validation_loss.CLAIMS,
    *exact_solution.CLAIMS,
    *random_labels_study.CLAIMS,
)

__all__ = ["CLAIMS"]
