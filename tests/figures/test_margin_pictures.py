"""Margin fractions along training, and the matrix optimizer × norm: what is drawn where."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from marginflow import figures

STEPS = np.array([0, 1, 10, 100])


@pytest.fixture
def ax():
    with figures.style():
        yield figures.canvas().subplots()


def test_a_curve_is_the_median_and_its_band_the_range_of_the_seeds(ax):
    values = np.array(
        [[np.nan, 0.1, 0.5, 0.9], [np.nan, 0.2, 0.6, 1.0], [np.nan, 0.6, 0.7, np.nan]]
    )
    figures.margin_fraction(ax, {"gd": STEPS}, {"gd": values}, "max norm")
    line, band = ax.lines[0], ax.collections[0].get_paths()[0].vertices
    np.testing.assert_array_equal(line.get_xdata(), [1, 10, 100])
    np.testing.assert_allclose(line.get_ydata(), [0.2, 0.6, 0.95])
    for step, low, high in ((1, 0.1, 0.6), (10, 0.5, 0.7), (100, 0.9, 1.0)):
        own = band[band[:, 0] == step, 1]
        np.testing.assert_allclose([own.min(), own.max()], [low, high])
    assert ax.get_title(loc="left") == "max norm"


def test_a_single_seed_has_no_band_and_no_values_no_curve(ax):
    nothing = np.full((1, 4), np.nan)
    figures.margin_fraction(
        ax, {"gd": STEPS, "adam": STEPS}, {"gd": np.linspace(0, 1, 4), "adam": nothing}
    )
    assert not ax.collections
    assert ax.get_legend_handles_labels()[1] == ["gd"]


def test_curves_beyond_the_last_color_differ_by_dash(ax):
    names = [str(i) for i in range(9)]
    figures.margin_fraction(ax, dict.fromkeys(names, STEPS), dict.fromkeys(names, np.ones(4)))
    looks = {(to_hex(line.get_color()), line.get_linestyle()) for line in ax.lines[:9]}
    assert len(looks) == 9


def test_the_matrix_shows_each_fraction_and_frames_the_largest_of_a_row(ax):
    values = np.array([[0.5, 0.9, np.nan], [0.12345, 0.1234, 0.1], [np.nan] * 3])
    figures.margin_matrix(ax, values, ["a", "b", "c"], ["x", "y", "z"])
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["0.500", "0.900", "none", "0.123", "0.123", "0.100", *["none"] * 3]
    frames = {
        tuple(np.round(patch.get_xy() + np.array([0.5, 0.5])).astype(int)) for patch in ax.patches
    }
    assert frames == {(1, 0), (0, 1), (1, 1)}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]


def test_shapes_that_do_not_fit_are_refused(ax):
    with pytest.raises(ValueError, match="one column for each of 4 steps"):
        figures.margin_fraction(ax, {"gd": STEPS}, {"gd": np.ones((2, 3))})
    with pytest.raises(ValueError, match="expected 2 × 1 fractions"):
        figures.margin_matrix(ax, np.ones((1, 2)), ["a", "b"], ["x"])
