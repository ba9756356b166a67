"""Whether training stands still: by how much the loss has fallen in the last e-fold of steps."""

import math

import numpy as np
from jaxtyping import Float


def recent_fall(log_time: Float[np.ndarray, " m"], losses: Float[np.ndarray, " m"]) -> float:
    """The share by which the loss has fallen since t/e, t being the last step: 1 − L(t)/L(t/e).

    Training makes its progress in log t, so that an e-fold of steps is how far to look back.

    Args:
        log_time: (m,) log t of the records, ascending.
        losses: (m,).

    Returns:
        The share; negative where the loss has risen, and NaN where no record is so old.

    Example:
        >>> import numpy as np
        >>> recent_fall(np.log([1.0, 10.0, 100.0]), np.array([2.0, 1.0, 0.75]))
        0.25
    """
    old = np.flatnonzero(log_time <= log_time[-1] - 1)
    if not len(old) or not losses[old[-1]] > 0:
        return math.nan
    return float(1 - losses[-1] / losses[old[-1]])
