"""From a template written in `jax.numpy` to its formula.

JAX traces the template into a list of primitive operations on arrays, and `program_run` runs them
on arrays of expressions.

Stable spellings ask which of two numbers is larger (`logaddexp`, `logsumexp`, `softplus`).  A
program that computes the same formula for both answers is that formula (`choice`).  One that sorts,
say, is run for every order of the margins and zero as well, in which such questions have an answer:
a template whose formula is the same for all orders is that formula everywhere.  Programs that treat
ties apart are run for every order with ties too.  Where a formula divides, takes a logarithm or
a root, its argument is kept as a condition to be proved as well.  At some points the formula and
its slopes are compared with what JAX computes.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr

from marginflow._precision import x64
from marginflow.theory.proof.algebra import Algebra
from marginflow.theory.proof.choice import Choice, ends
from marginflow.theory.proof.enclosure import Boxes
from marginflow.theory.proof.expression import CannotError, Expression
from marginflow.theory.proof.order_cone import OrderCone, all_cones, all_faces
from marginflow.theory.proof.program_run import ProgramRun

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
        unit: κ > 0, a constant; the variables are κ times the margins.  It is not 1 where margins
            have an irrational rate, as in 2^(−u).
        original: ψ in the margins themselves.
    """

    algebra: Algebra
    value: Expression
    conditions: tuple[Expression, ...]
    is_symmetric: bool
    unit: Expression
    original: Expression

    @property
    def unit_size(self) -> float:
        """κ, rounded."""
        found = Boxes.at(np.zeros((1, self.algebra.n))).enclose(self.unit)
        return float((found.lo + found.hi)[0] / 2)

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


class Reading(NamedTuple):
    """What a template computes, before it is known to be one formula.

    Attributes:
        function: the template.
        program: as JAX traced it.
        algebra: of its formulas.
        value: its formula, or a choice between several.
        conditions: what has to be positive wherever it is defined.
    """

    function: Callable[..., Any]
    program: ClosedJaxpr
    algebra: Algebra
    value: Expression | Choice
    conditions: tuple[Expression, ...]


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
    return one_formula(read(function, n_margins, deadline))


def read(function: Callable[..., Any], n_margins: int, deadline: float = math.inf) -> Reading:
    """What a template of `n_margins` margins computes."""
    with x64():
        traced = jax.make_jaxpr(function)(jnp.zeros(n_margins))
        shapes = [aval.shape for aval in traced.out_avals]
        if shapes != [()]:
            raise ValueError(
                f"expected a template that maps margins ({n_margins},) to a scalar, got shapes "
                f"{shapes}; reduce over the margins, as with jnp.sum."
            )
        algebra = Algebra(n_margins, deadline)
        value, conditions = _run(traced, algebra, None)
        if isinstance(value, Choice):
            _agree_in_value(function, algebra, value)
    return Reading(function, traced, algebra, value, conditions)


def one_formula(reading: Reading) -> Formula:
    """The formula that is right for all margins.

    Raises:
        CannotError: if none is.
    """
    algebra = reading.algebra
    with x64():
        value, conditions = _formula(reading)
    _agree(reading.function, algebra, value)
    unit = _unit(algebra, value)
    inverse = algebra.power(unit, -1)
    scaled = algebra.stretched(value, inverse) if unit.number is None else value
    if unit.number is None:
        conditions = tuple(algebra.stretched(part, inverse) for part in conditions)
    return Formula(algebra, scaled, conditions, _is_symmetric(algebra, scaled), unit, value)


def _formula(reading: Reading) -> tuple[Expression, tuple[Expression, ...]]:
    algebra = reading.algebra
    if isinstance(reading.value, Expression):
        return reading.value, reading.conditions
    needed = "a choice that depends on the order of the margins"
    for cones in (all_cones, all_faces):
        orders = list(itertools.islice(cones(algebra.n), ORDERS + 1))
        if len(orders) > ORDERS:
            raise CannotError(f"{needed}, and these have more than {ORDERS}")
        runs = [(cone, *_run(reading.program, algebra, cone)) for cone in orders]
        value = runs[0][1]
        if isinstance(value, Choice) or any(isinstance(found, Choice) for _, found, _ in runs):
            continue
        if any(algebra.substitute(value, cone.ties, algebra) != found for cone, found, _ in runs):
            raise CannotError("the formula is another for another order of the margins")
        return value, tuple({c: None for run in runs for c in run[2]})
    raise CannotError(needed)


def _run(
    traced: ClosedJaxpr, algebra: Algebra, cone: OrderCone | None
) -> tuple[Expression | Choice, tuple[Expression, ...]]:
    run = ProgramRun(algebra, cone)
    margins = np.empty(algebra.n, dtype=object)
    margins[:] = [algebra.variable(i) for i in range(algebra.n)]
    if cone is not None:
        margins[:] = [algebra.substitute(u, cone.ties, algebra) for u in margins]
    (value,) = run.program(traced, [margins])
    found = run.symbolic(value).reshape(-1)[0]
    if any(not isinstance(end, Expression) for end, _ in ends(found)):
        raise CannotError("a value that is infinite or not a number")
    return found, tuple(run.conditions)


def _unit(algebra: Algebra, value: Expression) -> Expression:
    """A positive constant that multiplies margins in exponentials; 1 if there is none."""
    seen: set[Expression] = set()

    def found(a: Expression, in_exponential: bool) -> Expression | None:
        seen.add(a)
        for _, factors in a.terms:
            margins = [base for base, _ in factors if base.kind == "variable"]
            others = tuple(factor for factor in factors if factor[0].kind != "variable")
            if in_exponential and others and len(margins) == 1:
                rate = Expression({((Fraction(0),) * (algebra.n + 1), others): Fraction(1)})
                if rate.is_constant and rate.is_positive:
                    return rate
            for base, _ in others:
                if base.inner not in seen:
                    rate = found(base.inner, base.kind == "exp")
                    if rate is not None:
                        return rate
        return None

    return found(value, False) or algebra.constant(1)


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


def _agree_in_value(function: Callable[..., Any], algebra: Algebra, value: Choice) -> None:
    """Compare a choice between formulas with what JAX computes at some points."""
    points = np.random.default_rng(0).uniform(-2.0, 3.0, (32, algebra.n))
    values = np.asarray(jax.vmap(function)(jnp.asarray(points)))
    for point, computed in zip(points, values, strict=True):
        box, found = Boxes.at(point[None]), value
        while isinstance(found, Choice):
            sign = box.enclose(found.question.about)
            if not (sign.lo[0] > 0 or sign.hi[0] < 0):
                break
            found = found.side(1 if sign.lo[0] > 0 else -1)
        if isinstance(found, Choice):
            continue
        inside, slack = box.enclose(found), 1e-7 * (1 + abs(computed))
        if not inside.lo[0] - slack <= computed <= inside.hi[0] + slack:
            raise CannotError("the value that JAX computes is not that of the formulas")


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
