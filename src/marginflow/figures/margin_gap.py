"""Margin gap against log t: how the normalized margin grows toward the largest there is."""

from collections.abc import Mapping

from matplotlib.axes import Axes

from marginflow.figures.log_time_axis import Series
from marginflow.figures.power_law import power_law


def margin_gap(
    ax: Axes,
    log_time: Series,
    series: Series,
    reference_slope: bool = True,
    *,
    predicted: Mapping[str, float] | float | None = None,
) -> Axes:
    """Draw γ̂ − min u/‖W‖ against log t, both on logarithmic scales.

    Args:
        ax: draws here.
        log_time: (m,) log t of the values, or one array a name.
        series: (m,) margin gaps in the features' units, or one array a name.
        reference_slope: whether to draw a guide of slope −1.
        predicted: the limit of gap · log t, (mean_α u(ρ) − min u(ρ))/‖Ŵ‖, one a name.

    Returns:
        The axes.

    Raises:
        ValueError: if a curve has not as many values as log times.

    Example:
        >>> import numpy as np
        >>> from marginflow.figures import canvas, margin_gap, style
        >>> s = np.geomspace(1, 1e6, 50)
        >>> with style():
        ...     ax = margin_gap(canvas().subplots(), s, 0.3 / s, predicted=0.3)

    Source: Soudry et al. 2018, arXiv 1710.10345, Theorem 5.
    """
    return power_law(
        ax,
        log_time,
        series,
        label=r"margin gap  $\hat\gamma - \min u/\|W\|$  (units of $x$)",
        reference_slope=reference_slope,
        predicted=predicted,
    )
