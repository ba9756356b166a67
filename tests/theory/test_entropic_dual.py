"""The entropic dual against cvxpy's entropy program and against what gradient flow picks."""

import cvxpy
import numpy as np
import pytest

import marginflow as mf
from marginflow.theory import entropic_dual
from marginflow.theory.entropic_dual import carrying_pairs


def program(rows, weights):
    """argmin Σ α (log α − 1) subject to Aᵀ α = Ŵ, α ≥ 0."""
    dual = cvxpy.Variable(len(rows))
    goal = cvxpy.Maximize(cvxpy.sum(cvxpy.entr(dual)) + cvxpy.sum(dual))
    problem = cvxpy.Problem(goal, [rows.T @ dual == weights])
    problem.solve(solver=cvxpy.CLARABEL)
    return dual.value


def dependent_support(seed, m, size, rank):
    """Rows of the given rank, and weights that positive duals between 0.1 and 10 give."""
    generator = np.random.default_rng(seed)
    basis = np.linalg.qr(generator.standard_normal((size, rank)))[0]
    rows = generator.standard_normal((m, rank)) @ basis.T
    return rows, rows.T @ 10 ** generator.uniform(-1, 1, m)


@pytest.mark.parametrize(("m", "size", "rank"), [(4, 6, 3), (9, 5, 3), (12, 4, 4), (30, 8, 5)])
@pytest.mark.parametrize("seed", [0, 1])
def test_dependent_rows_take_the_dual_of_largest_entropy(m, size, rank, seed):
    rows, weights = dependent_support(seed, m, size, rank)
    found = entropic_dual(rows, weights)
    np.testing.assert_allclose(rows.T @ found, weights, atol=1e-12 * np.abs(weights).max())
    assert np.all(found > 0)
    np.testing.assert_allclose(found, program(rows, weights), rtol=1e-3)
    # log α is in the span of the rows: that is the stationary point, to rounding
    logs = np.log(found)
    fitted = rows @ np.linalg.lstsq(rows, logs, rcond=None)[0]
    np.testing.assert_allclose(logs, fitted, atol=1e-10)


def test_independent_rows_have_one_dual():
    generator = np.random.default_rng(0)
    rows, dual = generator.standard_normal((4, 7)), np.array([1e-6, 0.3, 2.0, 1e3])
    # the weights are rounded, by so much of the largest dual as the rows' condition makes of it
    rounding = len(dual) * np.finfo(float).eps * np.linalg.cond(rows) * dual.max()
    np.testing.assert_allclose(entropic_dual(rows, rows.T @ dual), dual, rtol=0, atol=rounding)


def test_repeated_rows_share_their_dual():
    rows = np.array([[1.0, 0.0], [0.0, 1.0]])[[0, 0, 0, 1]]
    np.testing.assert_allclose(entropic_dual(rows, np.array([3.0, 5.0])), [1, 1, 1, 5], rtol=1e-12)


def test_four_points_on_an_edge():
    # rows (1, x): duals with Σ α = 1 and Σ α x = 0.3; the largest entropy is exponential in x
    x = np.array([-1.0, 0.0, 0.5, 2.0])
    rows, weights = np.column_stack([np.ones(4), x]), np.array([1.0, 0.3])
    found = entropic_dual(rows, weights)
    np.testing.assert_allclose(found, program(rows, weights), rtol=1e-3)
    steps = np.diff(np.log(found)) / np.diff(x)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)


@pytest.mark.parametrize("repeats", [1, 3])
def test_rows_that_no_dual_can_use_get_zero(repeats):
    # the third row leaves the plane of the others to one side only
    used = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    idle = np.array([[0.5, 0.5, 1.0], [0.2, 0.8, 0.3], [1.0, 0.0, 2.0]])
    rows = np.vstack([np.repeat(used, repeats, axis=0), idle])
    weights = np.array([1.0, 2.0, 0.0])
    carried = carrying_pairs(rows, weights)
    assert carried.tolist() == [True] * (2 * repeats) + [False] * 3
    expected = np.repeat([1.0, 2.0], repeats) / repeats
    np.testing.assert_allclose(entropic_dual(rows, weights)[: 2 * repeats], expected, rtol=1e-10)
    assert np.all(entropic_dual(rows, weights)[2 * repeats :] == 0)


def test_idle_rows_on_opposite_sides_do_carry():
    # together they cancel off the plane, so that every row is in some dual
    rows = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 1.0], [0.5, 0.5, -1.0]])
    weights = np.array([1.0, 1.0, 0.0])
    found = entropic_dual(rows, weights)
    assert np.all(found > 0.1)
    np.testing.assert_allclose(found, program(rows, weights), rtol=1e-3)
    assert found[2] == pytest.approx(found[3], rel=1e-12)


@pytest.mark.parametrize("exponent", [-200, -20, 20, 200])
def test_the_scale_of_the_rows_does_not_matter(exponent):
    # margins stay 1: weights shrink as rows grow, duals with their square
    rows = np.array([[1.0, -1.0], [1.0, 0.0], [1.0, 0.5], [1.0, 2.0], [1.0, -3.0]])
    weights = np.array([1.0, 0.0])
    plain, factor = entropic_dual(rows, weights), 2.0**exponent
    scaled = entropic_dual(rows * factor, weights / factor)
    np.testing.assert_allclose(scaled * factor**2, plain, rtol=1e-9)


@pytest.mark.parametrize("smallest", [1e-3, 1e-6])
def test_a_pair_that_can_carry_little_still_does(smallest):
    # the last two rows cancel off the plane; the first of them holds the second to `smallest`
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, -1.0 / smallest]])
    weights = np.array([1.0, 0.0])
    assert carrying_pairs(rows, weights).all()
    found = entropic_dual(rows, weights)
    np.testing.assert_allclose(rows.T @ found, weights, atol=1e-12 / smallest)
    assert found[3] == pytest.approx(smallest * found[2], rel=1e-9)


def test_weights_outside_the_cone_are_refused():
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match="cone"):
        entropic_dual(rows, np.array([1.0, -1.0]))


def test_gradient_flow_picks_it():
    # four support points in two dimensions: the solver's dual is another one
    features = np.array([[1.0, -1.0], [1.0, 0.0], [1.0, 0.5], [1.0, 1.0], [-1.0, 0.25]])
    data = (features, np.array([1, 1, 1, 1, 0]))
    limit = mf.max_margin(data)
    samples = limit.support[:, 0]
    signs = np.where(np.array(data[1]) == 1, 1.0, -1.0)
    rows = (features * signs[:, None])[samples]
    assert limit.support_rank < len(rows)
    dual = entropic_dual(rows, limit.weights)
    flow = mf.gradient_flow(data, mf.CrossEntropy(), 1e6, limit=limit)
    carried = dual > 0
    pulls = np.exp(-rows @ flow.residual)
    np.testing.assert_allclose(pulls[carried], dual[carried], rtol=1e-8)
    assert not np.allclose(limit.dual[samples][carried], dual[carried], rtol=1e-3)
