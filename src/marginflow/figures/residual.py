"""The residual ρ(t) = W(t) − (Ŵ/a) log t: what is left of training beside its growth.

Two views: its distance to the predicted limit, and the margins that it gives the support pairs,
each landing on its own predicted line.
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from marginflow.figures.log_time_axis import (
    Series,
    Values,
    curves,
    legend,
    log_time_axis,
)
from marginflow.figures.style import COLORS, GRAY

DECAY = (0, (4, 2))


def residual(
    ax: Axes,
    log_time: Series,
    distance: Series,
    *,
    decay: Mapping[str, float] | float | None = None,
    uncertainty: float | None = None,
) -> Axes:
    """Draw the distance of the residual to its limit against log t, both on logarithmic scales.

    Args:
        ax: draws here.
        log_time: (m,) log t of the values, or one array a name.
        distance: (m,) of the residual to its predicted limit on the support, or one array a name.
        decay: min(1, δ, λ), one a name: t^(−decay) is drawn dashed, through the curve where it is
            half way down.
        uncertainty: a distance below which rounding decides; drawn as a level.

    Returns:
        The axes.

    Raises:
        ValueError: if a curve has not as many values as log times.

    Example:
        >>> import numpy as np
        >>> from marginflow.figures import canvas, residual, style
        >>> s = np.geomspace(1, 100, 50)
        >>> with style():
        ...     ax = residual(canvas().subplots(), s, np.exp(-0.3 * s), decay=0.3)

    Source: Soudry et al. 2018, arXiv 1710.10345, Theorem 4, where ρ is shown to converge; the law
    of its limit for general tails is derived.
    """
    drawn = list(curves(log_time, distance, positive=True))
    ax.set_yscale("log")
    guided = False
    for name, x, y in drawn:
        [line] = ax.plot(x, y, label=name or "_")
        power = decay.get(name) if isinstance(decay, Mapping) else decay
        if power and len(x):
            guided = True
            at = int(np.argmin(np.abs(np.log(y) - (np.log(y[0]) + np.log(y.min())) / 2)))
            dense = np.geomspace(x[0], x[-1], 400)
            guide = np.log(y[at]) - power * (dense - x[at])
            shown = (guide <= np.log(y.max())) & (guide >= np.log(y.min()))
            color = line.get_color()
            ax.plot(
                dense[shown], np.exp(guide[shown]), color=color, lw=1.0, ls=DECAY, label="_decay"
            )
    if uncertainty:
        ax.axhline(uncertainty, color="black", lw=0.8, ls=":", label="rounding")
    log_time_axis(
        ax, last=max((float(x[-1]) for _, x, _ in drawn if len(x)), default=10.0), reach=False
    )
    ax.yaxis.set_major_locator(LogLocator(numticks=8))
    ax.set_ylabel(r"distance of the residual $\rho$ to its limit")
    handles, names = ax.get_legend_handles_labels()
    if guided:
        handles.append(Line2D([], [], color=GRAY, lw=1.0, ls=DECAY))
        names.append(r"$t^{-\min(1,\,\delta,\,\lambda)}$")
    legend(ax, handles, names)
    return ax


def residual_margins(
    ax: Axes,
    log_time: Values,
    margins: np.ndarray,
    limits: Values,
    *,
    names: tuple[str, ...] = (),
) -> Axes:
    """Draw the margins u_p(ρ) of the support pairs as they land on their limits.

    Args:
        ax: draws here.
        log_time: (m,) log t of the rows.
        margins: (m, p), the margins of the residual on p support pairs.
        limits: (p,), the values predicted, (1/a) log(a c h/α*).
        names: of the pairs; none by default.

    Returns:
        The axes.

    Raises:
        ValueError: if the shapes do not fit.

    Example:
        >>> import numpy as np
        >>> from marginflow.figures import canvas, residual_margins, style
        >>> s = np.geomspace(1, 100, 50)
        >>> margins = np.array([-1.0, 2.0]) + np.exp(-s)[:, None]
        >>> with style():
        ...     ax = residual_margins(canvas().subplots(), s, margins, [-1.0, 2.0])
    """
    margins, targets = np.asarray(margins, dtype=float), np.asarray(limits, dtype=float)
    if margins.ndim != 2 or targets.shape != margins.shape[1:]:
        raise ValueError(
            "residual_margins: expected margins (m, p) and p limits, got shapes "
            f"{margins.shape} and {targets.shape}."
        )
    last = 10.0
    for j, target in enumerate(targets):
        [(_, x, y)] = curves(log_time, margins[:, j])
        color = COLORS[j % len(COLORS)]
        ax.plot(x, y, color=color, label=names[j] if names else "_")
        if len(x) and np.isfinite(target):
            last = max(last, float(x[-1]))
            ax.axhline(target, color=color, lw=1.0, ls=DECAY, label="_limit")
    log_time_axis(ax, last=last, reach=False)
    ax.set_ylabel(r"margin $u_p(\rho)$ of the residual")
    handles, labels = ax.get_legend_handles_labels()
    handles.append(Line2D([], [], color=GRAY, lw=1.0, ls=DECAY))
    labels.append("predicted limit")
    legend(ax, handles, labels)
    return ax
