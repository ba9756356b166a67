"""One look for all pictures: entered by context, never set globally.

`with style():` holds while a figure is made and while it is written; a user's own settings are as
they were afterwards.  The colors are those of Okabe and Ito, which people with any of the common
color blindnesses tell apart; classes also differ by marker and lines by dashes, so that nothing is
said by color alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK, GRAY = "#E69F00", "#56B4E9", "#222222", "#6b6b6b"
FAINT = "#ededed"
# Lines beyond the last color begin anew with another dash.
DASHES = ("-", "-.", ":")
COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P")

STYLE: dict[Any, Any] = {
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same letters everywhere
    "font.size": 9.5,
    "mathtext.fontset": "dejavusans",
    "axes.prop_cycle": cycler(linestyle=DASHES) * cycler(color=COLORS),
    "axes.facecolor": "white",
    "axes.edgecolor": GRAY,
    "axes.linewidth": 0.8,
    "axes.labelcolor": BLACK,
    "axes.labelsize": 9.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titlecolor": BLACK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.5,
    "xtick.color": GRAY,
    "ytick.color": GRAY,
    "xtick.labelcolor": BLACK,
    "ytick.labelcolor": BLACK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "marginflow",
    "savefig.dpi": 200,
    "savefig.facecolor": "white",
}


@contextmanager
def style() -> Iterator[None]:
    """Make pictures in marginflow's look for as long as the context lasts.

    Example:
        >>> import matplotlib as mpl
        >>> from marginflow.figures import style
        >>> before = mpl.rcParams["svg.hashsalt"]
        >>> with style():
        ...     mpl.rcParams["svg.hashsalt"]
        'marginflow'
        >>> mpl.rcParams["svg.hashsalt"] == before
        True
    """
    with mpl.rc_context(STYLE):
        yield


def canvas(width: float = 7.0, height: float = 4.2) -> Figure:
    """An empty figure that lays its axes out by itself and belongs to no window.

    Args:
        width: in inches.
        height: in inches.

    Example:
        >>> from marginflow.figures import canvas, style
        >>> with style():
        ...     ax = canvas().subplots()
    """
    return Figure(figsize=(width, height), layout="constrained")
