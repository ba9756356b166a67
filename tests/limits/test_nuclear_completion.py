"""`nuclear_completion` against a conic solver, and its certificate formed outside."""

import cvxpy as cp
import numpy as np
import pytest

import marginflow as mf


def problem(seed, shape=(6, 4), rank=2, share=0.6):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    return matrix, rng.random(shape) < share


@pytest.mark.parametrize(("seed", "shape"), [(0, (6, 4)), (1, (4, 7)), (2, (5, 5))])
def test_the_optimum_is_that_of_a_conic_solver(seed, shape):
    matrix, observed = problem(seed, shape)
    variable = cp.Variable(shape)
    least = cp.Problem(
        cp.Minimize(cp.normNuc(variable)),
        [cp.multiply(observed.astype(float), variable) == np.where(observed, matrix, 0.0)],
    ).solve(solver=cp.CLARABEL, tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
    found = mf.nuclear_completion(matrix, observed, rtol=1e-8)
    assert found.nuclear_norm == pytest.approx(least, rel=1e-7)
    assert found.lower_bound <= least * (1 + 1e-8)


@pytest.mark.parametrize("scale", [1e-120, 1.0, 1e120])
def test_the_certificate_is_what_it_says(scale):
    matrix, observed = problem(3)
    matrix = scale * np.where(observed, matrix, np.nan)
    found = mf.nuclear_completion(matrix, observed, rtol=1e-7)
    np.testing.assert_array_equal(found.matrix[observed], matrix[observed])
    np.testing.assert_array_equal(found.dual[~observed], 0)
    assert np.linalg.norm(found.dual, 2) <= 1
    value = np.sum(found.dual[observed] * matrix[observed])
    norm = np.linalg.norm(found.matrix, "nuc")
    assert found.nuclear_norm == pytest.approx(norm, rel=1e-14)
    assert found.lower_bound <= value * (1 + 1e-15)
    assert norm / value - 1 <= found.relative_gap <= 1e-7


def test_a_matrix_with_enough_entries_is_found():
    matrix, observed = problem(4, (12, 12), 1, 0.8)
    found = mf.nuclear_completion(matrix, observed, rtol=1e-10)
    np.testing.assert_allclose(found.matrix, matrix, atol=1e-4)


def test_all_or_zero_entries_are_the_matrix_itself():
    matrix, _ = problem(5)
    assert np.array_equal(mf.nuclear_completion(matrix, np.ones((6, 4))).matrix, matrix)
    nothing = mf.nuclear_completion(np.zeros((3, 2)), np.ones((3, 2)))
    assert nothing.nuclear_norm == 0
    assert nothing.status == "done"


def test_too_few_steps_are_not_returned_as_if_they_were_enough():
    matrix, observed = problem(0)
    with pytest.raises(mf.NotConvergedError, match="relative gap") as caught:
        mf.nuclear_completion(matrix, observed, rtol=1e-13, max_steps=3)
    assert caught.value.result.status == "max_steps"
    assert caught.value.result.relative_gap > 1e-13


@pytest.mark.parametrize(
    ("matrix", "observed", "words"),
    [
        ([1.0], [1], "shapes"),
        ([[1.0]], [[0]], "observed"),
        ([[np.nan, 1.0]], [[1, 1]], "finite"),
    ],
)
def test_what_does_not_fit_is_refused(matrix, observed, words):
    with pytest.raises(mf.DataError, match=words):
        mf.nuclear_completion(matrix, observed)
