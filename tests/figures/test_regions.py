"""The regions of a linear classifier: against its own scores at points, and by their areas."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path

from marginflow.figures.regions import boundaries, decision_polygons

BOX = (-2.0, 3.0, -1.0, 4.0)


@st.composite
def classifiers(draw):
    """Weights and offsets of 2 to 5 classes, some of them equal or zero."""
    k = draw(st.integers(2, 5))
    numbers = st.integers(-6, 6).map(lambda i: i / 2)
    rows = st.lists(numbers, min_size=k, max_size=k)
    return np.array([draw(rows), draw(rows)]), np.array(draw(rows))


def area(polygon):
    x, y = polygon.T if len(polygon) else np.zeros((2, 1))
    return 0.5 * abs(x @ np.roll(y, 1) - y @ np.roll(x, 1))


@given(classifiers(), st.integers(0, 2**32 - 1))
def test_points_lie_in_the_region_of_their_best_class(classifier, seed):
    weights, offsets = classifier
    polygons = decision_polygons(weights, offsets, BOX)
    rng = np.random.default_rng(seed)
    points = rng.uniform((BOX[0], BOX[2]), (BOX[1], BOX[3]), size=(30, 2))
    scores = points @ weights + offsets
    best = scores.max(axis=1)
    for k, polygon in enumerate(polygons):
        inside = np.zeros(30, dtype=bool)
        if len(polygon) >= 3:
            inside = Path(np.vstack([polygon, polygon[:1]]), closed=True).contains_points(points)
        wins, loses = scores[:, k] == best, scores[:, k] < best - 1e-9
        alone = wins & (np.sum(scores > best[:, None] - 1e-9, axis=1) == 1)
        assert inside[alone].all()
        assert not inside[loses].any()


@given(classifiers())
def test_the_regions_of_distinct_scores_fill_the_box_once(classifier):
    weights, offsets = classifier
    distinct = len(np.unique(np.vstack([weights, offsets]), axis=1).T) == weights.shape[1]
    total = sum(area(polygon) for polygon in decision_polygons(weights, offsets, BOX))
    if distinct:
        np.testing.assert_allclose(total, 25.0, rtol=1e-9)
    else:
        assert total >= 25.0 - 1e-9


@given(classifiers())
def test_boundaries_are_where_the_two_best_scores_are_equal(classifier):
    weights, offsets = classifier
    for segment in boundaries(weights, offsets, BOX):
        for share in (0.0, 0.3, 0.5, 1.0):
            point = (1 - share) * segment[0] + share * segment[1]
            scores = np.sort(point @ weights + offsets)
            assert scores[-1] - scores[-2] <= 1e-7


def test_three_sectors_meet_in_three_boundaries():
    angle = 2 * np.pi * np.arange(3) / 3
    weights = np.array([np.cos(angle), np.sin(angle)])
    found = boundaries(weights, np.zeros(3), (-1.0, 1.0, -1.0, 1.0))
    assert len(found) == 3
    for segment in found:
        inner, outer = sorted(np.abs(segment).max(axis=1))
        assert inner <= 1e-12
        assert abs(outer - 1.0) <= 1e-12
