"""Derivatives that keep small slopes: other rules for the sigmoid and the hyperbolic tangent.

JAX differentiates the sigmoid as σ(1 − σ).  From argument 37 on σ is 1 in float64, so that the
slope of −log σ(u) becomes exactly zero there and has lost half of its digits at 18, although
nothing has underflowed.  With σ(x) σ(−x) it is right down to the smallest float.  A user writes
`jax.nn.sigmoid` and should not have to know; so the traced template is rewritten before it is
differentiated, with the values left as they are.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, jaxpr_as_fun


def with_stable_rules(function: Callable[[jax.Array], jax.Array]) -> Callable:
    """The same function of one array, with derivatives that do not cancel."""

    def rewritten(argument: jax.Array) -> jax.Array:
        traced = jax.make_jaxpr(function)(argument)
        return jaxpr_as_fun(_rewrite(traced))(argument)[0]

    return rewritten


@jax.custom_jvp
def _logistic(x: jax.Array) -> jax.Array:
    return jax.lax.logistic(x)


@_logistic.defjvp
def _(primals, tangents):
    (x,), (direction,) = primals, tangents
    value = _logistic(x)
    return value, value * _logistic(-x) * direction


@jax.custom_jvp
def _tanh(x: jax.Array) -> jax.Array:
    return jax.lax.tanh(x)


@_tanh.defjvp
def _(primals, tangents):
    (x,), (direction,) = primals, tangents
    return _tanh(x), 4 * _logistic(2 * x) * _logistic(-2 * x) * direction


_RULES = {"logistic": _logistic, "tanh": _tanh}


def _rewrite(program: Any) -> Any:
    """Replace every primitive that has a better rule, in nested programs too."""
    if isinstance(program, ClosedJaxpr):
        return program.replace(jaxpr=_rewrite(program.jaxpr))
    if isinstance(program, Jaxpr):
        return program.replace(eqns=[_rewrite_equation(equation) for equation in program.eqns])
    if isinstance(program, tuple) and any(isinstance(part, ClosedJaxpr) for part in program):
        return tuple(_rewrite(part) for part in program)
    return program


def _rewrite_equation(equation: JaxprEqn) -> JaxprEqn:
    rule = _RULES.get(equation.primitive.name)
    if rule is None:
        params = {name: _rewrite(value) for name, value in equation.params.items()}
        return equation.replace(params=params)
    stable = jax.make_jaxpr(rule)(equation.invars[0].aval).jaxpr.eqns[0]
    return equation.replace(primitive=stable.primitive, params=stable.params)
