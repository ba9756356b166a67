"""The matrix optimizer × norm: how much of the best margin in each norm was reached."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from marginflow.figures.style import BLACK, VERMILION

DARK = 0.6  # fractions from here on stand in white
MISSING = "#dddddd"


def margin_matrix(
    ax: Axes,
    fractions: np.ndarray,
    optimizers: Sequence[str],
    norms: Sequence[str],
    *,
    color_bar: bool = True,
) -> Axes:
    """Draw margin fractions as a colored table with the numbers in it.

    The largest of each row is framed: the norm whose margin the optimizer comes nearest to.  Two
    values that are the same to the digits shown are framed both.

    Args:
        ax: draws here; 0.36 inches of height a row suit it.
        fractions: (optimizers, norms), up to 1; NaN where there is none.
        optimizers: names of the rows.
        norms: names of the columns.
        color_bar: whether to explain the colors at the right.

    Returns:
        The axes.

    Raises:
        ValueError: if there is not one name for each row and column.

    Example:
        >>> import numpy as np
        >>> from marginflow.figures import canvas, margin_matrix, style
        >>> fractions = np.array([[0.99, 0.7], [0.8, 0.98]])
        >>> with style():
        ...     ax = margin_matrix(
        ...         canvas().subplots(), fractions, ["gd", "sign"], ["frobenius", "max"]
        ...     )
    """
    values = np.asarray(fractions, dtype=float)
    if values.shape != (len(optimizers), len(norms)):
        raise ValueError(
            f"margin_matrix: expected {len(optimizers)} × {len(norms)} fractions, got shape "
            f"{values.shape}."
        )
    colors = mpl.colormaps["Blues"].with_extremes(bad=MISSING, under="#ffffff")
    image = ax.imshow(values, cmap=colors, vmin=0.0, vmax=1.0, aspect="auto")
    for i, row in enumerate(np.round(values, 3)):
        best = np.nanmax(row) if np.isfinite(row).any() else np.nan
        for j, value in enumerate(row):
            ink = "white" if value > DARK else BLACK
            text = f"{value:.3f}" if np.isfinite(value) else "none"
            weight = "bold" if value == best else "normal"
            ax.text(j, i, text, ha="center", va="center", color=ink, weight=weight, fontsize=9)
            if value == best and len(norms) > 1:
                ax.add_patch(
                    Rectangle((j - 0.46, i - 0.41), 0.92, 0.82, fill=False, ec=VERMILION, lw=1.8)
                )
    ax.set_xticks(range(len(norms)), labels=list(norms))
    ax.set_yticks(range(len(optimizers)), labels=list(optimizers))
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xticks(np.arange(len(norms) + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(len(optimizers) + 1) - 0.5, minor=True)
    ax.grid(True, which="minor", color="white", lw=2.0)
    ax.grid(False, which="major")
    ax.tick_params(which="minor", length=0)
    if color_bar and ax.figure is not None:
        bar = ax.figure.colorbar(image, ax=ax, shrink=0.9, aspect=18, pad=0.02)
        bar.set_label("margin / best margin")
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    return ax
