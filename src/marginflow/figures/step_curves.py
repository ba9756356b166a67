"""Quantities of a training against its steps, which are evenly spaced in log t."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from marginflow.figures.style import COLORS, DASHES, GRAY

MOST_NAMES = 12  # in a legend


def step_curves(
    ax: Axes,
    steps: np.ndarray,
    curves: Mapping[str, np.ndarray],
    *,
    ylabel: str = "",
    title: str | None = None,
    logarithmic: bool = False,
    level: float | None = None,
    bands: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
) -> Axes:
    """Draw quantities against the step on a logarithmic axis, a curve each.

    Args:
        ax: draws here.
        steps: (m,) of the records; those before step 1 are left out.
        curves: (m,) by name; NaN where a quantity was not recorded.
        ylabel: what they are.
        title: above the picture.
        logarithmic: whether their axis is logarithmic too; values that are not positive are then
            left out.
        level: a value that is drawn dashed, as a limit.
        bands: lower and upper edges (m,) by name, shaded behind the curves, the later the darker.

    Returns:
        The axes.

    Raises:
        ValueError: if a curve has not one value for each step.

    Example:
        >>> import numpy as np
        >>> from marginflow.figures import canvas, step_curves, style
        >>> steps = np.array([1, 10, 100])
        >>> with style():
        ...     ax = step_curves(canvas().subplots(), steps, {"loss": np.array([2.0, 1.0, 0.5])})
    """
    steps = np.asarray(steps, dtype=float)
    for i, (name, (low, high)) in enumerate((bands or {}).items()):
        low, high = _checked(name, low, steps), _checked(name, high, steps)
        kept = (steps >= 1) & np.isfinite(low) & np.isfinite(high)
        shade = {"color": GRAY, "alpha": 0.2 + 0.2 * i, "lw": 0}
        ax.fill_between(steps[kept], low[kept], high[kept], label=name, **shade)
    for i, (name, values) in enumerate(curves.items()):
        found = _checked(name, values, steps)
        kept = (steps >= 1) & np.isfinite(found) & ((found > 0) | (not logarithmic))
        if not kept.any():
            continue
        color, dash = COLORS[i % len(COLORS)], DASHES[i // len(COLORS) % len(DASHES)]
        ax.plot(steps[kept], found[kept], color=color, ls=dash, label=name)
    ax.set_xscale("log")
    ax.set_xlim(1, max(10.0, steps.max(initial=0.0)))
    ax.xaxis.set_major_locator(LogLocator(numticks=7))
    ax.xaxis.set_minor_formatter(NullFormatter())
    if logarithmic and ax.lines:
        ax.set_yscale("log")
    if level is not None:
        ax.axhline(level, color=GRAY, lw=1, ls="--")
    ax.set_xlabel("step")
    ax.set_ylabel(ylabel)
    if title is not None:
        ax.set_title(title)
    if 1 < len(curves) + len(bands or ()) <= MOST_NAMES and ax.lines:
        ax.legend(loc="best")
    return ax


def _checked(name: str, values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    found = np.asarray(values, dtype=float)
    if found.shape != steps.shape:
        raise ValueError(
            f"curve {name!r}: expected one value for each of {len(steps)} steps, got shape "
            f"{found.shape}."
        )
    return found
