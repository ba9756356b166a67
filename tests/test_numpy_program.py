"""Traced functions evaluated by NumPy: the oracle is JAX's own evaluation of the same function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import marginflow as mf
from marginflow._numpy_program import NumpyProgram

ROWS, K = 6, 3


def steps(u):
    return jax.lax.fori_loop(0, 3, lambda i, x: x * u[i] + jnp.tanh(x), u[0])


def walked(u):
    ends, seen = jax.lax.scan(lambda c, x: (c * x + 1, c + x), 1.0, u, reverse=True)
    return ends + jnp.sum(seen)


def chosen(u):
    return jax.lax.cond(u[0] > 0, lambda x: x**3, jnp.sin, u[1])


def sorted_and_picked(u):
    at = jnp.argsort(u)
    least = jnp.take_along_axis(u, at, 0)[0]
    return jnp.sum(jnp.sort(u) * jnp.arange(3.0)) + least * u[jnp.argmax(u)] + u.at[1].set(0.0)[1]


def sums(u):
    whole = jnp.dot(u, u) + jnp.cumsum(u)[1] + jnp.prod(u) + jnp.linalg.norm(u)
    return whole + jnp.max(jnp.outer(u, u) @ u) + jax.lax.top_k(u, 2)[0][1]


def special(u):
    normal = jax.scipy.stats.norm.logcdf(u)
    return jnp.sum(
        normal + jax.scipy.special.gammaln(1 + u**2) + jax.scipy.special.i0e(u) + jax.nn.softplus(u)
    )


def left_to_jax(u):
    return jnp.sum(jax.scipy.special.betainc(2.0, 3.0, u**2 / (1 + u**2))) + jnp.interp(
        u[0], jnp.arange(3.0), jnp.ones(3)
    )


FUNCTIONS = [steps, walked, chosen, sorted_and_picked, sums, special, left_to_jax]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_values_and_slopes_are_those_of_jax(function):
    rows = np.random.default_rng(0).standard_normal((ROWS, K))
    both = jax.vmap(jax.value_and_grad(function))
    value, slope = NumpyProgram(both, rows.shape)(rows)
    with mf.x64():
        expected = both(jnp.asarray(rows))
    np.testing.assert_allclose(value, expected[0], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(slope, expected[1], rtol=1e-11, atol=1e-12)


def test_what_depends_on_no_argument_is_computed_once():
    program = NumpyProgram(lambda u: u * jnp.sum(jnp.exp(jnp.arange(5.0))), (2,))
    total = np.exp(np.arange(5.0)).sum()
    for rows in (np.ones(2), np.array([2.0, -3.0])):
        np.testing.assert_allclose(program(rows)[0], rows * total, rtol=1e-15)
