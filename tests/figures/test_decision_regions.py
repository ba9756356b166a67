"""Pictures of classifiers in the plane: the data, the regions, the boundaries of the limit."""

import numpy as np
import pytest
from matplotlib.patches import Polygon

import marginflow as mf
from marginflow.figures import canvas, decision_panels, decision_regions, overview, style

THREE = mf.linear_teacher(42, n_samples=10, n_features=2)
WEIGHTS = np.array([[2.0, -1.0, -1.0], [1.0, -2.0, 1.0]])


@pytest.fixture
def ax():
    with style():
        yield canvas().subplots()


def fills(ax):
    return [patch.get_xy() for patch in ax.patches if isinstance(patch, Polygon)]


def test_every_sample_is_drawn_with_its_class(ax):
    rows = np.array([1, 1])
    drawn = decision_regions(ax, THREE, WEIGHTS, "title", reference=WEIGHTS, support=rows)
    assert drawn is ax
    for k in range(3):
        [line] = [line for line in ax.lines if line.get_label() == f"class {k}"]
        np.testing.assert_array_equal(line.get_xydata(), THREE.features[THREE.labels == k])
    assert "title" in [ax.get_title("left"), ax.get_title("center")]
    assert len(fills(ax)) == 3
    left, right = ax.get_xlim()
    bottom, top = ax.get_ylim()
    assert (THREE.features > [left, bottom]).all()
    assert (THREE.features < [right, top]).all()
    rings = [line for line in ax.lines if line.get_markerfacecolor() == "none"]
    np.testing.assert_array_equal(rings[0].get_xydata(), THREE.features[[1]])
    ax.figure.draw_without_rendering()


def test_binary_weights_are_the_difference_of_two_columns():
    data, weights = mf.soudry_toy(), np.array([1.0, 0.3])
    with style():
        first, second = canvas().subplots(1, 2)
    decision_regions(first, data, weights)
    decision_regions(second, data, np.column_stack([-weights / 2, weights / 2]))
    for one, other in zip(fills(first), fills(second), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    labels = [line.get_label() for line in first.lines]
    assert labels == ["class -1", "class 1"]


def test_a_constant_third_feature_is_an_intercept(ax):
    """x₁ > 1 by weights (1, 0, −1) with a constant of 1."""
    features = np.column_stack([[0.0, 2.0, 0.5], [0.0, 1.0, 2.0], np.ones(3)])
    decision_regions(ax, (features, [0, 1, 0]), np.array([1.0, 0.0, -1.0]))
    assert fills(ax)[1][:, 0].min() == pytest.approx(1.0, abs=1e-12)
    assert fills(ax)[0][:, 0].max() == pytest.approx(1.0, abs=1e-12)


def test_the_scale_of_weights_does_not_matter(ax):
    with style():
        other = canvas().subplots()
    decision_regions(ax, THREE, WEIGHTS, reference=WEIGHTS)
    decision_regions(other, THREE, 2.0**1000 * WEIGHTS, reference=2.0**-1000 * WEIGHTS)
    for one, same in zip(fills(ax), fills(other), strict=True):
        np.testing.assert_array_equal(one, same)
    assert len(ax.lines) == len(other.lines) == 6


@pytest.mark.parametrize(
    ("features", "weights", "words"),
    [
        (np.ones((4, 5)), np.ones((5, 2)), "expected two features"),
        (np.arange(12.0).reshape(4, 3), np.ones((3, 2)), "expected two features"),
        (np.ones((4, 2)), np.ones((2, 3)), r"weights of shape \(2, 2\) or \(2,\)"),
    ],
)
def test_what_is_not_in_the_plane_is_refused(ax, features, weights, words):
    with pytest.raises(ValueError, match=words):
        decision_regions(ax, (features, np.array([0, 1, 0, 1])), weights)


def test_panels_show_each_snapshot_under_its_title():
    with style():
        figure = canvas(9.0, 3.0)
        snapshots, rows = {"early": WEIGHTS, "late": -WEIGHTS}, np.array([0])
        panels = decision_panels(figure, THREE, snapshots, reference=WEIGHTS, support=rows)
    assert [ax.get_title("left") for ax in panels] == ["early", "late"]
    assert not np.allclose(fills(panels[0])[0][:3], fills(panels[1])[0][:3])
    [legend] = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["class 0", "class 1", "class 2", "max-margin boundaries", "support"]
    figure.draw_without_rendering()


def test_the_overview_marks_each_snapshot_on_the_curve():
    times = np.geomspace(1, 1e6, 20)
    marks = [(times[3], 1 / times[3]), (times[-1], 1e-6)]
    with style():
        figure = canvas(9.0, 7.0)
        axes = overview(
            figure,
            THREE,
            {"early": WEIGHTS, "late": -WEIGHTS},
            reference=WEIGHTS,
            log_time=times,
            error=1 / times,
            marks=marks,
            predicted=1.0,
        )
    *panels, curve = axes
    assert [ax.get_title("left")[0] for ax in panels] == ["A", "B"]
    assert [text.get_text() for text in curve.texts][-2:] == ["A", "B"]
    points = [tuple(line.get_xydata()[0]) for line in curve.lines if len(line.get_xdata()) == 1]
    assert points == marks
    figure.draw_without_rendering()
    with pytest.raises(ValueError, match="expected 2 marks"):
        overview(
            figure,
            THREE,
            {"early": WEIGHTS, "late": -WEIGHTS},
            reference=WEIGHTS,
            log_time=times,
            error=1 / times,
            marks=marks[:1],
        )
