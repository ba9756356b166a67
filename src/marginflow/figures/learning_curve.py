"""Error on new data against the number of training samples, with bands."""

from typing import Any

from matplotlib.axes import Axes

from marginflow.likelihoods import LearningCurves


def learning_curve(curves: LearningCurves, ax: Axes) -> Axes:
    """Mean errors of each model and the band of nine draws in ten, on logarithmic axes of samples.

    Args:
        curves: what `learning_curves` found.
        ax: to draw on.

    Example:
        >>> import marginflow as mf
        >>> from marginflow import figures
        >>> data = mf.gaussian_clusters(0, n_samples=200, n_features=3, n_classes=2)
        >>> ax = figures.canvas().subplots()
        >>> _ = figures.learning_curve(mf.learning_curves(data, sizes=[20, 40], repeats=3), ax)
        >>> ax.get_xlabel()
        'training samples'
    """
    frame: Any = curves.to_frame()
    for model, part in frame.groupby("model", sort=False):
        (line,) = ax.plot(part["samples"], part["error"], marker="o", label=str(model))
        ax.fill_between(
            part["samples"], part["low"], part["high"], color=line.get_color(), alpha=0.15
        )
    ax.set_xscale("log")
    ax.set_xticks(list(curves.sizes), [str(size) for size in curves.sizes])
    ax.minorticks_off()
    ax.set(xlabel="training samples", ylabel="error on new data", title=curves.data)
    ax.set_ylim(bottom=0)
    ax.legend()
    return ax
