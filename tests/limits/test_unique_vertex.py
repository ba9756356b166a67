"""Weights are called unique in the max-norm and the 1-norm where linear programs say so too."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import marginflow as mf
from marginflow.limits import certify_norm_margin
from marginflow.limits.vertex import vertex_beside
from marginflow.norms import as_norm

PRECISE = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


def rows_of(data: mf.Dataset) -> np.ndarray:
    """The rows of all margins, by a plain loop."""
    if data.n_classes == 2:
        return np.where(data.labels == 1, 1.0, -1.0)[:, None] * data.features
    rows = []
    for x, label in zip(data.features, data.labels, strict=True):
        for k in range(data.n_classes):
            if k != label:
                row = np.zeros((len(x), data.n_classes))
                row[:, label], row[:, k] = x, -x
                rows.append(row.ravel())
    return np.array(rows)


def widths_of_the_optimal_face(rows: np.ndarray, norm: str, least: float) -> np.ndarray:
    """How far each coordinate of weights W with A W ≥ 1 and ‖W‖ ≤ least can be moved."""
    size = rows.shape[1]
    if norm == "max":
        matrix, right, bounds = -rows, -np.ones(len(rows)), [(-least, least)] * size
    else:
        matrix = np.vstack([np.hstack([-rows, rows]), np.ones((1, 2 * size))])
        right = np.append(-np.ones(len(rows)), least)
        bounds = [(0, None)] * (2 * size)
    ends = []
    for sign in (1.0, -1.0):
        found = []
        for place in range(size):
            along = np.zeros(size)
            along[place] = sign
            cost = along if norm == "max" else np.append(along, -along)
            solved = linprog(cost, matrix, right, bounds=bounds, options=PRECISE)
            assert solved.status == 0
            found.append(sign * solved.fun)
        ends.append(found)
    return np.array(ends[1]) - np.array(ends[0])


@pytest.mark.parametrize("norm", ["max", "l1"])
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.sampled_from([(8, 3, 2), (6, 8, 2), (9, 3, 3), (12, 2, 4)]),
    copies=st.booleans(),
)
def test_no_coordinate_of_an_optimum_called_unique_can_be_moved(norm, seed, sizes, copies):
    n, d, n_classes = sizes
    try:
        data = mf.linear_teacher(seed, n_samples=n, n_features=d, n_classes=n_classes)
    except mf.DataError:  # one class has all samples
        reject()
    if copies:
        order = np.append(np.arange(data.n_samples), [0, 1, 1])
        data = mf.Dataset(data.features[order], data.labels[order])
    limit = mf.max_margin(data, norm)
    if limit.weights_error_bound is None:
        return
    length = float(as_norm(norm)(limit.weights))
    slack = 1e-9  # room for the tolerance of the programs
    widths = widths_of_the_optimal_face(rows_of(data), norm, length * (1 + slack))
    wider = widths_of_the_optimal_face(rows_of(data), norm, length * (1 + 2 * slack))
    # a face has a width that stays; a vertex one that grows with the slack
    assert np.all(widths <= 0.75 * wider + 1e-7 * length)
    assert widths.max() <= 1e-3 * length + 2 * limit.weights_error_bound


@pytest.mark.parametrize(
    ("data", "norm", "unique"),
    [
        (mf.linear_teacher(0, n_samples=30, n_features=5, n_classes=2), "max", True),
        (mf.linear_teacher(0, n_samples=30, n_features=5, n_classes=2), "l1", True),
        (mf.linear_teacher(0, n_samples=30, n_features=5, n_classes=3), "l1", True),
        (mf.random_labels(0, n_samples=10, n_features=20, n_classes=2), "max", True),
        # a vector for all classes can be added to the weights, which changes no margin
        (mf.linear_teacher(0, n_samples=30, n_features=5, n_classes=3), "max", False),
        # the second feature is free
        (mf.Dataset([[1.0, 0.0], [-1.0, 0.0]], [1, 0]), "max", False),
        # w1 + w2 = 1 is a whole edge of the 1-norm's ball
        (mf.Dataset([[1.0, 1.0], [-1.0, -1.0]], [1, 0]), "l1", False),
        (mf.Dataset([[1.0, 1.0], [-1.0, -1.0]], [1, 0]), "max", True),
    ],
)
def test_known_faces_and_known_vertices_are_told_apart(data, norm, unique):
    limit = mf.max_margin(data, norm)
    assert (limit.weights_error_bound is not None) == unique
    widths = widths_of_the_optimal_face(
        rows_of(data), norm, float(as_norm(norm)(limit.weights)) * (1 + 1e-9)
    )
    assert (widths.max() < 1e-3) == unique
    assert mf.optimal_face(data, limit=limit).unique is (True if unique else None)


@pytest.mark.parametrize("norm", ["max", "l1"])
def test_the_bound_holds_for_worse_answers_and_grows_with_them(norm):
    """Against the vertex, whose own bound is of rounding."""
    data = mf.linear_teacher(3, n_samples=20, n_features=4, n_classes=2)
    limit = mf.max_margin(data, norm)
    rows, best = rows_of(data), limit.weights
    rng, proved = np.random.default_rng(0), []
    for size in np.geomspace(1e-12, 1e-2, 12):
        away = best + size * rng.standard_normal(best.shape)
        dual = np.maximum(limit.dual * (1 + size * rng.standard_normal(limit.dual.shape)), 0.0)
        proof = certify_norm_margin(data, norm, away, dual)
        if proof.weights_error_bound is None:
            continue
        proved.append(proof.weights_error_bound)
        exact = np.linalg.norm(away - best)
        assert exact <= proof.weights_error_bound + limit.weights_error_bound
    assert len(proved) >= 4
    assert proved[-1] > proved[0]
    # with a dual that says nothing, nothing is proved
    assert certify_norm_margin(data, norm, best, np.ones(20)).weights_error_bound is None
    assert (rows @ best).min() >= 1 - 1e-12


@pytest.mark.parametrize("norm", ["max", "l1"])
def test_units_change_the_proof_by_powers_of_two_only(norm):
    data = mf.linear_teacher(3, n_samples=20, n_features=4, n_classes=2)
    tiny = mf.Dataset(data.features * 2.0**-30, data.labels)
    limit, other = mf.max_margin(data, norm), mf.max_margin(tiny, norm)
    assert other.weights_error_bound == math.ldexp(limit.weights_error_bound, 30)


@pytest.mark.parametrize("norm", ["max", "l1"])
def test_at_a_vertex_the_gap_is_one_of_rounding(norm):
    """The interior point alone ends at 1e-9 or so."""
    limit = mf.max_margin(mf.random_labels(0, n_samples=10, n_features=20, n_classes=2), norm)
    assert limit.relative_gap <= 1e-12


def test_systems_that_are_not_square_suggest_nothing():
    rows = np.array([[1.0, 0.0], [1.0, 0.0]])
    norm = as_norm("max")
    assert vertex_beside(norm, rows[:1], np.array([1.0, 0.0]), np.ones(1)) is None
    assert vertex_beside(as_norm("l1"), rows, np.array([1.0, 0.0]), np.ones(2)) is None


def test_the_unique_weights_are_said_to_be_so():
    data = mf.linear_teacher(0, n_samples=30, n_features=5, n_classes=2)
    limit = mf.max_margin(data, "max")
    forgotten = dataclasses.replace(limit, weights_error_bound=None)
    assert mf.optimal_face(data, limit=forgotten).unique is None
    assert mf.optimal_face(data, limit=limit).unique
