"""Decision regions at several times of one path, side by side."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from marginflow.figures.decision_regions import decision_regions, region_handles


def decision_panels(
    figure: Figure | SubFigure,
    data: Any,
    snapshots: Mapping[str, np.ndarray],
    *,
    reference: np.ndarray,
    support: np.ndarray | None = None,
) -> list[Axes]:
    """Draw decision regions at several times against the max-margin boundaries.

    Args:
        figure: a new one, or a part of one.
        data: as for `decision_regions`.
        snapshots: the weights at each time, by the panel's title.
        reference: the max-margin weights.
        support: samples to ring, by their rows.

    Returns:
        One axes a panel.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> from marginflow.figures import canvas, decision_panels, style
        >>> data = mf.soudry_toy()
        >>> snapshots = {"early": np.array([1.0, 0.2]), "late": np.array([1.0, 0.9])}
        >>> with style():
        ...     panels = decision_panels(canvas(), data, snapshots, reference=np.ones(2))
    """
    panels = figure.subplots(1, len(snapshots), sharex=True, sharey=True, squeeze=False)[0]
    for ax, (title, weights) in zip(panels, snapshots.items(), strict=True):
        decision_regions(ax, data, weights, title, reference=reference, support=support)
        ax.label_outer()
    handles, names = region_handles(panels[0], support=support is not None)
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return list(panels)
