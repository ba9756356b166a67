"""The axis that all curves share: log t on a logarithmic scale, from e steps to e^1000000.

Where training only gets nearer to its limit as 1/log t, the natural abscissa is log t, and its
range is again many decades.  The upper edge names the times t themselves.  Records before
`EARLIEST` are left out: at t = 0 log t is −∞, and the first step says nothing of the limit.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from marginflow.figures.style import FAINT, GRAY

Values: TypeAlias = np.ndarray | Sequence[float | int]
Series: TypeAlias = Values | Mapping[str, Values]

EARLIEST = 1.0
LOOP = 1e9  # more steps than a training loop is let run for
INSIDE = 6  # names that a legend has inside the axes
# times t named at the upper edge, by log t
NAMED_TIMES = {
    math.log(10): "$t = 10$",
    math.log(1e3): "$10^{3}$",
    math.log(1e9): "$10^{9}$",
    100 * math.log(10): "$10^{100}$",
    1e4: "$e^{10^4}$",
    1e5: "$e^{10^5}$",
    1e6: "$e^{10^6}$",
}


def curves(
    log_time: Series, series: Series, *, positive: bool = False
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, log times and values of each curve, where there is something to draw.

    Args:
        log_time: (m,) of all curves, or one array a name.
        series: (m,) of a single curve without a name, or one array a name.
        positive: leave out values that are not positive, for a logarithmic scale.

    Raises:
        ValueError: if a curve has not as many values as log times.
    """
    named = series if isinstance(series, Mapping) else {"": series}
    for name, values in named.items():
        times = log_time[name] if isinstance(log_time, Mapping) else log_time
        x, y = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
        if x.shape != y.shape or x.ndim != 1:
            raise ValueError(
                f"curve {name!r}: expected one value for each log time, got shapes {x.shape} of "
                f"log_time and {y.shape} of the values."
            )
        kept = np.isfinite(x) & np.isfinite(y) & (x >= EARLIEST)
        if positive:
            kept &= y > 0
        yield name, x[kept], y[kept]


def log_time_axis(ax: Axes, *, last: float, reach: bool = True) -> None:
    """Set the abscissa up: log t below, t above, and how far a loop could go shaded.

    Args:
        ax: where the curves are.
        last: the latest log time.
        reach: whether to shade what a loop of 10⁹ steps reaches.
    """
    last = max(last, 10 * EARLIEST)
    ax.set_xscale("log")
    ax.set_xlim(EARLIEST, last * 1.12)
    ax.xaxis.set_major_locator(LogLocator(numticks=12))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(r"$\log t$")
    ax.grid(True, which="major")
    named = {at: name for at, name in NAMED_TIMES.items() if at <= last * 1.01}
    upper = ax.secondary_xaxis("top")
    upper.set_xticks(list(named), labels=list(named.values()))
    upper.xaxis.set_minor_locator(NullLocator())
    upper.tick_params(length=2.5, pad=1.5, labelsize=8, labelcolor=GRAY, color=GRAY)
    if reach and last > math.log(LOOP):
        ax.axvspan(EARLIEST, math.log(LOOP), color=FAINT, alpha=0.75, lw=0, zorder=0)


def name_reach(ax: Axes) -> None:
    """Say, at the lower edge, what the shading of `log_time_axis` is."""
    if ax.get_xlim()[1] > math.log(LOOP):
        ax.text(
            EARLIEST * 1.12,
            0.04,
            "in reach of a loop\n" r"($t \leq 10^9$ steps)",
            transform=ax.get_xaxis_transform(),
            fontsize=8,
            linespacing=1.3,
            color=GRAY,
        )


def legend(ax: Axes, handles: list[Any], labels: list[str], loc: Any = "best") -> None:
    """A legend, if anything has a name; beside the axes where it would cover too much of them."""
    if len(labels) > INSIDE:
        ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    elif labels:
        ax.legend(handles, labels, loc=loc)
