"""The picture of entropies: the figures in it are those of the distributions that it draws."""

import re

import numpy as np
import pytest
from scipy import stats

from marginflow.figures import canvas, distribution_entropy, style


def test_each_panel_shows_a_distribution_and_its_entropy():
    with style():
        figure = distribution_entropy(canvas(8.4, 4.6))
        figure.draw_without_rendering()
    for ax in figure.axes[:3]:
        y, density = ax.lines[0].get_data()
        scale = float(re.search(r"σ = ([\d.]+)", ax.get_title("left")).group(1))
        np.testing.assert_allclose(density, stats.norm.pdf(y, scale=scale), rtol=1e-12)
        assert bits(ax) == pytest.approx(
            float(stats.norm.entropy(scale=scale)) / np.log(2), abs=6e-3
        )
    for ax in figure.axes[3:]:
        heights = [bar.get_height() for bar in ax.patches]
        assert sum(heights) == pytest.approx(1)
        assert bits(ax) == pytest.approx(stats.entropy(heights, base=2), abs=6e-3)


def bits(ax) -> float:
    return float(ax.texts[0].get_text().split()[0])
