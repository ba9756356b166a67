"""The pictures of a monitored training: the whole model first, then layer by layer."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from marginflow import figures
from marginflow.report.picture import Picture
from marginflow.training.monitor import MonitoredRun

WHOLE = (
    # (title, what is drawn, label of the axis, whether it is logarithmic)
    ("Loss", ("loss", "validation_loss"), "loss", True),
    ("Margins", ("margin_median", "margin"), "margin", False),
    ("Weights", ("weights_norm",), "norm", False),
    ("Direction", ("direction_change",), "radians in an e-fold", False),
    ("Scales", ("gradient_norm", "update_to_weight"), "size", True),
    ("Momentum", ("momentum_cosine",), "cosine of memory and gradient", False),
)
LAYERS = (
    ("saturated", "Saturation", "share of outputs near the ends", False),
    ("derivative", "Derivatives", "mean, 1 is the steepest", False),
    ("dead", "Dead units", "share of the units", False),
    ("gradient_to_weight", "Gradients", "over the weights' norm", True),
    ("effective_rank", "Effective rank", "directions in use", False),
    ("norm", "Norms of layers", "norm", True),
)
BANDS = {
    # shares of the samples, between two quantiles
    "Margins": {
        "90 % of the samples": ("margin_q05", "margin_q95"),
        "50 % of the samples": ("margin_q25", "margin_q75"),
    }
}
NAMES = {"margin": "least", "margin_median": "median"}
COLUMNS = 3


def monitor_pictures(run: MonitoredRun) -> Iterator[Picture]:
    """Draw what a monitor recorded: the model's quantities, and those of its layers."""
    records = run.records
    whole = [
        (title, {_words(name): _values(records, name) for name in names if name in records}, *rest)
        for title, names, *rest in WHOLE
    ]
    layers = [
        (title, _of_layers(records, quantity), label, log) for quantity, title, label, log in LAYERS
    ]
    words = (
        ("training", "The training", whole, "of the whole model"),
        ("layers", "Layer by layer", layers, "of each layer"),
    )
    for name, title, panels, what in words:
        drawn = [panel for panel in panels if _is_seen(panel[1])]
        if drawn:
            yield _picture(name, title, records, drawn, what)


@figures.style()
def _picture(name: str, title: str, records: pd.DataFrame, panels: list, what: str) -> Picture:
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = figures.canvas(0.8 + 3.2 * columns, 0.3 + 2.7 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, (heading, curves, label, log) in zip(axes, panels, strict=False):
        steps = records["step"].to_numpy()
        bands = {
            words: (_values(records, low), _values(records, high))
            for words, (low, high) in BANDS.get(heading, {}).items()
            if low in records
        }
        figures.step_curves(
            ax, steps, curves, ylabel=label, title=heading, logarithmic=log, bands=bands
        )
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    shown = ", ".join(heading.lower() for heading, *_ in panels)
    return Picture(
        name,
        title,
        f"Quantities {what} against steps, which are evenly spaced in log t: {shown}.",
        f"Panels against steps: {shown}.",
        figure,
    )


def _of_layers(records: pd.DataFrame, quantity: str) -> dict[str, np.ndarray]:
    start = f"{quantity}/"
    names = [str(name) for name in records.columns if str(name).startswith(start)]
    return {name.removeprefix(start): _values(records, name) for name in names}


def _words(name: str) -> str:
    return NAMES.get(name, name.replace("_", " "))


def _values(records: pd.DataFrame, name: str) -> np.ndarray:
    return records[name].to_numpy(dtype=float)


def _is_seen(curves: dict[str, np.ndarray]) -> bool:
    return any(np.isfinite(values[1:]).any() for values in curves.values())
