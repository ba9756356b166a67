"""Direction error against log t: how training turns toward its limit."""

from collections.abc import Mapping

from matplotlib.axes import Axes

from marginflow.figures.log_time_axis import Series
from marginflow.figures.power_law import power_law


def direction_error(
    ax: Axes,
    log_time: Series,
    series: Series,
    reference_slope: bool = True,
    *,
    predicted: Mapping[str, float] | float | None = None,
) -> Axes:
    """Draw ‖W/‖W‖ − Ŵ/‖Ŵ‖‖ against log t, both on logarithmic scales.

    The theorem bounds it by O(1/log t): a straight line of slope −1, however far training goes.

    Args:
        ax: draws here.
        log_time: (m,) log t of the values, or one array a name.
        series: (m,) direction errors, or one array a name.
        reference_slope: whether to draw a guide of slope −1.
        predicted: the limit of error · log t, ‖P_⊥ρ‖/‖Ŵ‖, one a name.

    Returns:
        The axes.

    Raises:
        ValueError: if a curve has not as many values as log times.

    Example:
        >>> import marginflow as mf
        >>> from marginflow.figures import canvas, direction_error, style
        >>> flow = mf.gradient_flow(mf.load_dataset("wine"), mf.CrossEntropy(), log_time=1e6)
        >>> with style():
        ...     ax = canvas().subplots()
        ...     ax = direction_error(
        ...         ax, flow.log_time, {"wine": flow.observables["direction_error"]}
        ...     )

    Source: Soudry et al. 2018, arXiv 1710.10345, Theorem 5; Ravi et al. 2024, arXiv 2411.01350,
    the experiments.
    """
    return power_law(
        ax,
        log_time,
        series,
        label=r"direction error  $\|W/\|W\| - \hat{W}/\|\hat{W}\|\,\|$",
        reference_slope=reference_slope,
        predicted=predicted,
    )
