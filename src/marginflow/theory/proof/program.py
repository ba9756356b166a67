"""From a template written in `jax.numpy` to its formula.

JAX traces the template into a list of primitive operations on arrays, and `program_run` runs them
on arrays of expressions.

Stable spellings ask which of two numbers is larger (`logaddexp`, `logsumexp`, `softplus`).  So a
program is run for every order of the margins and zero, in which such questions have an answer: a
template whose formula is the same for all orders is that formula everywhere.  Programs that treat
ties apart are run for every order with ties as well.  Where a formula divides, takes a logarithm or
a root, its argument is kept as a condition to be proved as well.  At some points the formula and
its slopes are compared with what JAX computes.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr

from marginflow._precision import x64
from marginflow.theory.proof.algebra import Algebra
from marginflow.theory.proof.enclosure import Boxes
from marginflow.theory.proof.expression import CannotError, Expression
from marginflow.theory.proof.order_cone import OrderCone, all_cones, all_faces
from marginflow.theory.proof.program_run import NeedsOrderError, ProgramRun

# Orders of the margins that are tried.
ORDERS = 120


@dataclass(frozen=True)
class Formula:
    """A template as one formula of its margins.

    Attributes:
        algebra: in which the variables are the margins.
        value: ψ.
        conditions: what has to be positive wherever ψ is defined.
        is_symmetric: whether the formula stays the same when margins are permuted.
    """

    algebra: Algebra
    value: Expression
    conditions: tuple[Expression, ...]
    is_symmetric: bool

    @property
    def rate(self) -> Fraction:
        """The least positive exponent of a margin, the unit in which gaps are measured."""
        found: set[Fraction] = set()
        seen: set[Expression] = set()

        def collect(a: Expression) -> None:
            seen.add(a)
            for exponent, factors in a.terms:
                found.update(abs(p) for p in exponent[:-1] if p)
                for base, _ in factors:
                    if base.kind != "variable" and base.inner not in seen:
                        collect(base.inner)

        collect(self.value)
        return min(found, default=Fraction(1))


def formula_of(function: Callable[..., Any], n_margins: int, deadline: float = math.inf) -> Formula:
    """The formula of a template of `n_margins` margins.

    Raises:
        CannotError: if the program has an operation that is not known here, or another formula for
            another order of the margins.

    Example:
        >>> import jax.numpy as jnp
        >>> from marginflow.theory.proof.program import formula_of
        >>> formula = formula_of(lambda u: jnp.sum(jnp.exp(-u)), 2)
        >>> len(formula.value.terms), formula.is_symmetric
        (2, True)
    """
    with x64():
        traced = jax.make_jaxpr(function)(jnp.zeros(n_margins))
        shapes = [aval.shape for aval in traced.out_avals]
        if shapes != [()]:
            raise ValueError(
                f"expected a template that maps margins ({n_margins},) to a scalar, got shapes "
                f"{shapes}; reduce over the margins, as with jnp.sum."
            )
        algebra = Algebra(n_margins, deadline)
        value, conditions = _formula(traced, algebra)
    _agree(function, algebra, value)
    return Formula(algebra, value, conditions, _is_symmetric(algebra, value))


def _formula(traced: ClosedJaxpr, algebra: Algebra) -> tuple[Expression, tuple[Expression, ...]]:
    try:
        return _run(traced, algebra, None)
    except NeedsOrderError as error:
        needed = error
    for cones in (all_cones, all_faces):
        orders = list(itertools.islice(cones(algebra.n), ORDERS + 1))
        if len(orders) > ORDERS:
            raise CannotError(f"{needed}, and these have more than {ORDERS}")
        try:
            runs = [(cone, *_run(traced, algebra, cone)) for cone in orders]
        except NeedsOrderError as error:
            needed = error
            continue
        value, conditions = runs[0][1], tuple({c: None for run in runs for c in run[2]})
        if any(algebra.substitute(value, cone.ties, algebra) != found for cone, found, _ in runs):
            raise CannotError("the formula is another for another order of the margins")
        return value, conditions
    raise CannotError(str(needed))


def _run(
    traced: ClosedJaxpr, algebra: Algebra, cone: OrderCone | None
) -> tuple[Expression, tuple[Expression, ...]]:
    run = ProgramRun(algebra, cone)
    margins = np.empty(algebra.n, dtype=object)
    margins[:] = [algebra.variable(i) for i in range(algebra.n)]
    if cone is not None:
        margins[:] = [algebra.substitute(u, cone.ties, algebra) for u in margins]
    (value,) = run.program(traced, [margins])
    return run.symbolic(value).reshape(-1)[0], tuple(run.conditions)


def _is_symmetric(algebra: Algebra, value: Expression) -> bool:
    n = algebra.n
    swap = [1, 0, *range(2, n)] if n > 1 else [0]
    turn = [*range(1, n), 0]
    return all(
        algebra.substitute(
            value, [[Fraction(int(j == p)) for j in range(n)] for p in order], algebra
        )
        == value
        for order in (swap, turn)
    )


def _agree(function: Callable[..., Any], algebra: Algebra, value: Expression) -> None:
    """Compare the formula and its slopes with what JAX computes at some points."""
    n = algebra.n
    points = np.random.default_rng(0).uniform(-2.0, 3.0, (8, n))
    with x64():
        compute = jax.vmap(jax.value_and_grad(function))
        values, slopes = (np.asarray(part) for part in compute(jnp.asarray(points)))
    boxes = Boxes.at(points)
    parts = [(value, values, "value")]
    parts += [(algebra.derivative(value, i), slopes[:, i], "slope") for i in range(n)]
    for expression, computed, what in parts:
        found = boxes.enclose(expression)
        slack = 1e-7 * (1 + np.abs(computed))
        if not ((found.lo <= computed + slack) & (computed - slack <= found.hi)).all():
            raise CannotError(f"the {what} that JAX computes is not that of the formula")
