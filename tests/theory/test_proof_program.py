"""Templates become formulas with their values, and what is not covered is refused."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

import marginflow as mf
from marginflow.theory.proof.enclosure import Boxes
from marginflow.theory.proof.expression import CannotError
from marginflow.theory.proof.order_cone import all_cones, all_faces, ascending_cones
from marginflow.theory.proof.program import formula_of

MP = mpmath.mp.clone()
MP.dps = 40


def _cross_entropy(u):
    return MP.log(1 + sum(MP.exp(-x) for x in u))


def _pairs(u):
    return sum(MP.log(1 + MP.exp(-x)) for x in u)


SPELLINGS = {
    "log(1 + sum)": (lambda u: jnp.log(1 + jnp.sum(jnp.exp(-u))), _cross_entropy),
    "log1p": (lambda u: jnp.log1p(jnp.exp(-u).sum()), _cross_entropy),
    "logsumexp": (lambda u: jax.nn.logsumexp(jnp.concatenate([jnp.zeros(1), -u])), _cross_entropy),
    "log_softmax": (lambda u: -jax.nn.log_softmax(jnp.append(0.0, -u))[0], _cross_entropy),
    "log of softmax": (lambda u: -jnp.log(jax.nn.softmax(jnp.append(0.0, -u))[0]), _cross_entropy),
    "softplus of logsumexp": (
        lambda u: jax.nn.logsumexp(-u) + jnp.log1p(jnp.exp(-jax.nn.logsumexp(-u))),
        _cross_entropy,
    ),
    "sorted dot product": (
        lambda u: jnp.log(1 + jnp.ones(len(u)) @ jnp.exp(-jnp.sort(u)[::-1])),
        _cross_entropy,
    ),
    "logaddexp of logsumexp": (
        lambda u: jnp.logaddexp(0.0, jax.nn.logsumexp(-u)),
        _cross_entropy,
    ),
    "scan": (
        lambda u: jax.lax.scan(lambda c, x: (jnp.logaddexp(c, -x), None), 0.0 * u[0], u)[0],
        _cross_entropy,
    ),
    "cond": (
        lambda u: jax.lax.cond(
            u[0] > 0,
            lambda x: jnp.log1p(x),
            lambda x: jnp.log(1 + x),
            jnp.sum(jnp.cosh(u) - jnp.sinh(u)),
        ),
        _cross_entropy,
    ),
    "scatter": (
        lambda u: jax.nn.logsumexp(jnp.zeros(len(u) + 1).at[1:].add(-u)),
        _cross_entropy,
    ),
    "CrossEntropy": (mf.CrossEntropy().template, _cross_entropy),
    "log(1 + exp)": (lambda u: jnp.sum(jnp.log(1 + jnp.exp(-u))), _pairs),
    "softplus": (lambda u: jax.nn.softplus(-u).sum(), _pairs),
    "log_sigmoid": (lambda u: -jax.nn.log_sigmoid(u).sum(), _pairs),
    "log of sigmoid": (lambda u: -jnp.log(jax.nn.sigmoid(u)).sum(), _pairs),
    "logaddexp": (lambda u: jnp.logaddexp(0, -u).sum(), _pairs),
    "tanh": (lambda u: -jnp.log((1 + jnp.tanh(u / 2)) / 2).sum(), _pairs),
    "by hand": (lambda u: jnp.sum(jnp.maximum(-u, 0) + jnp.log1p(jnp.exp(-jnp.abs(u)))), _pairs),
    "where": (
        lambda u: jnp.where(
            u > 0, jnp.log1p(jnp.exp(-jnp.abs(u))), jnp.log1p(jnp.exp(-jnp.abs(u))) - u
        ).sum(),
        _pairs,
    ),
    "loop": (lambda u: sum(jnp.log1p(jnp.exp(-u[i])) for i in range(len(u))), _pairs),
    "PairLogLoss": (mf.PairLogLoss().template, _pairs),
}


@pytest.mark.parametrize(("function", "truth"), SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_have_the_values_of_the_loss(function, truth):
    k = 2
    formula = formula_of(function, k)
    assert formula.is_symmetric
    u = np.random.default_rng(0).uniform(-20, 30, (20, k))
    found = Boxes.at(u).enclose(formula.value)
    for point, low, high in zip(u, found.lo, found.hi, strict=True):
        value = truth([MP.mpf(x) for x in point])
        assert MP.mpf(low) <= value <= MP.mpf(high)


def test_values_of_other_operations():
    def template(u):
        rolled = jnp.roll(u, 1)
        table = jnp.stack([u, 2 * u, rolled])[:, :2].T
        cut = jnp.cumsum(jnp.pad(table.reshape(-1), (0, 1)))[jnp.array([1, 4])]
        waves = jnp.sin(u).prod() + jnp.cos(u[-1]) ** 3
        roots = jnp.sqrt(1 + u**2).sum() + (2 + jnp.exp(u[0])) ** -1.5 + jnp.expm1(u[1])
        return cut @ jnp.array([1.0, -0.25]) + waves + roots / 3 + jax.lax.rsqrt(1 + u[2] ** 4)

    formula = formula_of(template, 3)
    u = np.random.default_rng(1).uniform(-3, 3, (30, 3))
    with mf.x64():
        values = np.asarray(jax.vmap(template)(jnp.asarray(u)))
    found = Boxes.at(u).enclose(formula.value)
    assert (found.lo <= values + 1e-12).all()
    assert (found.hi >= values - 1e-12).all()
    assert (found.hi - found.lo < 1e-9).all()
    assert not formula.is_symmetric


REFUSED = [
    (lambda u: jnp.sum(jnp.maximum(0, 1 - u)), "order of the margins"),
    (lambda u: jnp.max(jnp.exp(-u)), "order of the margins"),
    (lambda u: jnp.max(u), "another for another order"),
    (lambda u: jnp.sum(jnp.abs(u)), "another for another order"),
    # one value where two margins are equal, another elsewhere
    (lambda u: jnp.where(u[0] == u[1], 5.0, jnp.exp(-u).sum()), "another"),
    (lambda u: jnp.where(u[0] == 0, 5.0, jnp.exp(-u).sum()), "another"),
    (lambda u: jnp.where(u[0] > 0, 1.0, jnp.where(u[0] < 0, 1.0, 5.0)), "another"),
    # a slope that is not that of the values
    (lambda u: jnp.sum(jax.lax.stop_gradient(jnp.exp(-u))), "slope that JAX computes"),
    (lambda u: jnp.sum(jnp.exp(-u.astype(jnp.float32))).astype(jnp.float64), "float32"),
    (lambda u: jax.scipy.special.erf(u).sum(), "'erf' is not known"),
    (lambda u: jax.lax.fori_loop(0, 3000, lambda _, x: x / 2, u).sum(), "3000 steps is too long"),
    (lambda u: jax.lax.while_loop(lambda x: x > 1, lambda x: x / 2, u[0]) + u[1], "whose length"),
    (lambda u: jnp.sum(u) / jnp.sum(u - u), "division by zero"),
    (lambda u: u[jnp.argmin(u)], "not known"),
    (lambda u: jnp.floor(u).sum(), "not known"),
]


@pytest.mark.parametrize(("function", "words"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_covered_is_refused(function, words):
    with pytest.raises(CannotError, match=words):
        formula_of(function, 2)


def test_a_template_has_to_be_a_scalar():
    with pytest.raises(ValueError, match="to a scalar"):
        formula_of(lambda u: jnp.exp(-u), 2)


def test_arguments_of_logarithms_and_divisors_become_conditions():
    assert not formula_of(lambda u: jnp.log(1 + jnp.exp(u[0])), 2).conditions
    assert len(formula_of(lambda u: jnp.log(3.0 + jnp.sin(u[0])), 2).conditions) == 1
    assert len(formula_of(lambda u: 1 / (3.0 + jnp.sin(u[0])), 2).conditions) == 1


@pytest.mark.parametrize("k", [1, 2, 3])
def test_orders_cover_all_margins(k):
    rng = np.random.default_rng(k)
    u = rng.integers(-2, 3, (200, k)).astype(float)
    faces = list(all_faces(k))
    assert len(faces) == [3, 13, 75][k - 1]

    def holds(cone, point):
        levels = [[0.0, *point][group[0]] for group in cone.order]
        tied = all(
            [0.0, *point][i] == [0.0, *point][group[0]] for group in cone.order for i in group
        )
        steps = np.diff(levels)
        return tied and ((steps > 0).all() if cone.is_open else (steps >= 0).all())

    for point in u:
        assert sum(holds(face, point) for face in faces) == 1
        assert any(holds(cone, point) for cone in all_cones(k))
        assert any(holds(cone, np.sort(point)) for cone in ascending_cones(k))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_coordinates_of_an_order_are_its_gaps(k):
    rng = np.random.default_rng(k)
    for cone in all_cones(k):
        w = rng.uniform(0, 1, k)
        u = cone.margins(w)
        levels = np.array([[0.0, *u][i] for (i,) in cone.order])
        np.testing.assert_allclose(np.exp(-np.diff(levels)), w, rtol=1e-12)
