"""Quantities against steps: what is drawn is what was recorded."""

import numpy as np
import pytest

from marginflow.figures import canvas, step_curves, style

STEPS = np.array([0, 1, 10, 100])


@style()
def drawn(**settings):
    curves = {"loss": np.array([5.0, 2.0, np.nan, 0.5])}
    return step_curves(canvas().subplots(), STEPS, curves, **settings)


def test_a_curve_has_the_steps_from_one_on_that_were_recorded():
    ax = drawn(logarithmic=True, level=1.0)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 2.0], [100, 0.5]])
    assert ax.get_yscale() == "log"
    assert ax.get_xlim() == (1, 100)


def test_bands_lie_between_their_edges_and_the_later_are_darker():
    low, high = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 4.0, np.nan, 7.0])
    ax = drawn(bands={"wide": (low, high), "narrow": (low, low + 1)})
    wide, narrow = ax.collections
    corners = wide.get_paths()[0].vertices
    assert {(x, y) for x, y in corners} == {(1, 1), (1, 4), (100, 3), (100, 7)}
    assert narrow.get_alpha() > wide.get_alpha()
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["wide", "narrow", "loss"]


def test_a_curve_of_another_length_is_refused():
    with pytest.raises(ValueError, match="'edge': expected one value for each of 4 steps"):
        drawn(bands={"edge": (STEPS[:2], STEPS)})
