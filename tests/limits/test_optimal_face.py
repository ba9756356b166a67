"""The face of best weights: what is found lies in it, and nothing lies beyond."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

import marginflow as mf
from marginflow.limits.conic_ball import CONIC
from marginflow.limits.optimal_face import box_angle
from marginflow.norms import as_norm

SHARE = 1 - 1e-4


@pytest.fixture(scope="module")
def data():
    return mf.linear_teacher(0, n_samples=20, n_features=3, n_classes=3)


@pytest.mark.parametrize("name", CONIC)
def test_ends_have_the_share_of_the_best_margin(data, name):
    face = mf.optimal_face(data, name, share=SHARE, probes=3)
    best = mf.max_margin(data, name)
    maps = mf.MulticlassMargins(data)
    for weights in face.ends:
        assert as_norm(name)(weights) <= 1 + 1e-12
        assert maps.margins(weights).min() >= SHARE * best.margin_lower * (1 - 1e-12)
    assert face.extent_lower == pytest.approx(
        math.degrees(mf.direction_error(*face.ends).angle), rel=1e-9
    )
    assert 0 < face.extent_lower <= face.extent_upper
    assert face.unique is (None if best.weights_error_bound is None else True)


def test_box_of_the_max_norm_is_that_of_linear_programs(data):
    face = mf.optimal_face(data, "max", share=SHARE, probes=1)
    maps, best = mf.MulticlassMargins(data), mf.max_margin(data, "max")
    samples, columns = (axis.ravel() for axis in np.indices((data.n_samples, 2)))
    rows = maps.pair_rows(samples, columns)
    ends = []
    for place in range(rows.shape[1]):
        direction = np.zeros(rows.shape[1])
        direction[place] = 1.0
        found = [
            linprog(
                sign * direction,
                A_ub=-rows,
                b_ub=np.full(len(rows), -SHARE * best.margin),
                bounds=(-1, 1),
            )
            for sign in (1, -1)
        ]
        ends.append([found[0].fun, -found[1].fun])
    assert face.extent_upper == pytest.approx(box_angle(*np.array(ends).T), rel=1e-5)


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 2)), min_size=2, max_size=4),
    st.integers(0, 2**32 - 1),
)
def test_no_two_points_of_a_box_are_farther_apart_than_its_angle(sides, seed):
    low, width = np.array(sides).T
    points = low + width * np.random.default_rng(seed).integers(0, 2, (64, len(low)))
    points = points[np.linalg.norm(points, axis=1) > 1e-6]
    if len(points):
        units = points / np.linalg.norm(points, axis=1, keepdims=True)
        widest = math.degrees(math.acos(np.clip((units @ units.T).min(), -1, 1)))
        assert widest <= box_angle(low, low + width) + 1e-5


def test_free_coordinate_is_a_face_of_ninety_degrees():
    face = mf.optimal_face(([[1.0, 0.0], [-1.0, 0.0]], [1, 0]), "max")
    assert face.extent_lower == pytest.approx(90, rel=1e-6)
    assert face.extent_upper == pytest.approx(90, rel=1e-6)


def test_one_point_is_left_where_no_coordinate_is_free():
    data = ([[2.0, 1.0], [-2.0, -1.0]], [1, 0])
    for name in ("max", "l1"):
        assert mf.optimal_face(data, name, share=1 - 1e-7).extent_upper < 1e-3


def test_smaller_share_leaves_more_room(data):
    wide, narrow = (
        mf.optimal_face(data, "l1", share=share, probes=2, box=False).extent_lower
        for share in (0.9, 0.999)
    )
    assert wide > narrow > 0


@pytest.mark.parametrize("name", ["frobenius", "l3", "l1.5", "schatten3"])
def test_what_has_the_share_in_a_curved_norm_is_as_near_as_is_said(data, name):
    """Weights on the way from the best ones to random ones, as far as the share allows."""
    limit, maps, norm = mf.max_margin(data, name), mf.MulticlassMargins(data), as_norm(name)
    face = mf.optimal_face(data, share=SHARE, limit=limit)
    assert face.unique
    assert face.norm == name
    rng, found = np.random.default_rng(0), []
    for _ in range(20):
        away = rng.standard_normal(limit.weights.shape)
        for size in np.geomspace(1e-6, 1, 60):
            weights = limit.weights + size * away
            if maps.margins(weights).min() < SHARE * limit.margin_upper * norm(weights):
                break
            found.append(weights)
    angles = [math.degrees(mf.direction_error(each, limit.weights).angle) for each in found]
    assert 0 < max(angles) <= face.extent_upper / 2
    if name == "frobenius":
        # the least margin of unit weights is at most γ cos of their angle to the best
        assert face.extent_upper == pytest.approx(2 * math.degrees(math.acos(SHARE)), rel=1e-3)


@pytest.mark.parametrize("name", ["spectral", "nuclear", "class_l2", "class_l2_sum"])
def test_one_weight_vector_has_the_euclidean_optimum_in_norms_of_matrices(name):
    data = mf.load_dataset("breast_cancer")
    limit, plain = mf.max_margin(data, name), mf.max_margin(data)
    assert limit.norm == name
    np.testing.assert_array_equal(limit.weights, plain.weights)
    assert limit.weights_error_bound == plain.weights_error_bound
    assert mf.optimal_face(data, limit=limit).unique


def test_scale_of_the_features_changes_nothing(data):
    tiny = mf.Dataset(data.features * 2.0**-40, data.labels)
    faces = [mf.optimal_face(each, "l1", share=SHARE, probes=2) for each in (data, tiny)]
    assert faces[0].extent_lower == faces[1].extent_lower
    assert faces[0].extent_upper == faces[1].extent_upper


def test_what_does_not_fit_is_said(data):
    with pytest.raises(ValueError, match="share: expected a number between 0 and 1"):
        mf.optimal_face(data, share=1.0)
    with pytest.raises(ValueError, match="probes: expected at least 1"):
        mf.optimal_face(data, probes=0)
    with pytest.raises(ValueError, match="expected one in the norm 'l1', got 'frobenius'"):
        mf.optimal_face(data, "l1", limit=mf.max_margin(data))
    rng = np.random.default_rng(0)
    with pytest.raises(mf.NotSeparableError):
        mf.optimal_face((rng.standard_normal((30, 1)), rng.integers(0, 2, 30)))


@pytest.mark.parametrize("name", ["max", "l1"])
def test_badly_scaled_margins_leave_the_extents_in_order(name):
    """The best margin is a 500th of the features: what is kept is a share of that."""
    data = mf.load_dataset("breast_cancer")
    limit = mf.max_margin(data, name)
    face = mf.optimal_face(data, limit=limit, probes=2)
    assert 0 < face.extent_lower <= face.extent_upper
    rows = np.where(data.labels == 1, 1.0, -1.0)[:, None] * data.features
    for weights in face.ends:
        assert (rows @ weights).min() >= face.share * limit.margin_lower * (1 - 1e-10)
