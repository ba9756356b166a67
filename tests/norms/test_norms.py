"""Laws of every norm, against formulas written out and against convex optimization."""

import math

import cvxpy as cp
import jax.numpy as jnp
import numpy as np
import pytest

import marginflow as mf
from marginflow.norms import NAMED_NORMS, EntrywiseNorm, GroupNorm, SchattenNorm, as_norm

NORMS = [
    *NAMED_NORMS.values(),
    EntrywiseNorm(1.5),
    EntrywiseNorm(3),
    SchattenNorm(1.5),
    SchattenNorm(4),
    GroupNorm("class", 1),
    GroupNorm("feature", 1),
    GroupNorm("class", 3),
]
SHAPES = [(5, 3), (3, 5), (4, 1), (6,)]


@pytest.fixture(params=NORMS, ids=lambda norm: norm.name)
def norm(request):
    return request.param


def arrays(count: int = 6):
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        for _ in range(count):
            yield rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4)


def test_value_is_the_formula(norm):
    for W in arrays():
        matrix = W.reshape(len(W), -1)
        lengths = {
            "class": np.linalg.norm(matrix, axis=0),
            "feature": np.linalg.norm(matrix, axis=1),
        }
        match norm:
            case EntrywiseNorm():
                wanted = np.linalg.norm(W.ravel(), norm.p)
            case SchattenNorm():
                wanted = np.linalg.norm(np.linalg.svd(matrix)[1], norm.p)
            case _:
                wanted = np.linalg.norm(lengths[norm.group], norm.p)
        assert norm(W) == pytest.approx(wanted, rel=1e-13)


def test_steepest_direction_reaches_the_dual_norm(norm):
    for G in arrays():
        D = norm.steepest(G)
        assert D.shape == G.shape
        assert norm(D) == pytest.approx(1.0, rel=1e-12)
        assert np.sum(D * G) == pytest.approx(norm.dual(G), rel=1e-12)


def test_no_direction_of_the_unit_ball_does_better(norm):
    for G, D in zip(arrays(), reversed(list(arrays())), strict=True):
        if G.shape == D.shape:
            assert np.sum(G * D) <= norm.dual(G) * norm(D) * (1 + 1e-12)


@pytest.mark.parametrize("name", ["max", "l1", "spectral", "nuclear", "class_l2", "feature_l2"])
def test_dual_norm_is_that_of_a_conic_solver(name):
    ball = {
        "max": lambda D: cp.max(cp.abs(D)),
        "l1": lambda D: cp.sum(cp.abs(D)),
        "spectral": cp.sigma_max,
        "nuclear": cp.normNuc,
        "class_l2": lambda D: cp.max(cp.norm(D, axis=0)),
        "feature_l2": lambda D: cp.max(cp.norm(D, axis=1)),
    }[name]
    G = np.random.default_rng(1).standard_normal((4, 3))
    D = cp.Variable(G.shape)
    problem = cp.Problem(cp.Maximize(cp.sum(cp.multiply(G, D))), [ball(D) <= 1])
    problem.solve(solver=cp.CLARABEL)
    assert as_norm(name).dual(G) == pytest.approx(problem.value, rel=1e-6)


def test_jax_and_numpy_agree(norm):
    with mf.x64():
        for W in (np.random.default_rng(5).standard_normal(shape) for shape in [(5, 3), (6,)]):
            assert float(norm(jnp.asarray(W))) == pytest.approx(norm(W), rel=1e-13)
            steepest = np.asarray(norm.steepest(jnp.asarray(W)))
            np.testing.assert_allclose(steepest, norm.steepest(W), rtol=1e-9, atol=1e-12)


def test_zero_has_no_direction(norm):
    for shape in SHAPES:
        assert norm(np.zeros(shape)) == 0
        assert not np.any(norm.steepest(np.zeros(shape)))


def test_scale_does_not_change_the_direction(norm):
    G = np.random.default_rng(2).standard_normal((5, 3))
    for scale in (2.0**-900, 2.0**900):
        np.testing.assert_allclose(norm.steepest(scale * G), norm.steepest(G), rtol=1e-10)
        assert norm(scale * G) == pytest.approx(scale * norm(G), rel=1e-12)


def test_polar_factor_leaves_out_what_is_rounding():
    G = np.random.default_rng(3).standard_normal((6, 4))
    G -= G.mean(axis=1, keepdims=True)
    D = as_norm("spectral").steepest(G)
    np.testing.assert_allclose(np.linalg.svd(D)[1], [1, 1, 1, 0], atol=1e-14)
    np.testing.assert_allclose(D.sum(axis=1), 0, atol=1e-14)


def test_dual_of_the_dual_is_the_norm(norm):
    assert type(norm.dual.dual) is type(norm)
    assert norm.dual.dual.p == pytest.approx(norm.p, rel=1e-15)


def test_names_are_read_back(norm):
    assert as_norm(norm) is norm
    W = np.random.default_rng(4).standard_normal((4, 3))
    assert as_norm(norm.name)(W) == pytest.approx(norm(W), rel=1e-14)


@pytest.mark.parametrize("wrong", ["l0.5", "l", "L1", "schatten", "operator", "l-1", "lnan", ""])
def test_unknown_name_says_what_is_known(wrong):
    with pytest.raises(ValueError, match=r"expected .*(number from 1|'spectral')"):
        as_norm(wrong)


def test_what_is_no_norm_is_refused():
    with pytest.raises(TypeError, match="expected a norm or its name, got float"):
        as_norm(2.0)
    with pytest.raises(ValueError, match="from 1 to infinity"):
        EntrywiseNorm(math.nan)
    with pytest.raises(ValueError, match="expected 'class' or 'feature'"):
        GroupNorm("layer")
