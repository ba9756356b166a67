"""Curves against log t: the data that they are given, and lines that are what they say."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from marginflow.figures import (
    canvas,
    direction_error,
    loss_times_t,
    margin_gap,
    residual,
    residual_margins,
    style,
)

TIMES = np.geomspace(1.0, 1e6, 30)
SERIES = {"one": 0.3 / TIMES, "two": 2.0 / TIMES}
CURVES = [direction_error, margin_gap, residual, loss_times_t]


@pytest.fixture
def ax():
    with style():
        yield canvas().subplots()


def lines(ax, name):
    """Abscissae and ordinates of the lines with a label."""
    return [line.get_data() for line in ax.lines if line.get_label() == name]


@pytest.mark.parametrize("draw", CURVES)
def test_each_curve_is_the_data(ax, draw):
    assert draw(ax, TIMES, SERIES) is ax
    for name, values in SERIES.items():
        [(x, y)] = lines(ax, name)
        np.testing.assert_array_equal(x, TIMES)
        np.testing.assert_array_equal(y, values)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names[:2] == list(SERIES)
    assert ax.get_xscale() == "log"
    assert ax.get_xlim()[0] == 1.0
    assert ax.get_xlim()[1] >= 1e6
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize("draw", CURVES)
def test_curves_may_have_times_of_their_own(ax, draw):
    other = np.geomspace(2.0, 50.0, 7)
    draw(ax, {"one": TIMES, "short": other}, {"one": SERIES["one"], "short": 1 / other})
    np.testing.assert_array_equal(lines(ax, "short")[0][0], other)
    assert ax.get_xlim()[1] >= 1e6


@pytest.mark.parametrize("draw", CURVES)
def test_what_no_logarithm_shows_is_left_out(ax, draw):
    times = np.array([-np.inf, 0.0, 0.5, 1.0, 10.0, 100.0, 1000.0])
    values = np.array([1.0, 1.0, 1.0, np.nan, 0.5, 0.25, 0.125])
    draw(ax, times, {"one": values})
    [(x, y)] = lines(ax, "one")
    np.testing.assert_array_equal(x, [10.0, 100.0, 1000.0])
    np.testing.assert_array_equal(y, [0.5, 0.25, 0.125])
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize("draw", CURVES)
def test_nothing_to_draw_is_an_empty_picture(ax, draw):
    draw(ax, [], [])
    ax.figure.draw_without_rendering()
    assert ax.get_legend() is None or not ax.get_legend().get_texts()


@pytest.mark.parametrize("draw", CURVES)
def test_a_curve_of_another_length_is_refused_by_name(ax, draw):
    with pytest.raises(ValueError, match=r"curve 'two'.*one value for each log time"):
        draw(ax, TIMES, {"one": SERIES["one"], "two": np.ones(3)})


@pytest.mark.parametrize("draw", [direction_error, margin_gap])
def test_the_guide_has_slope_minus_one_and_stays_clear(ax, draw):
    draw(ax, TIMES, SERIES)
    [(x, y)] = lines(ax, "_slope −1")
    assert np.log(y[1] / y[0]) / np.log(x[1] / x[0]) == pytest.approx(-1.0, rel=1e-12)
    assert y[-1] > max(values[-1] for values in SERIES.values())
    assert [text.get_text() for text in ax.texts].count("slope −1") == 1


@pytest.mark.parametrize("draw", [direction_error, margin_gap])
def test_the_guide_can_be_left_out(ax, draw):
    draw(ax, TIMES, SERIES, reference_slope=False)
    assert lines(ax, "_slope −1") == []


@pytest.mark.parametrize("draw", [direction_error, margin_gap])
def test_predicted_lines_are_constant_over_log_time(ax, draw):
    draw(ax, TIMES, SERIES, predicted={"two": 2.0})
    [(x, y)] = lines(ax, "_predicted")
    np.testing.assert_allclose(x * y, 2.0, rtol=1e-15)
    assert any("predicted" in text.get_text() for text in ax.get_legend().get_texts())


def test_a_constant_that_vanishes_has_no_predicted_line(ax):
    direction_error(ax, TIMES, np.exp(-TIMES), predicted=0.0)
    assert lines(ax, "_predicted") == []
    assert ax.get_ylim()[0] >= 1e-16  # what is below is rounding
    ax.figure.draw_without_rendering()


def test_the_residual_decays_beside_its_guide(ax):
    times = np.geomspace(1.0, 200.0, 50)
    residual(ax, times, {"toy": 3 * np.exp(-0.2 * times)}, decay={"toy": 0.2}, uncertainty=1e-12)
    [(x, y)] = lines(ax, "_decay")
    np.testing.assert_allclose(np.log(y), np.log(3) - 0.2 * x, atol=1e-9)
    [(_, level)] = lines(ax, "rounding")
    assert set(level) == {1e-12}


def test_each_support_margin_lands_on_its_line(ax):
    limits = np.array([-1.0, 2.0, np.inf])
    margins = np.array([-1.0, 2.0, 5.0]) + np.exp(-TIMES)[:, None]
    residual_margins(ax, TIMES, margins, limits, names=("a", "b", "c"))
    for j, name in enumerate("abc"):
        np.testing.assert_array_equal(lines(ax, name)[0][1], margins[:, j])
    assert [set(y) for _, y in lines(ax, "_limit")] == [{-1.0}, {2.0}]
    ax.figure.draw_without_rendering()


def test_support_margins_need_a_limit_each(ax):
    with pytest.raises(ValueError, match="p limits"):
        residual_margins(ax, TIMES, np.ones((30, 2)), [1.0])


@pytest.mark.parametrize("limit", [1.5, {"one": 1.5, "two": 2.5}])
def test_the_loss_has_its_limits_dashed(ax, limit):
    loss_times_t(ax, TIMES, SERIES, limit=limit)
    wanted = [1.5] if isinstance(limit, float) else [1.5, 2.5]
    assert [set(y) for _, y in lines(ax, "_limit")] == [{value} for value in wanted]


def test_many_names_stand_beside_the_axes(ax):
    direction_error(ax, TIMES, {f"seed {i}": (i + 1) / TIMES for i in range(12)})
    ax.figure.draw_without_rendering()
    assert ax.get_legend().get_window_extent().x0 >= ax.get_window_extent().x1
    drawn = [(line.get_color(), line.get_linestyle()) for line in ax.lines[:12]]
    assert len(set(drawn)) == 12


def test_short_times_shade_no_reach(ax):
    direction_error(ax, TIMES[:5], TIMES[:5])
    assert not any("in reach" in text.get_text() for text in ax.texts)
    direction_error(Figure().subplots(), TIMES, 1 / TIMES)


def test_a_users_own_axes_serve_without_the_style():
    ax = direction_error(Figure().subplots(), TIMES, SERIES)
    np.testing.assert_array_equal(lines(ax, "one")[0][1], SERIES["one"])
