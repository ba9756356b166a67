"""The risk times t, which tends to a constant: training's loss falls as 1/t."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from marginflow.figures.log_time_axis import Series, curves, legend, log_time_axis
from marginflow.figures.style import COLORS

LIMIT = (0, (4, 2))


def loss_times_t(
    ax: Axes,
    log_time: Series,
    series: Series,
    limit: Mapping[str, float] | float | None = None,
) -> Axes:
    """Draw risk × t against log t, and the constants that it tends to.

    Args:
        ax: draws here.
        log_time: (m,) log t of the values, or one array a name.
        series: (m,) risk × t, as exp(log_risk + log_time), or one array a name.
        limit: ‖Ŵ‖²/(a² h), for all or one a name; drawn dashed.

    Returns:
        The axes.

    Raises:
        ValueError: if a curve has not as many values as log times.

    Example:
        >>> import numpy as np
        >>> from marginflow.figures import canvas, loss_times_t, style
        >>> s = np.geomspace(1, 1e6, 50)
        >>> with style():
        ...     ax = loss_times_t(canvas().subplots(), s, 2 - 1 / s, limit=2.0)

    Source: Soudry et al. 2018, arXiv 1710.10345, Theorem 5, where the loss is O(1/t); the constant
    is derived.
    """
    last = 10.0
    for i, (name, x, y) in enumerate(curves(log_time, series)):
        color = COLORS[i % len(COLORS)]
        ax.plot(x, y, color=color, label=name or "_")
        last = max(last, float(x[-1]) if len(x) else last)
        if isinstance(limit, Mapping) and name in limit:
            ax.axhline(limit[name], color=color, lw=1.0, ls=LIMIT, label="_limit")
    if limit is not None and not isinstance(limit, Mapping):
        ax.axhline(limit, color="black", lw=1.0, ls=LIMIT, label="_limit")
    log_time_axis(ax, last=last)
    ax.set_ylabel(r"risk $\times\ t$")
    handles, names = ax.get_legend_handles_labels()
    if limit is not None:
        handles.append(Line2D([], [], color="black", lw=1.0, ls=LIMIT))
        names.append("predicted limit")
    legend(ax, handles, names)
    return ax
