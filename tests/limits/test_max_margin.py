"""`max_margin` solves the problem, whatever the data's size, scale or shape."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.svm import SVC
from tests.limits.oracles import (
    combination,
    conic_solution,
    distance,
    exact_max_margin,
    exact_rows,
    float_row,
    fractions,
    inner,
    refined_solution,
    root,
    tight_solution,
)
from tests.limits.problems import barely_separable, teacher_problem, tiny_problems

import marginflow as mf


def dual_of_support(limit):
    samples, others = limit.support.T
    return limit.dual[samples] if limit.dual.ndim == 1 else limit.dual[samples, others]


def support_rows(features, labels, n_classes, limit):
    return np.stack([float_row(features, labels, n_classes, pair) for pair in limit.support])


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "digits"])
def test_real_data_are_solved_to_rounding_and_the_figures_hold_outside(name):
    data = mf.load_dataset(name)
    limit = mf.max_margin(data)
    size = np.linalg.norm(limit.weights)
    assert limit.relative_gap <= 1e-12
    assert limit.weights_error_bound <= 1e-6 * size
    assert limit.active_set_proved
    assert not limit.degenerate

    rows = support_rows(data.features, data.labels, data.n_classes, limit)
    exact = [fractions(row) for row in rows]
    weights, dual = fractions(limit.weights), fractions(dual_of_support(limit))
    # the exact solution of the support, which is that of the problem: its dual is positive and all
    # other margins exceed 1
    solution, multipliers = refined_solution(rows)
    assert max(abs(1 - inner(row, solution)) for row in exact) <= Fraction(1, 10**25)
    assert min(multipliers) > 0
    margins = all_margins(
        data, np.reshape([float(value) for value in solution], limit.weights.shape)
    )
    margins[limit.support[:, 0], limit.support[:, 1]] = np.inf
    assert margins.min() == pytest.approx(limit.next_margin, rel=1e-9)
    assert limit.next_margin > 1 + 1e-9
    # the bounds hold for it, and are not far off
    assert distance(weights, solution) <= limit.weights_error_bound <= 1e-12 * size
    assert limit.margin_lower <= 1 / root(inner(solution, solution)) <= limit.margin_upper
    assert limit.margin == pytest.approx(1 / size, rel=1e-15)
    # the relative gap, term by term, in exact arithmetic
    least = min(inner(row, weights) for row in exact)
    feasible = [value / least for value in weights]
    image = combination(dual, exact)
    rest = [a - b for a, b in zip(feasible, image, strict=True)]
    above = [inner(row, feasible) - 1 for row in exact]
    gap = (inner(rest, rest) + 2 * inner(dual, above)) / inner(feasible, feasible)
    assert float(gap) <= limit.relative_gap


def all_margins(data, weights):
    """u_ik over all classes, infinite at the own class, with the labels' scores apart."""
    if weights.ndim == 1:
        weights = np.stack([-weights / 2, weights / 2], axis=1)
    scores = data.features @ weights
    own = np.arange(data.n_samples), data.labels
    margins = scores[own][:, None] - scores
    margins[own] = np.inf
    return margins


@settings(max_examples=80)
@given(tiny_problems())
def test_tiny_problems_agree_with_every_support_tried(problem):
    features, labels, n_classes = problem
    solution = exact_max_margin(exact_rows(features, labels, n_classes))
    limit = mf.max_margin(mf.Dataset(features, labels, classes=range(n_classes)), throw=False)
    if solution is None:
        assert limit.status != "done"
        assert limit.margin == 0
        return
    assert limit.status == "done"
    assert distance(fractions(limit.weights), solution) <= 1e-12 * root(inner(solution, solution))
    assert limit.next_margin > 1
    tight = inner_margins(problem, solution)
    assert {tuple(pair) for pair in limit.support.tolist()} >= tight
    if limit.active_set_proved:
        assert {tuple(pair) for pair in limit.support.tolist()} == tight


def inner_margins(problem, solution):
    """The pairs with margin exactly 1."""
    features, labels, n_classes = problem
    rows = exact_rows(features, labels, n_classes)
    pairs = [(i, k) for i, y in enumerate(labels) for k in range(n_classes) if k != y]
    return {pair for pair, row in zip(pairs, rows, strict=True) if inner(row, solution) == 1}


@pytest.mark.parametrize(
    ("seed", "n_samples", "n_features", "n_classes"),
    [(0, 60, 4, 3), (1, 40, 60, 4), (2, 100, 3, 2), (3, 25, 2, 5), (4, 200, 12, 3), (5, 30, 40, 2)],
)
def test_weights_agree_with_a_conic_solver(seed, n_samples, n_features, n_classes):
    features, labels = teacher_problem(seed, n_samples, n_features, n_classes)
    limit = mf.max_margin((features, labels))
    expected = conic_solution(features, labels, n_classes)
    assert np.linalg.norm(limit.weights - expected) <= 1e-4 * np.linalg.norm(expected)
    objective = np.linalg.norm(expected)
    assert np.linalg.norm(limit.weights) == pytest.approx(objective, rel=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_the_binary_problem_agrees_with_a_hard_svm(seed):
    features, labels = teacher_problem(seed, 40, 5, 2)
    # mirrored data have a hard SVM without intercept
    mirrored = np.concatenate([features, -features])
    svm = SVC(C=1e10, kernel="linear", tol=1e-10).fit(mirrored, np.append(labels, 1 - labels))
    limit = mf.max_margin((features, labels))
    assert limit.weights == pytest.approx(svm.coef_[0], rel=1e-5)
    # a pair and its mirror share the dual in the SVM
    theirs = np.zeros(80)
    theirs[svm.support_] = np.abs(svm.dual_coef_[0])
    assert limit.dual == pytest.approx(theirs[:40] + theirs[40:], rel=1e-4, abs=1e-6)


def test_two_classes_have_one_weight_vector_or_two():
    features, labels = teacher_problem(7, 50, 6, 2)
    one = mf.max_margin((features, labels))
    two = mf.max_margin(mf.MulticlassMargins((features, labels)))
    assert two.weights == pytest.approx(np.stack([-one.weights / 2, one.weights / 2], axis=1))
    assert two.margin == pytest.approx(np.sqrt(2) * one.margin)
    assert np.array_equal(two.support[:, 0], one.support[:, 0])
    assert np.array_equal(two.support, one.support)
    assert two.active_set_proved
    assert one.active_set_proved


@pytest.mark.parametrize("power", [-500, -7, 3, 450])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_powers_of_two_change_no_digit(power, n_classes):
    features, labels = teacher_problem(3, 60, 5, n_classes)
    limit = mf.max_margin((features, labels))
    moved = mf.max_margin((np.ldexp(features, power), labels))
    assert np.array_equal(np.ldexp(moved.weights, power), limit.weights)
    assert np.array_equal(np.ldexp(moved.dual, 2 * power), limit.dual)
    assert np.array_equal(moved.support, limit.support)
    assert moved.margin == np.ldexp(limit.margin, power)
    assert moved.margin_lower == np.ldexp(limit.margin_lower, power)
    assert moved.relative_gap == limit.relative_gap
    assert moved.weights_error_bound == np.ldexp(limit.weights_error_bound, -power)
    assert moved.min_dual == np.ldexp(limit.min_dual, -2 * power)
    assert moved.next_margin == limit.next_margin


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1e30, 1e150])
def test_any_scale_is_solved(scale):
    features, labels = teacher_problem(4, 60, 5, 3)
    limit = mf.max_margin((features, labels))
    moved = mf.max_margin((scale * features, labels))
    assert moved.active_set_proved
    assert moved.weights * scale == pytest.approx(limit.weights, rel=1e-10)
    assert moved.margin == pytest.approx(scale * limit.margin, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_a_scale_whose_dual_has_no_float_is_refused_with_a_way_out(scale):
    features, labels = teacher_problem(4, 20, 3, 2)
    with pytest.raises(ValueError, match="power of two"):
        mf.max_margin((scale * features, labels))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_orders_of_samples_features_and_classes_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    features, labels = teacher_problem(int(rng.integers(1000)), 40, 4, 3)
    limit = mf.max_margin((features, labels))
    samples, columns, classes = (rng.permutation(size) for size in (len(labels), 4, 3))
    moved = mf.max_margin((features[samples][:, columns], classes[labels][samples]))
    inverse = np.argsort(classes)
    assert moved.weights[:, classes] == pytest.approx(limit.weights[columns], rel=1e-9, abs=1e-12)
    pairs = {(int(samples[i]), int(inverse[k])) for i, k in moved.support}
    assert pairs == {(int(i), int(k)) for i, k in limit.support}


def test_a_rotation_of_the_features_rotates_the_weights():
    features, labels = teacher_problem(11, 80, 6, 4)
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    limit, turned = mf.max_margin((features, labels)), mf.max_margin((features @ rotation, labels))
    assert turned.weights == pytest.approx(rotation.T @ limit.weights, rel=1e-9, abs=1e-11)


def test_the_support_alone_has_the_same_solution():
    data = mf.gaussian_clusters(0, n_samples=20_000, n_features=20, n_classes=5)
    limit = mf.max_margin(data)
    assert limit.active_set_proved
    kept = np.unique(limit.support[:, 0])
    assert len(kept) < 100
    few = mf.Dataset(data.features[kept], data.labels[kept], classes=range(5))
    assert mf.max_margin(few).weights == pytest.approx(limit.weights, rel=1e-12, abs=1e-14)
    margins = all_margins(data, limit.weights)
    assert margins.min() >= 1 - 1e-12


def test_the_dual_is_what_it_should_be():
    features, labels = teacher_problem(8, 60, 5, 4)
    limit = mf.max_margin((features, labels))
    assert np.all(limit.dual >= 0)
    assert not limit.dual[np.arange(len(labels)), labels].any()
    image = dual_of_support(limit) @ support_rows(features, labels, 4, limit)
    assert image == pytest.approx(limit.weights.ravel(), rel=1e-12, abs=1e-13)
    assert limit.dual.sum() == pytest.approx(np.linalg.norm(limit.weights) ** 2, rel=1e-12)
    assert limit.min_dual == dual_of_support(limit).min() > 0
    order = np.lexsort(limit.support.T[::-1])
    assert np.array_equal(order, np.arange(len(order)))


@pytest.mark.parametrize(
    ("features", "labels", "weights"),
    [
        ([[1.0], [-2.0]], [1, 0], [1.0]),
        ([[3.0], [-0.5]], [1, 0], [2.0]),
        ([[1.0, 0.0], [0.0, 1.0]], [1, 0], [1.0, -1.0]),
        ([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0625]], [1, 1], None),
        ([[1.0, 1e-6], [-1.0, 1e-6], [0.0, -1.0]], [1, 1, 0], [0.0, 1e6]),
        ([[1.0, 2.0**-40], [-1.0, 2.0**-40], [0.0, -1.0]], [1, 1, 0], [0.0, 2.0**40]),
    ],
)
def test_problems_solved_by_hand(features, labels, weights):
    data = mf.Dataset(features, labels, classes=[0, 1])
    limit = mf.max_margin(data)
    expected = [0.5, 0.0, 16.0] if weights is None else weights
    assert limit.weights == pytest.approx(expected, rel=1e-15, abs=1e-15 * np.max(np.abs(expected)))
    assert limit.active_set_proved


def awkward_shapes():
    """Data of unusual shape, all separable."""
    rng = np.random.default_rng(0)
    line = np.concatenate([np.linspace(-2, -1, 9), [1.5]])[:, None]
    yield "one feature", np.column_stack([line]), np.repeat([0, 1], [9, 1]), None
    angles = 2 * np.pi * np.arange(10) / 10
    corners = np.column_stack([np.cos(angles), np.sin(angles)])
    uneven = corners * rng.uniform(0.9, 1.1, (10, 1))
    yield "ten classes of one sample each", uneven, np.arange(10), None
    ring = np.repeat(corners, 30, axis=0) * rng.uniform(0.9, 1.1, (300, 1))
    labels = np.repeat(np.arange(10), 30)
    keep = (labels != 7) | (np.arange(300) == 215)
    yield "a class of one sample among ten", ring[keep], labels[keep], None
    yield "more features than samples", rng.standard_normal((12, 300)), np.arange(12) % 3, None
    yield "two samples", rng.standard_normal((2, 5)), np.array([0, 1]), None
    base, base_labels = teacher_problem(2, 40, 3, 3)
    mixed = base @ rng.standard_normal((3, 6))
    yield "collinear features", mixed, base_labels, None
    yield "zero features", np.column_stack([base, np.zeros((len(base), 2))]), base_labels, None
    yield "doubled samples", np.repeat(base, 3, axis=0), np.repeat(base_labels, 3), None
    yield "a class without samples", base, base_labels, 5
    yield "features of sizes 1e-8 to 1", base * [1e-8, 1e-4, 1.0], base_labels, None


@pytest.mark.parametrize("case", list(awkward_shapes()), ids=lambda case: case[0])
def test_awkward_shapes_are_solved_and_proved(case):
    _, features, labels, n_classes = case
    classes = None if n_classes is None else range(n_classes)
    data = mf.Dataset(features, labels, classes=classes)
    limit = mf.max_margin(data)
    size = np.linalg.norm(limit.weights)
    assert limit.active_set_proved
    assert limit.weights_error_bound <= 1e-10 * size
    assert all_margins(data, limit.weights).min() >= 1 - 1e-9
    rows = support_rows(data.features, data.labels, data.n_classes, limit)
    dual = dual_of_support(limit)
    rounding = 1e-14 * float((dual @ np.abs(rows)).max())
    assert dual @ rows == pytest.approx(limit.weights.ravel(), rel=1e-12, abs=rounding)
    assert limit.support_rank == np.linalg.matrix_rank(rows / np.linalg.norm(rows, axis=1)[:, None])


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("shape", [(60, 3, 2), (80, 4, 3), (200, 8, 4)])
def test_barely_separable_data_are_solved_to_the_last_digits(gap, shape):
    features, labels = barely_separable(1, *shape, gap)
    n_classes = shape[2]
    limit = mf.max_margin((features, labels))
    size = np.linalg.norm(limit.weights)
    rows = support_rows(features, labels, n_classes, limit)
    found = tight_solution([fractions(row) for row in rows])
    assert found is not None
    solution, multipliers = found
    assert min(multipliers) > 0
    assert distance(fractions(limit.weights), solution) <= limit.weights_error_bound
    assert limit.weights_error_bound <= 1e-6 * size
    assert limit.margin_lower <= 1 / root(inner(solution, solution)) <= limit.margin_upper


def test_the_same_call_gives_the_same_bits():
    features, labels = teacher_problem(9, 300, 10, 4)
    first, second = mf.max_margin((features, labels)), mf.max_margin((features, labels))
    assert np.array_equal(first.weights, second.weights)
    assert np.array_equal(first.dual, second.dual)
    assert first.statistics == second.statistics
    assert repr(first) == repr(second)


def test_results_are_numpy_of_double_precision():
    limit = mf.max_margin(mf.load_dataset("wine"))
    assert type(limit.weights) is type(limit.dual) is type(limit.support) is np.ndarray
    assert limit.weights.dtype == limit.dual.dtype == np.float64
    assert limit.support.dtype == np.int64
    assert type(limit.margin) is type(limit.next_margin) is type(limit.relative_gap) is float


def test_an_unknown_norm_names_those_that_work():
    with pytest.raises(ValueError, match=r"expected one of 'frobenius', 'max', .* got 'manhattan'"):
        mf.max_margin(mf.soudry_toy(), norm="manhattan")


@pytest.mark.parametrize("rtol", [0.0, 1.0, -1e-6, np.nan, np.inf])
def test_a_tolerance_out_of_range_is_refused(rtol):
    with pytest.raises(ValueError, match="rtol must lie between 0 and 1"):
        mf.max_margin(mf.soudry_toy(), rtol=rtol)


def test_too_few_rounds_end_in_an_error_that_holds_proved_bounds():
    data = mf.load_dataset("digits")
    with pytest.raises(ValueError, match="max_rounds must be at least 1"):
        mf.max_margin(data, max_rounds=0)
    with pytest.raises(mf.NotConvergedError, match="Pass a larger max_rounds") as caught:
        mf.max_margin(data, max_rounds=3)
    best = mf.max_margin(data)
    for rounds in (1, 3, 6, 8):
        early = mf.max_margin(data, max_rounds=rounds, throw=False)
        assert early.status == "max_steps"
        assert early.margin_lower <= best.margin <= early.margin_upper
        error = np.linalg.norm(early.weights - best.weights)
        assert error <= early.weights_error_bound
        assert not early.active_set_proved
    assert caught.value.result.status == "max_steps"


def test_a_tolerance_below_rounding_is_not_reached_and_says_so():
    with pytest.raises(mf.NotConvergedError, match="rounding ends the progress") as caught:
        mf.max_margin(mf.load_dataset("wine"), rtol=1e-40)
    assert caught.value.result.relative_gap < 1e-12


@pytest.mark.parametrize("labels", ["[0, 1]", "np.array([0, 1])", "('a', 'b')"])
def test_features_and_labels_as_two_arguments_are_told_to_be_a_pair(labels):
    """In a process of its own, where no checker of annotations speaks first."""
    code = f"import numpy as np, marginflow as mf; mf.max_margin(np.eye(2), {labels})"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stderr.splitlines()[-1].startswith(
        "TypeError: max_margin expects data as one pair (features, labels)"
    )
