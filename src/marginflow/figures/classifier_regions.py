"""Decision regions of any classifier of two features, linear or not, and data drawn from it."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from marginflow.data import Dataset
from marginflow.figures.plane import FILL, box_around, class_points
from marginflow.figures.style import BLACK, COLORS, MARKERS

PIXELS = 120


def classifier_regions(
    ax: Axes,
    model: Any,
    data: Dataset,
    title: str | None = None,
    *,
    drawn: tuple[np.ndarray, np.ndarray] | None = None,
) -> Axes:
    """Draw where a fitted classifier says which class, the data, and new data if there are any.

    Boundaries are found on a grid, between its points by the model's probabilities if it has any;
    `decision_regions` draws those of linear scores exactly.

    Args:
        ax: draws here.
        model: of scikit-learn's kind, with `predict_proba` or `predict`, fitted to all labels
            0..K−1 of the data.
        data: of two features.
        title: above the picture.
        drawn: features (m, 2) and labels (m,) of further samples, shown hollow, as `draw_samples`
            makes of a generative model.  Those outside the picture are not shown.

    Returns:
        The axes.

    Raises:
        ValueError: if there are not two features, or the model knows other classes.

    Example:
        >>> import marginflow as mf
        >>> from marginflow import figures
        >>> from sklearn.naive_bayes import GaussianNB
        >>> data = mf.gaussian_clusters(0, n_samples=60, n_features=2, n_classes=2)
        >>> model = GaussianNB().fit(data.features, data.labels)
        >>> ax = figures.canvas().subplots()
        >>> _ = figures.classifier_regions(
        ...     ax, model, data, "naive Bayes", drawn=mf.draw_samples(model, 60)
        ... )
        >>> ax.get_legend_handles_labels()[1]
        ['class 0', 'class 1', 'drawn from the model']
    """
    if data.n_features != 2:
        raise ValueError(
            f"classifier_regions: expected data of two features, got {data.n_features}; leave the "
            "others and the constant out."
        )
    box = box_around(data.features)
    x, y = np.linspace(*box[:2], PIXELS), np.linspace(*box[2:], PIXELS)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    leads = _leads(model, grid.reshape(-1, 2), data.n_classes).reshape(PIXELS, PIXELS, -1)
    for k in range(data.n_classes):
        lead = leads[:, :, k]
        if lead.max() > 0:
            color = COLORS[k % len(COLORS)]
            ax.contourf(x, y, lead, [0.0, 2.0], colors=[color], alpha=FILL, zorder=0)
        if lead.max() > 0 > lead.min():
            ax.contour(x, y, lead, [0.0], colors=[BLACK], linewidths=0.8, linestyles="-")
    class_points(ax, data.features, data.labels, [str(each) for each in data.classes])
    if drawn is not None:
        _hollow(ax, *drawn, data.n_classes)
    ax.set(xlim=box[:2], ylim=box[2:], xlabel="$x_1$", ylabel="$x_2$")
    ax.set_aspect("equal")
    if title is not None:
        ax.set_title(title)
    return ax


def _leads(model: Any, points: np.ndarray, n_classes: int) -> np.ndarray:
    """How much more likely each class is than the likeliest other one, (m, K), from −1 to 1."""
    if hasattr(model, "predict_proba"):
        chances = np.asarray(model.predict_proba(points))
    else:
        chances = np.eye(n_classes)[np.asarray(model.predict(points))]
    if chances.shape[1] != n_classes:
        raise ValueError(
            f"classifier_regions: expected a model of the data's {n_classes} classes, got one of "
            f"{chances.shape[1]}."
        )
    others = [np.delete(chances, k, axis=1).max(axis=1) for k in range(n_classes)]
    return chances - np.stack(others, axis=1)


def _hollow(ax: Axes, features: np.ndarray, labels: np.ndarray, n_classes: int) -> None:
    for k in range(n_classes):
        ax.plot(
            *features[labels == k].T,
            ls="none",
            marker=MARKERS[k % len(MARKERS)],
            mfc="none",
            mec=COLORS[k % len(COLORS)],
            mew=0.9,
            ms=5,
            zorder=1.5,
            label="drawn from the model" if k == 0 else None,
        )
