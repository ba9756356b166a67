"""Degenerate supports: what is found, what is said, and which dual is chosen."""

import numpy as np
import pytest

import marginflow as mf

SQUARE = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])


def mirrored(points):
    """The points with label 1 and their negatives with label 0: each row twice."""
    points = np.asarray(points, dtype=float)
    return np.concatenate([points, -points]), np.repeat([1, 0], len(points))


def test_a_support_in_general_position_is_not_degenerate():
    limit = mf.max_margin((np.array([[1.0, 0.0], [0.0, 1.0], [-3.0, -2.0]]), [1, 1, 0]))
    assert not limit.degenerate
    assert limit.degeneracy == ""
    assert limit.support.tolist() == [[0, 0], [1, 0]]
    assert limit.support_rank == 2
    assert limit.next_margin == pytest.approx(5)


def test_mirrored_points_share_the_dual_and_are_proved():
    limit = mf.max_margin(mf.soudry_toy())
    assert limit.support.tolist() == [[0, 0], [1, 0], [2, 1], [3, 1]]
    assert limit.dual[:4] == pytest.approx([0.125] * 4)
    assert not limit.dual[4:].any()
    assert limit.support_rank == 2
    assert limit.active_set_proved
    assert limit.degenerate
    assert "2 of the 4 support pairs repeat the row of another" in limit.degeneracy
    assert "zero dual" not in limit.degeneracy


def test_a_sample_repeated_many_times_shares_its_dual():
    features = np.concatenate([np.tile([2.0, 0.0], (5, 1)), [[0.0, 1.0]]])
    limit = mf.max_margin((features, [1, 1, 1, 1, 1, 0]))
    assert limit.weights.tolist() == [0.5, -1.0]
    assert limit.dual.tolist() == [0.05] * 5 + [1.0]
    assert limit.support_rank == 2
    assert limit.active_set_proved


def test_points_on_an_edge_all_carry():
    features = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0], [1.0, -2.0], [-2.0, 0.5]])
    limit = mf.max_margin((features, [1, 1, 1, 1, 1, 0]))
    assert limit.weights == pytest.approx([1, 0])
    assert limit.support.tolist() == [[i, 0] for i in range(5)]
    assert limit.support_rank == 2
    assert limit.min_dual > 0.01
    assert limit.dual @ (features * [[1], [1], [1], [1], [1], [-1]]) == pytest.approx([1, 0])
    assert "5 distinct rows of the support have rank 2, so the dual is not unique" in (
        limit.degeneracy
    )
    assert "zero dual" not in limit.degeneracy
    assert limit.weights_error_bound <= 1e-12


def test_a_dual_positive_everywhere_is_found_where_the_shortest_one_is_not():
    # Σα = 1 and Σ α height = 0 over heights −1 and 10, 11, 12, ...: the shortest dual is negative
    # on the far ones
    heights = np.array([-1.0, *range(10, 20)])
    features = np.column_stack([np.ones(11), heights])
    rows = features / 1.0
    shortest = np.linalg.lstsq(rows.T, np.array([1.0, 0.0]), rcond=None)[0]
    assert shortest.min() < 0
    limit = mf.max_margin(mf.Dataset(features, np.ones(11, dtype=int), classes=[0, 1]))
    assert limit.weights == pytest.approx([1, 0], abs=1e-14)
    assert len(limit.support) == 11
    assert limit.dual.min() > 1e-3
    assert limit.dual @ features == pytest.approx([1, 0], abs=1e-13)


def test_a_point_that_only_touches_has_a_zero_dual():
    # (1, 1) has margin 1 at w = (1, 0), which (1, 0) alone determines
    features = np.array([[1.0, 0.0], [1.0, 1.0], [3.0, -1.0]])
    limit = mf.max_margin(mf.Dataset(features, [1, 1, 1], classes=[0, 1]))
    assert limit.weights.tolist() == [1.0, 0.0]
    assert limit.support.tolist() == [[0, 0], [1, 0]]
    assert limit.dual.tolist() == [1.0, 0.0, 0.0]
    assert limit.min_dual == 0
    assert limit.degenerate
    assert "1 of the 2 pairs at margin 1 have a zero dual" in limit.degeneracy
    assert limit.next_margin == 3


def test_a_square_is_symmetric_in_its_dual():
    limit = mf.max_margin(mf.MulticlassMargins((SQUARE, [0, 1, 2, 3])))
    pairs = limit.dual[limit.support[:, 0], limit.support[:, 1]]
    assert limit.degenerate
    assert pairs.min() > 0
    # the four corners are alike
    assert limit.dual.sum(axis=1) == pytest.approx(np.full(4, limit.dual.sum() / 4))
    assert limit.weights == pytest.approx(0.5 * SQUARE.T * limit.weights[0, 0] / 0.5)


def test_every_pair_may_support():
    limit = mf.max_margin(mirrored([[1.0, 0.0], [0.0, 1.0]]))
    assert len(limit.support) == 4
    assert limit.next_margin == np.inf


def test_thousands_of_copies_are_taken_in_their_stride():
    rng = np.random.default_rng(0)
    features = rng.integers(0, 2, (20_000, 6)).astype(float) * 2 - 1
    labels = (features[:, 0] > 0).astype(int)
    limit = mf.max_margin((features, labels))
    assert limit.weights == pytest.approx([1, 0, 0, 0, 0, 0], abs=1e-12)
    assert len(limit.support) == 20_000
    assert limit.degenerate
    assert limit.relative_gap <= 1e-12
