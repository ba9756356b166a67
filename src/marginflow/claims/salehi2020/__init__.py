"""Claims of Salehi and Hassibi 2020 (arXiv 2010.15391): training against perturbations.

The worst perturbation within ‖δ‖_p ≤ ε turns the margin y x·w into y x·w − ε‖w‖_q, and training on
the risk of these margins ends at min ‖w‖₂ with every one of them at least 1.

    direction            perturbations that do not change it
    feasibility          how large they may be
    normalized_descent   how training gets there

`problems` holds the data.
"""

from marginflow.claims.claim import Claim
from marginflow.claims.salehi2020 import direction, feasibility, normalized_descent

CLAIMS: tuple[Claim, ...] = (
    *direction.CLAIMS,
    *feasibility.CLAIMS,
    *normalized_descent.CLAIMS,
)
