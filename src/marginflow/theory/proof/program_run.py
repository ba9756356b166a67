"""The operations of a traced program, on arrays of expressions.

Whatever only moves entries about is run by JAX itself on their positions; the rest is done entry by
entry.  A comparison is answered where the cone of orders answers it, and otherwise stays open: a
choice between equal formulas needs no answer.
"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from marginflow.theory.proof.algebra import Algebra
from marginflow.theory.proof.expression import CannotError, Expression
from marginflow.theory.proof.order_cone import OrderCone

_MOVES = {
    "broadcast_in_dim", "reshape", "squeeze", "expand_dims", "transpose", "slice",
    "dynamic_slice", "gather", "rev", "copy", "copy_p", "split", "concatenate", "pad",
    "dynamic_update_slice", "scatter", "stack", "tile", "unstack",
}  # fmt: skip
_CALLS = {
    "jit", "pjit", "closed_call", "core_call", "checkpoint", "remat", "remat2", "custom_jvp_call",
    "custom_vjp_call", "custom_vjp_call_jaxpr",
}  # fmt: skip
_PROGRAMS = ("jaxpr", "call_jaxpr", "fun_jaxpr")


class NeedsOrderError(CannotError):
    """A comparison that only an order of the margins can settle."""


class ProgramRun:
    """One run of a program on expressions."""

    def __init__(self, algebra: Algebra, cone: OrderCone | None):
        self.algebra, self.cone = algebra, cone
        self.conditions: dict[Expression, None] = {}

    def program(self, program: Any, arguments: Sequence[Any]) -> list[Any]:
        closed = isinstance(program, ClosedJaxpr)
        jaxpr: Jaxpr = program.jaxpr if closed else program
        known: dict[Any, Any] = {}
        known.update(zip(jaxpr.constvars, program.consts if closed else (), strict=True))
        known.update(zip(jaxpr.invars, arguments, strict=True))

        def read(atom: Any) -> Any:
            return np.asarray(atom.val) if isinstance(atom, Literal) else known[atom]

        for equation in jaxpr.eqns:
            if all(type(out).__name__ == "DropVar" for out in equation.outvars):
                continue
            results = self.equation(equation, [read(atom) for atom in equation.invars])
            known.update(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def equation(self, equation: JaxprEqn, arguments: list[Any]) -> list[Any]:
        name, params = equation.primitive.name, equation.params
        if not any(_is_symbolic(argument) for argument in arguments):
            bound = equation.primitive.bind(*map(jnp.asarray, arguments), **params)
            found = bound if equation.primitive.multiple_results else [bound]
            return [np.asarray(part) for part in found]
        if name == "div" and np.issubdtype(
            getattr(equation.invars[0].aval, "dtype", float), np.integer
        ):
            raise CannotError("a division of whole numbers")
        if name in _CALLS:
            return self.program(next(params[key] for key in _PROGRAMS if key in params), arguments)
        if name in _MOVES:
            return self.move(equation, arguments)
        if name == "select_n":
            return [self.select(arguments[0], [self.symbolic(case) for case in arguments[1:]])]
        if name in _ELEMENTWISE:
            return [self.elementwise(_ELEMENTWISE[name], arguments, params)]
        if name in _REDUCTIONS:
            return [self.reduce(_REDUCTIONS[name], self.symbolic(arguments[0]), params["axes"])]
        rule = getattr(self, f"_rule_{name}", None)
        if rule is None:
            raise CannotError(f"the operation {name!r} is not known to the prover")
        return [rule(*arguments, **params)]

    def symbolic(self, value: Any) -> np.ndarray:
        """An array of expressions; truth values stay as they are."""
        if _is_symbolic(value):
            return value
        array = np.asarray(value)
        result = np.empty(array.shape, dtype=object)
        flat = result.reshape(-1)
        for at, entry in enumerate(array.reshape(-1)):
            if array.dtype == bool:
                flat[at] = bool(entry)
            elif np.isfinite(entry):
                flat[at] = self.algebra.constant(Fraction(entry.item()))
            else:
                flat[at] = float(entry)
        return result

    def move(self, equation: JaxprEqn, arguments: list[Any]) -> list[Any]:
        """Run an operation that only moves entries on their positions."""
        count = 1 if equation.primitive.name in ("gather", "dynamic_slice") else len(arguments)
        if equation.primitive.name == "dynamic_update_slice":
            count = 2
        moved = [0, 2] if equation.primitive.name == "scatter" else list(range(count))
        pool: list[Any] = []
        stand_ins = [jnp.asarray(a) if not _is_symbolic(a) else None for a in arguments]
        for at in moved:
            entries = self.symbolic(arguments[at])
            positions = len(pool) + np.arange(entries.size).reshape(entries.shape)
            stand_ins[at] = jnp.asarray(positions)
            pool += list(entries.reshape(-1))
        if any(stand_in is None for stand_in in stand_ins):
            raise CannotError("an index that depends on the margins")
        bound = equation.primitive.bind(*stand_ins, **equation.params)
        found = bound if equation.primitive.multiple_results else [bound]
        results = []
        for positions in map(np.asarray, found):
            if ((positions < 0) | (positions >= len(pool))).any():
                raise CannotError("an index out of bounds")
            result = np.empty(positions.shape, dtype=object)
            result.reshape(-1)[:] = [pool[p] for p in positions.reshape(-1)]
            results.append(result)
        return results

    def select(self, which: Any, cases: list[np.ndarray]) -> np.ndarray:
        which = np.broadcast_to(np.asarray(which), cases[0].shape)
        result = np.empty(cases[0].shape, dtype=object)
        for at in np.ndindex(*result.shape):
            options = [case[at] for case in cases]
            if which[at] is None:
                if any(option != options[0] for option in options):
                    raise NeedsOrderError("a choice that depends on the order of the margins")
                result[at] = options[0]
            else:
                result[at] = options[int(which[at])]
        return result

    def elementwise(self, rule: Callable, arguments: list[Any], params: dict) -> np.ndarray:
        if params.get("out_dtype") not in (None, np.dtype(np.float64)):
            raise CannotError(f"a computation in {params['out_dtype']}")
        used = {key: params[key] for key in ("y", "new_dtype") if key in params}
        arrays = np.broadcast_arrays(*(self.symbolic(a) for a in arguments))
        result = np.empty(arrays[0].shape, dtype=object)
        for at in np.ndindex(*result.shape):
            result[at] = rule(self, *(array[at] for array in arrays), **used)
        return result

    def reduce(self, rule: Callable, array: np.ndarray, axes: Sequence[int]) -> np.ndarray:
        kept = [axis for axis in range(array.ndim) if axis not in axes]
        shape = tuple(array.shape[axis] for axis in kept)
        rows = array.transpose([*kept, *axes]).reshape(math.prod(shape), -1)
        result = np.empty(len(rows), dtype=object)
        for at, row in enumerate(rows):
            total = row[0]
            for entry in row[1:]:
                total = rule(self, total, entry)
            result[at] = total
        return result.reshape(shape)

    def positive(self, a: Expression) -> Expression:
        """The argument, which has to be positive."""
        if not a.is_positive:
            self.conditions[a] = None
        return a

    def sign(self, a: Expression) -> tuple[int, bool]:
        """±1 if a ≥ 0 or a ≤ 0 on the whole region, 0 if a = 0; and whether strictly so."""
        if a.is_zero:
            return 0, True
        for sign in (1, -1):
            if self.algebra.scale(a, sign).is_positive:
                return sign, True
        found = None if self.cone is None else self.cone.sign(self.algebra, a)
        if found is None:
            raise NeedsOrderError("a comparison that depends on the order of the margins")
        return found

    def compare(self, a: Any, b: Any, wanted: dict[int, bool]) -> bool | None:
        """A truth value, or None where it is not the same on the whole region."""
        if isinstance(a, float) or isinstance(b, float):
            left, right = (x if isinstance(x, float) else 0.0 for x in (a, b))
            return None if math.isnan(left + right) else wanted[(left > right) - (left < right)]
        try:
            sign, strict = self.sign(self.algebra.subtract(_finite(a), _finite(b)))
        except NeedsOrderError:
            return None
        if not strict and wanted[sign] != wanted[0]:
            return None
        return wanted[sign]

    def maximum(self, a: Any, b: Any) -> Any:
        if isinstance(a, float) or isinstance(b, float):
            infinite, other = (a, b) if isinstance(a, float) else (b, a)
            return _finite(other) if infinite == -math.inf else _finite(infinite)
        return a if self.sign(self.algebra.subtract(a, b))[0] >= 0 else b

    def minimum(self, a: Any, b: Any) -> Any:
        if isinstance(a, float) or isinstance(b, float):
            infinite, other = (a, b) if isinstance(a, float) else (b, a)
            return _finite(other) if infinite == math.inf else _finite(infinite)
        return b if self.sign(self.algebra.subtract(a, b))[0] >= 0 else a

    def root(self, a: Any, power: Fraction) -> Expression:
        a = _finite(a)
        if power.denominator > 1 or (power < 0 and a.number is None):
            self.positive(a)
        return self.algebra.power(a, power)

    def divided(self, a: Any, b: Any) -> Expression:
        b = _finite(b)
        if b.number is None:
            negative = self.algebra.scale(b, -1)
            if negative.is_positive:
                return self.algebra.multiply(_finite(a), self.algebra.power(b, -1))
            self.positive(b)
        return self.algebra.multiply(_finite(a), self.algebra.power(b, -1))

    def logarithm(self, a: Any) -> Expression:
        return self.algebra.log(self.positive(_finite(a)))

    def raised(self, a: Any, b: Any) -> Expression:
        exponent = _finite(b).number
        if exponent is not None:
            return self.root(a, exponent)
        return self.algebra.exp(self.algebra.multiply(_finite(b), self.logarithm(a)))

    def logistic(self, a: Any) -> Expression:
        al = self.algebra
        return al.power(al.add(al.constant(1), al.exp(al.scale(_finite(a), -1))), -1)

    def tanh(self, a: Any) -> Expression:
        al = self.algebra
        return al.subtract(al.scale(self.logistic(al.scale(_finite(a), 2)), 2), al.constant(1))

    def _rule_dot_general(self, left: Any, right: Any, **params: Any) -> np.ndarray:
        (left_sum, right_sum), (left_batch, right_batch) = params["dimension_numbers"]
        left, right = self.symbolic(left), self.symbolic(right)
        free_left = [i for i in range(left.ndim) if i not in (*left_sum, *left_batch)]
        free_right = [i for i in range(right.ndim) if i not in (*right_sum, *right_batch)]
        batch = [left.shape[i] for i in left_batch]
        rows = [left.shape[i] for i in free_left]
        columns = [right.shape[i] for i in free_right]
        n_sum = math.prod(left.shape[i] for i in left_sum)
        a = left.transpose([*left_batch, *free_left, *left_sum])
        b = right.transpose([*right_batch, *right_sum, *free_right])
        a = a.reshape(math.prod(batch), math.prod(rows), n_sum)
        b = b.reshape(math.prod(batch), n_sum, math.prod(columns))
        result = np.empty((len(a), a.shape[1], b.shape[2]), dtype=object)
        for g, i, j in np.ndindex(*result.shape):
            pairs = zip(a[g, i], b[g, :, j], strict=True)
            products = [self.algebra.multiply(_finite(x), _finite(y)) for x, y in pairs]
            result[g, i, j] = self.algebra.add(*products)
        return result.reshape((*batch, *rows, *columns))

    def _rule_cumsum(self, a: Any, *, axis: int, reverse: bool) -> np.ndarray:
        array = np.moveaxis(self.symbolic(a), axis, 0)
        array = array[::-1] if reverse else array
        result = array.copy()
        for at in range(1, len(array)):
            before, here = result[at - 1 : at], array[at : at + 1]
            result[at : at + 1] = self.elementwise(_ELEMENTWISE["add"], [before, here], {})
        return np.moveaxis(result[::-1] if reverse else result, 0, axis)

    def _rule_sort(self, array: Any, *more: Any, dimension: int, **_: Any) -> np.ndarray:
        if more:
            raise CannotError("the operation 'argsort' is not known to the prover")
        rows = np.moveaxis(self.symbolic(array), dimension, -1)
        width = rows.shape[-1]
        lists = [list(row) for row in rows.reshape(-1, width)]
        for row in lists:
            for end in range(len(row) - 1, 0, -1):
                for i in range(end):
                    low, high = self.minimum(row[i], row[i + 1]), self.maximum(row[i], row[i + 1])
                    row[i], row[i + 1] = low, high
        result = np.empty((len(lists), width), dtype=object)
        for at, row in enumerate(lists):
            result[at] = row
        return np.moveaxis(result.reshape(rows.shape), -1, dimension)


def _is_symbolic(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == object


def _finite(a: Any) -> Expression:
    if not isinstance(a, Expression):
        raise CannotError("a number that is infinite, not a number or a truth value")
    return a


def _converted(run: ProgramRun, a: Any, *, new_dtype: Any) -> Any:
    if new_dtype == np.float64 or np.issubdtype(new_dtype, np.integer):
        if a is None:
            raise NeedsOrderError("a count that depends on the order of the margins")
        if isinstance(a, bool):
            return run.algebra.constant(int(a))
        if isinstance(a, Expression) and (new_dtype == np.float64 or a.number is not None):
            whole = a.number is not None and a.number.denominator == 1
            if whole or new_dtype == np.float64:
                return a
    raise CannotError(f"a conversion to {new_dtype}")


def _absolute(run: ProgramRun, a: Any) -> Any:
    return run.maximum(_finite(a), run.algebra.scale(_finite(a), -1))


def _not(run: ProgramRun, a: Any) -> bool | None:
    return None if a is None else not a


def _and(run: ProgramRun, a: Any, b: Any) -> bool | None:
    return False if a is False or b is False else (None if a is None or b is None else True)


def _or(run: ProgramRun, a: Any, b: Any) -> bool | None:
    return True if a is True or b is True else (None if a is None or b is None else False)


def _sign(run: ProgramRun, a: Any) -> Expression:
    sign, strict = run.sign(_finite(a))
    if not strict:
        raise CannotError("the sign of a number that may be zero")
    return run.algebra.constant(sign)


def _compared(wanted: dict[int, bool]) -> Callable:
    return lambda run, a, b: run.compare(a, b, wanted)


_HALF = Fraction(1, 2)
_ELEMENTWISE: dict[str, Callable] = {
    "add": lambda run, a, b: run.algebra.add(_finite(a), _finite(b)),
    "add_any": lambda run, a, b: run.algebra.add(_finite(a), _finite(b)),
    "sub": lambda run, a, b: run.algebra.subtract(_finite(a), _finite(b)),
    "mul": lambda run, a, b: run.algebra.multiply(_finite(a), _finite(b)),
    "neg": lambda run, a: run.algebra.scale(_finite(a), -1),
    "div": lambda run, a, b: run.divided(a, b),
    "exp": lambda run, a: run.algebra.exp(_finite(a)),
    "expm1": lambda run, a: run.algebra.subtract(
        run.algebra.exp(_finite(a)), run.algebra.constant(1)
    ),
    "log": lambda run, a: run.logarithm(a),
    "log1p": lambda run, a: run.logarithm(run.algebra.add(_finite(a), run.algebra.constant(1))),
    "logistic": lambda run, a: run.logistic(a),
    "tanh": lambda run, a: run.tanh(a),
    "sin": lambda run, a: run.algebra.sin(_finite(a)),
    "cos": lambda run, a: run.algebra.cos(_finite(a)),
    "sqrt": lambda run, a: run.root(a, _HALF),
    "rsqrt": lambda run, a: run.root(a, -_HALF),
    "square": lambda run, a: run.root(a, Fraction(2)),
    "integer_pow": lambda run, a, y: run.root(a, Fraction(y)),
    "pow": lambda run, a, b: run.raised(a, b),
    "abs": _absolute,
    "max": lambda run, a, b: run.maximum(a, b),
    "min": lambda run, a, b: run.minimum(a, b),
    "sign": _sign,
    "is_finite": lambda run, a: isinstance(a, Expression),
    "convert_element_type": _converted,
    "not": _not,
    "and": _and,
    "or": _or,
    "gt": _compared({1: True, 0: False, -1: False}),
    "ge": _compared({1: True, 0: True, -1: False}),
    "lt": _compared({1: False, 0: False, -1: True}),
    "le": _compared({1: False, 0: True, -1: True}),
    "eq": _compared({1: False, 0: True, -1: False}),
    "ne": _compared({1: True, 0: False, -1: True}),
    "stop_gradient": lambda run, a: a,
}
_REDUCTIONS: dict[str, Callable] = {
    "reduce_sum": _ELEMENTWISE["add"],
    "reduce_prod": _ELEMENTWISE["mul"],
    "reduce_max": _ELEMENTWISE["max"],
    "reduce_min": _ELEMENTWISE["min"],
}
