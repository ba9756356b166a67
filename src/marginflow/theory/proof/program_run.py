"""The operations of a traced program, on arrays of expressions.

Whatever only moves entries about is run by JAX itself on their positions; the rest is done entry by
entry (`operations`, `control_flow`).  A comparison is answered where the cone of orders answers it;
otherwise both answers are carried along (`choice`), and a choice between equal formulas is none.
"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from marginflow.theory.proof.algebra import Algebra
from marginflow.theory.proof.choice import Choice, Question, apply, choose
from marginflow.theory.proof.control_flow import FLOW
from marginflow.theory.proof.expression import CannotError, Expression
from marginflow.theory.proof.operations import (
    CUMULATIVE,
    ELEMENTWISE,
    REDUCTIONS,
    finite,
    is_symbolic,
)
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
# Linear in all that depends on the margins, as long as their other arguments do not.
_LINEAR = {"scatter-add", "conv_general_dilated", "reduce_window_sum"}
_PROGRAMS = ("jaxpr", "call_jaxpr", "fun_jaxpr")


class ProgramRun:
    """One run of a program on expressions."""

    def __init__(self, algebra: Algebra, cone: OrderCone | None):
        self.algebra, self.cone = algebra, cone
        self.conditions: dict[Expression, None] = {}
        self.questions: dict[Expression, Question] = {}

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
        if not any(is_symbolic(argument) for argument in arguments):
            bound = equation.primitive.bind(*map(jnp.asarray, arguments), **params)
            found = bound if equation.primitive.multiple_results else [bound]
            return [np.asarray(part) for part in found]
        if name == "div" and np.issubdtype(
            getattr(equation.invars[0].aval, "dtype", float), np.integer
        ):
            raise CannotError("a division of whole numbers")
        if name in _CALLS:
            return self.program(next(params[key] for key in _PROGRAMS if key in params), arguments)
        if name in FLOW:
            return FLOW[name](self, arguments, params)
        if name in _MOVES:
            return self.move(equation, arguments)
        if name == "select_n":
            return [self.select(arguments[0], [self.symbolic(case) for case in arguments[1:]])]
        if name in _LINEAR:
            return [self.linear(equation, arguments)]
        if name in ELEMENTWISE:
            return [self.elementwise(ELEMENTWISE[name], arguments, params)]
        if name in REDUCTIONS:
            return [self.reduce(REDUCTIONS[name], self.symbolic(arguments[0]), params["axes"])]
        if name in CUMULATIVE:
            return [self.cumulative(CUMULATIVE[name], self.symbolic(arguments[0]), **params)]
        rule = getattr(self, f"_rule_{name}", None)
        if rule is None:
            raise CannotError(f"the operation {name!r} is not known to the prover")
        return [rule(*arguments, **params)]

    def symbolic(self, value: Any) -> np.ndarray:
        """An array of expressions; truth values stay as they are."""
        if is_symbolic(value):
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
        stand_ins = [jnp.asarray(a) if not is_symbolic(a) else None for a in arguments]
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

    def linear(self, equation: JaxprEqn, arguments: list[Any]) -> np.ndarray:
        """Run an operation that is linear in its entries on each of their directions."""
        entries = [entry for a in arguments if is_symbolic(a) for entry in a.reshape(-1)]

        def image(at: int | None) -> np.ndarray:
            parts, start = [], 0
            for argument in arguments:
                if is_symbolic(argument):
                    direction = np.zeros(argument.size)
                    if at is not None and start <= at < start + argument.size:
                        direction[at - start] = 1.0
                    parts.append(jnp.asarray(direction.reshape(argument.shape)))
                    start += argument.size
                else:
                    parts.append(jnp.asarray(argument))
            return np.asarray(equation.primitive.bind(*parts, **equation.params))

        constant = image(None)
        columns = [image(at) - constant for at in range(len(entries))]
        result = np.empty(constant.shape, dtype=object)
        add, scaled = ELEMENTWISE["add"], ELEMENTWISE["mul"]
        for at in np.ndindex(*result.shape):
            total = self.algebra.constant(Fraction(constant[at].item()))
            for entry, column in zip(entries, columns, strict=True):
                if column[at]:
                    share = self.algebra.constant(Fraction(column[at].item()))
                    total = self.on(add, total, self.on(scaled, entry, share))
            result[at] = total
        return result

    def select(self, which: Any, cases: list[np.ndarray]) -> np.ndarray:
        which = np.broadcast_to(np.asarray(which), cases[0].shape)
        result = np.empty(cases[0].shape, dtype=object)
        for at in np.ndindex(*result.shape):
            options = [case[at] for case in cases]
            chosen = which[at]
            result[at] = (
                apply(lambda index, *rest: rest[int(index)], chosen, *options)
                if isinstance(chosen, Choice)
                else options[int(chosen)]
            )
        return result

    def on(self, rule: Callable, *entries: Any, **used: Any) -> Any:
        """A rule on entries that may be choices."""
        return apply(lambda *values: rule(self, *values, **used), *entries)

    def elementwise(self, rule: Callable, arguments: list[Any], params: dict) -> np.ndarray:
        if params.get("out_dtype") not in (None, np.dtype(np.float64)):
            raise CannotError(f"a computation in {params['out_dtype']}")
        used = {key: params[key] for key in ("y", "new_dtype") if key in params}
        arrays = np.broadcast_arrays(*(self.symbolic(a) for a in arguments))
        result = np.empty(arrays[0].shape, dtype=object)
        for at in np.ndindex(*result.shape):
            result[at] = self.on(rule, *(array[at] for array in arrays), **used)
        return result

    def reduce(self, rule: Callable, array: np.ndarray, axes: Sequence[int]) -> np.ndarray:
        kept = [axis for axis in range(array.ndim) if axis not in axes]
        shape = tuple(array.shape[axis] for axis in kept)
        rows = array.transpose([*kept, *axes]).reshape(math.prod(shape), -1)
        result = np.empty(len(rows), dtype=object)
        for at, row in enumerate(rows):
            total = row[0]
            for entry in row[1:]:
                total = self.on(rule, total, entry)
            result[at] = total
        return result.reshape(shape)

    def positive(self, a: Expression) -> Expression:
        """The argument, which has to be positive."""
        if not a.is_positive:
            self.conditions[a] = None
        return a

    def by_sign(self, a: Expression, negative: Any, zero: Any, positive: Any) -> Any:
        """One of three values by the sign of an expression; zero is None where either will do."""
        if a.is_zero:
            return positive if zero is None else zero
        for sign, value in ((1, positive), (-1, negative)):
            if self.algebra.scale(a, sign).is_positive:
                return value
        found = None if self.cone is None else self.cone.sign(self.algebra, a)
        if found is not None:
            sign, strict = found
            value = (negative, zero, positive)[sign + 1]
            if sign == 0:
                return positive if value is None else value
            if strict:
                return value
            negative = positive = value
        front, about = self.algebra.content(a, factors=False)
        about = self.algebra.multiply(about, self.algebra.constant(1))
        if next(iter(front.terms.values())) < 0:
            negative, positive = positive, negative
        flipped = self.algebra.scale(about, -1)
        if flipped in self.questions:
            about, negative, positive = flipped, positive, negative
        question = self.questions.setdefault(about, Question(len(self.questions), about))
        return choose(question, negative, zero, positive)

    def compare(self, a: Any, b: Any, wanted: dict[int, bool]) -> Any:
        """A truth value, which may depend on a sign."""
        if isinstance(a, float) or isinstance(b, float):
            left, right = (x if isinstance(x, float) else 0.0 for x in (a, b))
            if math.isnan(left) or math.isnan(right):
                return wanted[1] and wanted[-1]
            return wanted[(left > right) - (left < right)]
        difference = self.algebra.subtract(finite(a), finite(b))
        return self.by_sign(difference, wanted[-1], wanted[0], wanted[1])

    def maximum(self, a: Any, b: Any) -> Any:
        if isinstance(a, float) or isinstance(b, float):
            infinite, other = (a, b) if isinstance(a, float) else (b, a)
            return finite(other) if infinite == -math.inf else finite(infinite)
        return self.by_sign(self.algebra.subtract(a, b), b, None, a)

    def minimum(self, a: Any, b: Any) -> Any:
        if isinstance(a, float) or isinstance(b, float):
            infinite, other = (a, b) if isinstance(a, float) else (b, a)
            return finite(other) if infinite == math.inf else finite(infinite)
        return self.by_sign(self.algebra.subtract(a, b), a, None, b)

    def root(self, a: Any, power: Fraction) -> Expression:
        a = finite(a)
        if power.denominator > 1 or (power < 0 and a.number is None):
            self.positive(a)
        return self.algebra.power(a, power)

    def divided(self, a: Any, b: Any) -> Expression:
        b = finite(b)
        if b.number is None:
            negative = self.algebra.scale(b, -1)
            if negative.is_positive:
                return self.algebra.multiply(finite(a), self.algebra.power(b, -1))
            self.positive(b)
        return self.algebra.multiply(finite(a), self.algebra.power(b, -1))

    def logarithm(self, a: Any) -> Expression:
        return self.algebra.log(self.positive(finite(a)))

    def raised(self, a: Any, b: Any) -> Expression:
        exponent = finite(b).number
        if exponent is not None:
            return self.root(a, exponent)
        return self.algebra.exp(self.algebra.multiply(finite(b), self.logarithm(a)))

    def logistic(self, a: Any) -> Expression:
        al = self.algebra
        return al.power(al.add(al.constant(1), al.exp(al.scale(finite(a), -1))), -1)

    def tanh(self, a: Any) -> Expression:
        al = self.algebra
        return al.subtract(al.scale(self.logistic(al.scale(finite(a), 2)), 2), al.constant(1))

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
            total = self.algebra.constant(0)
            for x, y in pairs:
                product = self.on(ELEMENTWISE["mul"], x, y)
                total = self.on(ELEMENTWISE["add"], total, product)
            result[g, i, j] = total
        return result.reshape((*batch, *rows, *columns))

    def cumulative(
        self, rule: Callable, array: np.ndarray, *, axis: int, reverse: bool
    ) -> np.ndarray:
        array = np.moveaxis(array, axis, 0)
        array = array[::-1] if reverse else array
        result = array.copy()
        for at in range(1, len(array)):
            before, here = result[at - 1 : at], array[at : at + 1]
            result[at : at + 1] = self.elementwise(rule, [before, here], {})
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
                    pair = row[i], row[i + 1]
                    row[i] = self.on(ELEMENTWISE["min"], *pair)
                    row[i + 1] = self.on(ELEMENTWISE["max"], *pair)
        result = np.empty((len(lists), width), dtype=object)
        for at, row in enumerate(lists):
            result[at] = row
        return np.moveaxis(result.reshape(rows.shape), -1, dimension)
