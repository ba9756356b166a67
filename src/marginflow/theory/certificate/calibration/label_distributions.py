"""The distributions p of the label for which calibration is tried.

Losses fail in different corners of the simplex: hinges where no class has half, others where one
has more than half, where two are nearly as likely, or where all are.  So p is drawn in kinds.
"""

import numpy as np

# Distributions of each kind; fewer in all where cutting planes or many starts are needed.
OF_EACH_KIND = 5
FEWER = 10


def label_distributions(k: int, rng: np.random.Generator) -> np.ndarray:
    """(m, K), each falling, away from the boundary and from ties at the top; kinds alternate.

    Args:
        k: K.
        rng: draws them.

    Example:
        >>> import numpy as np
        >>> from marginflow.theory.certificate.calibration.label_distributions import (
        ...     label_distributions,
        ... )
        >>> p = label_distributions(3, np.random.default_rng(0))
        >>> p.shape, bool((p[:, 0] > p[:, 1]).all())
        ((25, 3), True)
    """
    m = OF_EACH_KIND
    any_kind = rng.dirichlet(np.ones(k), m)
    above = rng.uniform(0.52, 0.9, (m, 1))
    above = np.hstack([above, (1 - above) * rng.dirichlet(np.ones(k - 1), m)])
    below = rng.dirichlet(np.full(k, 2.0), m)
    top = below.max(axis=1, keepdims=True)
    towards = np.clip((0.47 - 1 / k) / (top - 1 / k + 1e-9), 0, 1)
    below = 1 / k + towards * (below - 1 / k)
    tied = np.sort(rng.dirichlet(np.ones(k), m), axis=1)[:, ::-1]
    tied[:, :2] = tied[:, :2].mean(axis=1, keepdims=True)
    uniform = np.full((m, k), 1 / k) * (1 + 0.1 * rng.uniform(-1, 1, (m, k)))
    p = np.stack([below, above, any_kind, tied, uniform], axis=1).reshape(-1, k)
    p = -np.sort(-(0.97 * p / p.sum(axis=1, keepdims=True) + 0.03 / k), axis=1)
    p[:, 0] = np.maximum(p[:, 0], p[:, 1] + 0.02)
    return p / p.sum(axis=1, keepdims=True)
