"""Margin fraction against steps: which optimizer nears the best margin of a norm, and how fast."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from marginflow.figures.style import COLORS, DASHES, GRAY

BANDS, BAND = 0.5, 0.16  # opacity of all bands together, and at most of one
LEAST = -0.05  # fractions below are before the data are separated


def margin_fraction(
    ax: Axes,
    steps: Mapping[str, np.ndarray],
    fractions: Mapping[str, np.ndarray],
    title: str | None = None,
) -> Axes:
    """Draw the margin over the best margin against the step, a curve an optimizer.

    The curve is the median over the seeds, and the band around it reaches from the least to the
    largest.  1, the best margin there is, is dashed.

    Args:
        ax: draws here.
        steps: (m,) by the name of the curve; those before step 1 are left out.
        fractions: (seeds, m) by the same names; NaN where a seed has none.
        title: above the picture.

    Returns:
        The axes.

    Raises:
        ValueError: if a curve has not one column for each step.

    Example:
        >>> import numpy as np
        >>> from marginflow.figures import canvas, margin_fraction, style
        >>> steps = np.array([1, 10, 100])
        >>> with style():
        ...     ax = margin_fraction(
        ...         canvas().subplots(), {"gd": steps}, {"gd": np.array([[0.2, 0.6, 0.9]])}
        ...     )
    """
    last = 10
    for i, (name, values) in enumerate(fractions.items()):
        at, rows = np.asarray(steps[name]), np.atleast_2d(np.asarray(values, dtype=float))
        if rows.shape[1:] != at.shape:
            raise ValueError(
                f"curve {name!r}: expected one column for each of {at.shape[0]} steps, got shape "
                f"{rows.shape}."
            )
        kept = (at >= 1) & np.isfinite(rows).any(axis=0)
        if not kept.any():
            continue
        at, rows = at[kept], rows[:, kept]
        color, dash = COLORS[i % len(COLORS)], DASHES[i // len(COLORS) % len(DASHES)]
        ax.plot(at, np.nanmedian(rows, axis=0), label=name, ls=dash, color=color)
        if len(rows) > 1:
            low, high = np.nanmin(rows, axis=0), np.nanmax(rows, axis=0)
            faint = min(BANDS / len(fractions), BAND)
            ax.fill_between(at, low, high, alpha=faint, lw=0, color=color)
        last = max(last, int(at[-1]))
    ax.axhline(1.0, color=GRAY, lw=0.9, ls=(0, (4, 2)), zorder=0)
    ax.set_xscale("log")
    ax.set(xlim=(1, last), ylim=(LEAST, 1.05), xlabel="step", ylabel="margin / best margin")
    ax.xaxis.set_major_locator(LogLocator(numticks=8))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.grid(True, which="major")
    if title is not None:
        ax.set_title(title)
    return ax
