"""Growth of weights: in the end as log t, where training goes on separating."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class LogGrowth(NamedTuple):
    """A fit of norms by slope · log t + start.

    Attributes:
        slope: by how much the norm grows as t grows e-fold; 1/margin in the limit of linear models.
        r_squared: the share of the norms' variance that the fit explains.
    """

    slope: float
    r_squared: float


def log_growth(log_time: Float[np.ndarray, " m"], norms: Float[np.ndarray, " m"]) -> LogGrowth:
    """The least squares fit of norms by a multiple of log t and a constant.

    Args:
        log_time: (m,) log t, of three records or more.
        norms: (m,) of the weights.

    Returns:
        The fit; NaN of fewer records, or of records at one time.

    Example:
        >>> import numpy as np
        >>> log_time = np.log([10.0, 100.0, 1000.0])
        >>> fit = log_growth(log_time, 2 * log_time + 1)
        >>> round(fit.slope, 6), round(fit.r_squared, 6)
        (2.0, 1.0)
    """
    if len(norms) < 3 or np.ptp(log_time) == 0:
        return LogGrowth(float("nan"), float("nan"))
    x, y = log_time - log_time.mean(), norms - norms.mean()
    slope = float(x @ y / (x @ x))
    total = float(y @ y)
    missed = float(np.sum((y - slope * x) ** 2))
    return LogGrowth(slope, 1 - missed / total if total > 0 else 1.0)
