"""Training in one look: the regions of a classifier, and how far it is from its limit."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marginflow.figures.decision_regions import decision_regions, region_handles
from marginflow.figures.direction_error import direction_error
from marginflow.figures.log_time_axis import Values
from marginflow.figures.style import BLACK


def overview(
    figure: Figure,
    data: Any,
    snapshots: Mapping[str, np.ndarray],
    *,
    reference: np.ndarray,
    log_time: Values,
    error: Values,
    marks: Sequence[tuple[float, float]],
    predicted: float | None = None,
    support: np.ndarray | None = None,
) -> list[Axes]:
    """Draw decision regions at a few times, over the direction error against log t.

    Args:
        figure: a new one, about 9 by 7 inches.
        data: as for `decision_regions`.
        snapshots: the weights at each time, by the panel's title.
        reference: the max-margin weights.
        log_time: (m,) of the curve.
        error: (m,) the direction errors.
        marks: (log t, error) of each snapshot, which the curve shows as A, B, C, ...
        predicted: the limit of error · log t.
        support: samples to ring, by their rows.

    Returns:
        The axes: the panels, then the curve.

    Raises:
        ValueError: if there is not one mark for each snapshot.
    """
    if len(marks) != len(snapshots):
        raise ValueError(f"overview: expected {len(snapshots)} marks, got {len(marks)}.")
    letters = [chr(ord("A") + i) for i in range(len(marks))]
    rows: Any = [letters, ["curve"] * len(letters)]
    axes: dict[str, Axes] = figure.subplot_mosaic(rows, height_ratios=[1.15, 1.0])
    for letter, (title, weights) in zip(letters, snapshots.items(), strict=True):
        panel = axes[letter]
        decision_regions(panel, data, weights, title, reference=reference, support=support)
        panel.set_title(f"{letter}    {title}")
        if letter != letters[0]:
            panel.set_ylabel("")
            panel.tick_params(labelleft=False)
    handles, labels = region_handles(axes[letters[0]], support=support is not None)
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    ax = axes["curve"]
    names = {"gradient descent": error}
    constants = None if predicted is None else {"gradient descent": predicted}
    direction_error(ax, log_time, names, reference_slope=False, predicted=constants)
    for letter, (at, value) in zip(letters, marks, strict=True):
        ax.plot([at], [value], marker="o", ms=6, color=BLACK, zorder=5)
        ax.annotate(
            letter,
            (at, value),
            xytext=(1, 7),
            textcoords="offset points",
            weight="bold",
            ha="center",
            fontsize=11,
            color=BLACK,
        )
    ax.set_ylim(top=2.5 * ax.get_ylim()[1])  # room for the letters
    return list(axes.values())
