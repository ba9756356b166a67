"""Curves that fall as constant / log t: what direction error and margin gap have in common."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from marginflow.figures.log_time_axis import (
    EARLIEST,
    Series,
    curves,
    legend,
    log_time_axis,
    name_reach,
)
from marginflow.figures.style import GRAY

GUIDE_FACTOR = 2.0  # how far the guide stays above the curves
PREDICTED = (0, (4, 2))
LEAST = 1e-16  # values below are rounding: the ordinate ends there


def power_law(
    ax: Axes,
    log_time: Series,
    series: Series,
    *,
    label: str,
    reference_slope: bool = True,
    predicted: Mapping[str, float] | float | None = None,
) -> Axes:
    """Draw values against log t, both on logarithmic scales.

    Args:
        ax: draws here.
        log_time: (m,), or one array a name.
        series: (m,) or one array a name, ≥ 0; zeros and NaN are left out.
        label: of the ordinate.
        reference_slope: whether to draw a guide of slope −1.
        predicted: the constants that value · log t should tend to, one a name; drawn dashed.

    Returns:
        The axes.
    """
    drawn = list(curves(log_time, series, positive=True))
    for name, x, y in drawn:
        ax.plot(x, y, label=name or "_")
    ax.set_yscale("log")
    last = max((float(x[-1]) for _, x, _ in drawn if len(x)), default=10.0)
    log_time_axis(ax, last=last)
    for name, x, _ in drawn:
        constant = predicted.get(name) if isinstance(predicted, Mapping) else predicted
        if constant is not None and constant > 0 and len(x):
            ax.plot(x, constant / x, color="black", lw=1.0, ls=PREDICTED, label="_predicted")
    if reference_slope:
        _guide(ax, [y * x for _, x, y in drawn if len(x)], last)
    _ordinate(ax, [y for _, _, y in drawn if len(y)])
    name_reach(ax)
    ax.set_ylabel(label)
    _legend(ax, with_predicted=predicted is not None)
    return ax


def _guide(ax: Axes, products: list[np.ndarray], last: float) -> None:
    """A dotted line of slope −1 above the curves, over the later half of the decades."""
    if not products:
        return
    height = GUIDE_FACTOR * max(float(values[len(values) // 2 :].max()) for values in products)
    x = np.geomspace(np.sqrt(EARLIEST * last), last, 2)
    ax.plot(x, height / x, color=GRAY, lw=1.2, ls=":", label="_slope −1")
    middle = float(np.sqrt(x[0] * x[1]))
    ax.annotate(
        "slope −1",
        (middle, height / middle),
        xytext=(5, 5),
        textcoords="offset points",
        color=GRAY,
        fontsize=8.5,
    )


def _ordinate(ax: Axes, values: list[np.ndarray]) -> None:
    """End the ordinate where only rounding is left."""
    least = min((float(each.min()) for each in values), default=1.0)
    if least < LEAST:
        ax.set_ylim(bottom=LEAST)


def _legend(ax: Axes, *, with_predicted: bool) -> None:
    handles, names = ax.get_legend_handles_labels()
    if with_predicted:
        handles.append(Line2D([], [], color="black", lw=1.0, ls=PREDICTED))
        names.append("predicted: constant / log t")
    legend(ax, handles, names, loc="upper right")
