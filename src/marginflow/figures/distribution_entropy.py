"""Narrow and wide distributions with their entropies: what spread says about entropy, and when."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marginflow.figures.style import BLACK, BLUE, GRAY, VERMILION
from marginflow.likelihoods import Gaussian, entropy

SCALES = (0.5, 1.0, 2.0)
# Over five values each: the narrow ones agree with the rule, the last is widest and low.
TABLES = {
    "narrow": (0.0, 0.1, 0.8, 0.1, 0.0),
    "wide": (0.2, 0.2, 0.2, 0.2, 0.2),
    "two far atoms": (0.5, 0.0, 0.0, 0.0, 0.5),
}


def distribution_entropy(figure: Figure) -> Figure:
    """Draw Gaussians of growing scale, and distributions over five values, with their entropies.

    Within a family of a location and a scale, entropy is log σ and a constant: narrower is lower.
    Between families it is not so: two atoms far apart are the widest and have one bit.

    Args:
        figure: draws here; 8.4 × 4.6 inches suit it.

    Returns:
        The figure.
    """
    above, below = figure.subplots(2, 3, sharey="row")
    for ax, scale in zip(above, SCALES, strict=True):
        _density(ax, scale)
    for ax, (name, p) in zip(below, TABLES.items(), strict=True):
        _bars(ax, name, np.array(p))
    above[0].set_ylabel("density")
    below[0].set_ylabel("probability")
    return figure


def _density(ax: Axes, scale: float) -> None:
    family, y = Gaussian(scale=scale), np.linspace(-6, 6, 481)
    density = np.exp(-family.loss(np.zeros_like(y), y))
    bits = float(family.entropy(np.zeros(1))[0]) / np.log(2)
    ax.fill_between(y, density, color=BLUE, alpha=0.25, lw=0)
    ax.plot(y, density, color=BLUE, ls="-")
    ax.set_title(f"Gaussian, σ = {scale:g}")
    ax.set_ylim(0, 0.9)
    _note(ax, f"{bits:.2f} bits")


def _bars(ax: Axes, name: str, p: np.ndarray) -> None:
    values = np.arange(len(p)) - (len(p) - 1) / 2
    deviation = float(np.sqrt(np.sum(p * values**2)))
    color = VERMILION if name == "two far atoms" else GRAY
    ax.bar(values, p, width=0.6, color=color)
    ax.set_title(f"{name}, deviation {deviation:.2g}")
    ax.set_ylim(0, 0.9)
    ax.set_xticks(values)
    _note(ax, f"{float(entropy(p, unit='bits')):.2f} bits")


def _note(ax: Axes, words: str) -> None:
    ax.text(0.97, 0.93, words, transform=ax.transAxes, ha="right", va="top", color=BLACK)
