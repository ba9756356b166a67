"""Decision regions in the plane: what a classifier says where, beside what the limit will say."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from marginflow.figures.plane import FILL, box_around, class_points
from marginflow.figures.regions import boundaries, decision_polygons
from marginflow.figures.style import BLACK, COLORS

REFERENCE = (0, (4, 2))


def decision_regions(
    ax: Axes,
    data: Any,
    weights: np.ndarray,
    title: str | None = None,
    *,
    reference: np.ndarray | None = None,
    support: np.ndarray | None = None,
) -> Axes:
    """Draw the regions of a linear classifier, the data, and the boundaries of another one.

    The regions are exact polygons, not pixels.

    Args:
        ax: draws here.
        data: a `Dataset`, or a pair (features, labels), of two features; a third may be constant,
            for classifiers with an intercept.
        weights: (d, K), or (d,) of a binary classifier.
        title: above the picture.
        reference: weights of the same shape whose boundaries are drawn dashed, as the max-margin
            ones.
        support: samples to ring, by their rows.

    Returns:
        The axes.

    Raises:
        ValueError: if the data do not lie in a plane, or the weights do not fit them.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> from marginflow.figures import canvas, decision_regions, style
        >>> with style():
        ...     ax = decision_regions(
        ...         canvas(4.0, 4.0).subplots(), mf.soudry_toy(), np.array([1.0, 0.2]), "a guess"
        ...     )

    Source: Ravi et al. 2024, arXiv 2411.01350, the experiments; Soudry et al. 2018, arXiv
    1710.10345, figure 1.
    """
    features, labels = _plane(data)
    n_classes = getattr(data, "n_classes", int(labels.max()) + 1)
    points = features[:, :2]
    box = box_around(points)
    for k, polygon in enumerate(decision_polygons(*_scores(features, n_classes, weights), box)):
        if len(polygon):
            ax.fill(*polygon.T, color=COLORS[k % len(COLORS)], alpha=FILL, lw=0, zorder=0)
    class_points(ax, points, labels, [_name(data, k) for k in range(n_classes)])
    if support is not None:
        rings = points[np.unique(np.asarray(support))]
        ax.plot(*rings.T, ls="none", marker="o", mfc="none", mec=BLACK, mew=1.1, ms=11)
    if reference is not None:
        for segment in boundaries(*_scores(features, n_classes, reference), box):
            ax.plot(*segment.T, color=BLACK, lw=1.3, ls=REFERENCE)
    ax.set(xlim=box[:2], ylim=box[2:], xlabel="$x_1$", ylabel="$x_2$")
    ax.set_aspect("equal")
    if title is not None:
        ax.set_title(title)
    return ax


def region_handles(ax: Axes, *, support: bool = False) -> tuple[list[Any], list[str]]:
    """Handles and names for a legend of `decision_regions`, with its dashes and rings explained."""
    handles, names = ax.get_legend_handles_labels()
    handles = [*handles, Line2D([], [], color=BLACK, lw=1.3, ls=REFERENCE)]
    names = [*names, "max-margin boundaries"]
    if support:
        ring = Line2D([], [], ls="none", marker="o", mfc="none", mec=BLACK, mew=1.1, ms=10)
        handles, names = [*handles, ring], [*names, "support"]
    return handles, names


def _plane(data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Features of two columns, or of three with a constant last one, and labels 0..K−1."""
    pair = (data.features, data.labels) if hasattr(data, "features") else data
    features, labels = np.asarray(pair[0], dtype=float), np.asarray(pair[1])
    flat = features.ndim == 2 and features.shape[1] in (2, 3)
    if not flat or (features.shape[1] == 3 and np.ptp(features[:, 2])):
        raise ValueError(
            "decision_regions: expected two features, or two and a constant, got features of shape "
            f"{features.shape}."
        )
    return features, labels


def _scores(
    features: np.ndarray, n_classes: int, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (2, K) and offsets (K,) of the scores, at a size that no scale can push out."""
    found = np.asarray(weights, dtype=float)
    d = features.shape[1]
    if found.ndim == 1 and n_classes == 2:
        found = np.stack([np.zeros_like(found), found], axis=1)
    if found.shape != (d, n_classes):
        raise ValueError(
            f"decision_regions: expected weights of shape ({d}, {n_classes})"
            f"{f' or ({d},)' if n_classes == 2 else ''}, got {np.shape(weights)}."
        )
    size = np.abs(found).max()
    found = found / size if size > 0 else found
    offsets = features[0, 2] * found[2] if d == 3 else np.zeros(n_classes)
    return found[:2], offsets


def _name(data: Any, k: int) -> str:
    return str(data.classes[k]) if hasattr(data, "classes") else str(k)
