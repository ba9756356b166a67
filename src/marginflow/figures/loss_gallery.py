"""Every template and its tail: one small panel a loss, the tail's class told by color and word."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marginflow.figures.style import BLACK, BLUE, GRAY, GREEN, ORANGE, PURPLE, VERMILION
from marginflow.losses import Loss

COLORS = {
    "exponential": BLUE,
    "stretched": GREEN,
    "polynomial": ORANGE,
    "finite": VERMILION,
    "rising": PURPLE,
}
COLUMNS = 6
MARGINS = np.linspace(-2.0, 12.0, 561)
HIGHEST, LEAST = 4.0, 1e-5


def loss_gallery(figure: Figure, losses: Mapping[str, Loss]) -> Figure:
    """Draw ψ(u) of two classes, and −ψ′(u) on a logarithmic scale below it, for each loss.

    A straight fall of the slope is an exponential tail, one that flattens a polynomial tail, and
    one that ends a finite tail.

    Args:
        figure: draws here; 11 × 1.9 inches a row of six suit it.
        losses: by the names to show.

    Returns:
        The figure.
    """
    rows = -(-len(losses) // COLUMNS)
    grid = figure.subplots(2 * rows, COLUMNS, squeeze=False, sharex=True)
    for i, (name, loss) in enumerate(losses.items()):
        row, column = divmod(i, COLUMNS)
        _panel(grid[2 * row, column], grid[2 * row + 1, column], name, loss)
    for i in range(len(losses), rows * COLUMNS):
        row, column = divmod(i, COLUMNS)
        grid[2 * row, column].set_axis_off()
        grid[2 * row + 1, column].set_axis_off()
    for row in range(rows):
        grid[2 * row, 0].set_ylabel("ψ")
        grid[2 * row + 1, 0].set_ylabel("−ψ′")
    for column in range(min(COLUMNS, len(losses))):
        last = (len(losses) - 1 - column) // COLUMNS
        ax = grid[2 * last + 1, column]
        ax.tick_params(labelbottom=True)
        ax.set_xlabel("margin u")
    return figure


def _panel(above: Axes, below: Axes, name: str, loss: Loss) -> None:
    tail = loss.tail(2)
    kind = "unknown" if tail is None else str(tail.kind)
    color = COLORS.get(kind, BLACK)
    above.plot(MARGINS, np.asarray(loss.template(MARGINS[:, None])), color=color)
    above.set_ylim(0, HIGHEST)
    above.set_title(name, fontsize=8)
    above.text(0.97, 0.9, kind, transform=above.transAxes, ha="right", va="top", color=color)
    sign, log_abs = loss.slope(MARGINS[:, None])
    pull = np.where(sign[:, 0] < 0, np.exp(np.minimum(log_abs[:, 0], 50.0)), np.nan)
    below.plot(MARGINS, pull, color=color)
    below.set_yscale("log")
    below.set_ylim(LEAST, 30)
    for ax in (above, below):
        _plain(ax)


def _plain(ax: Any) -> None:
    ax.axvline(0, color=GRAY, lw=0.5)
    ax.tick_params(labelsize=7)
