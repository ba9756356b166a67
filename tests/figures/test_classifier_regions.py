"""Regions of classifiers of two features: where the model says what, and what is drawn from it."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.path import Path
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

import marginflow as mf
from marginflow.figures import canvas, classifier_regions, style
from marginflow.figures.classifier_regions import PIXELS
from marginflow.figures.style import COLORS

DATA = mf.gaussian_clusters(3, n_samples=90, n_features=2, n_classes=3, separation=3.0)


@pytest.fixture
def ax():
    with style():
        yield canvas().subplots()


def filled(ax, k: int) -> list[Path]:
    return [
        path
        for found in ax.collections
        if len(found.get_facecolor())
        and np.allclose(found.get_facecolor()[0][:3], to_rgb(COLORS[k]))
        for path in found.get_paths()
    ]


@pytest.mark.parametrize("make", [GaussianNB, LinearSVC])
def test_regions_are_where_the_model_says_so(ax, make):
    model = make().fit(DATA.features, DATA.labels)
    assert classifier_regions(ax, model, DATA, "title") is ax
    rng = np.random.default_rng(0)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    points = np.column_stack([rng.uniform(left, right, 400), rng.uniform(bottom, top, 400)])
    said = model.predict(points)
    # two pixels from a boundary, and there is no doubt
    reach = 2 * max(right - left, top - bottom) / (PIXELS - 1)
    ring = reach * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    clear = np.all([model.predict(points + move) == said for move in ring], axis=0)
    assert clear.mean() > 0.7
    for k in range(3):
        inside = np.any([path.contains_points(points) for path in filled(ax, k)], axis=0)
        np.testing.assert_array_equal(inside[clear], said[clear] == k)
    assert "title" in [ax.get_title("left"), ax.get_title("center")]


def test_samples_and_drawn_ones_are_there_by_class(ax):
    model = GaussianNB().fit(DATA.features, DATA.labels)
    features, labels = mf.draw_samples(model, 50, seed=1)
    classifier_regions(ax, model, DATA, drawn=(features, labels))
    solid, hollow = ax.lines[:3], ax.lines[3:]
    assert len(hollow) == 3
    for k in range(3):
        np.testing.assert_array_equal(solid[k].get_xydata(), DATA.features[DATA.labels == k])
        np.testing.assert_array_equal(hollow[k].get_xydata(), features[labels == k])
        assert hollow[k].get_markerfacecolor() == "none"
        assert solid[k].get_marker() == hollow[k].get_marker()
    assert ax.get_legend_handles_labels()[1].count("drawn from the model") == 1


def test_what_is_not_in_the_plane_or_of_other_classes_is_refused(ax):
    three = mf.gaussian_clusters(0, n_samples=30, n_features=3, n_classes=2)
    with pytest.raises(ValueError, match="two features, got 3"):
        classifier_regions(ax, GaussianNB().fit(three.features, three.labels), three)
    two = GaussianNB().fit(DATA.features, DATA.labels > 0)
    with pytest.raises(ValueError, match="3 classes, got one of 2"):
        classifier_regions(ax, two, DATA)
