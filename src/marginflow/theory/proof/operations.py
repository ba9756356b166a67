"""The operations on single numbers of a traced program, as rules on expressions."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from marginflow.theory.proof.expression import CannotError, Expression


def is_symbolic(value: Any) -> bool:
    """Whether it is an array of expressions or choices."""
    return isinstance(value, np.ndarray) and value.dtype == object


def finite(a: Any) -> Expression:
    """The entry, which has to be a number."""
    if not isinstance(a, Expression):
        raise CannotError("a number that is infinite, not a number or a truth value")
    return a


def _converted(run: Any, a: Any, *, new_dtype: Any) -> Any:
    if new_dtype == np.float64 or np.issubdtype(new_dtype, np.integer):
        if isinstance(a, bool):
            return run.algebra.constant(int(a))
        if isinstance(a, Expression) and (new_dtype == np.float64 or a.number is not None):
            whole = a.number is not None and a.number.denominator == 1
            if whole or new_dtype == np.float64:
                return a
    raise CannotError(f"a conversion to {new_dtype}")


def _absolute(run: Any, a: Any) -> Any:
    return run.maximum(finite(a), run.algebra.scale(finite(a), -1))


def _sign(run: Any, a: Any) -> Any:
    minus, zero, plus = (run.algebra.constant(value) for value in (-1, 0, 1))
    return run.by_sign(finite(a), minus, zero, plus)


def _clamped(run: Any, low: Any, a: Any, high: Any) -> Any:
    return run.on(ELEMENTWISE["min"], run.maximum(low, a), high)


def _half_sum(run: Any, a: Any, sign: int) -> Expression:
    """The hyperbolic cosine or sine."""
    al, a = run.algebra, finite(a)
    mirrored = al.scale(al.exp(al.scale(a, -1)), sign)
    return al.scale(al.add(al.exp(a), mirrored), _HALF)


def _exp2(run: Any, a: Any) -> Expression:
    return run.raised(run.algebra.constant(2), a)


def _log_of_sum(run: Any, a: Any, b: Any) -> Expression:
    al = run.algebra
    return run.logarithm(al.add(al.exp(finite(a)), al.exp(finite(b))))


def _compared(wanted: dict[int, bool]) -> Callable:
    return lambda run, a, b: run.compare(a, b, wanted)


_HALF = Fraction(1, 2)
ELEMENTWISE: dict[str, Callable] = {
    "add": lambda run, a, b: run.algebra.add(finite(a), finite(b)),
    "add_any": lambda run, a, b: run.algebra.add(finite(a), finite(b)),
    "sub": lambda run, a, b: run.algebra.subtract(finite(a), finite(b)),
    "mul": lambda run, a, b: run.algebra.multiply(finite(a), finite(b)),
    "neg": lambda run, a: run.algebra.scale(finite(a), -1),
    "div": lambda run, a, b: run.divided(a, b),
    "exp": lambda run, a: run.algebra.exp(finite(a)),
    "exp2": _exp2,
    "expm1": lambda run, a: run.algebra.subtract(
        run.algebra.exp(finite(a)), run.algebra.constant(1)
    ),
    "log": lambda run, a: run.logarithm(a),
    "log1p": lambda run, a: run.logarithm(run.algebra.add(finite(a), run.algebra.constant(1))),
    "logistic": lambda run, a: run.logistic(a),
    "tanh": lambda run, a: run.tanh(a),
    "cosh": lambda run, a: _half_sum(run, a, 1),
    "sinh": lambda run, a: _half_sum(run, a, -1),
    "sin": lambda run, a: run.algebra.sin(finite(a)),
    "cos": lambda run, a: run.algebra.cos(finite(a)),
    "cbrt": lambda run, a: run.root(a, Fraction(1, 3)),
    "sqrt": lambda run, a: run.root(a, _HALF),
    "rsqrt": lambda run, a: run.root(a, -_HALF),
    "square": lambda run, a: run.root(a, Fraction(2)),
    "integer_pow": lambda run, a, y: run.root(a, Fraction(y)),
    "pow": lambda run, a, b: run.raised(a, b),
    "abs": _absolute,
    "max": lambda run, a, b: run.maximum(a, b),
    "min": lambda run, a, b: run.minimum(a, b),
    "clamp": _clamped,
    "sign": _sign,
    "is_finite": lambda run, a: isinstance(a, Expression),
    "convert_element_type": _converted,
    "not": lambda run, a: not a,
    "and": lambda run, a, b: a and b,
    "or": lambda run, a, b: a or b,
    "xor": lambda run, a, b: a != b,
    "gt": _compared({1: True, 0: False, -1: False}),
    "ge": _compared({1: True, 0: True, -1: False}),
    "lt": _compared({1: False, 0: False, -1: True}),
    "le": _compared({1: False, 0: True, -1: True}),
    "eq": _compared({1: False, 0: True, -1: False}),
    "ne": _compared({1: True, 0: False, -1: True}),
    "stop_gradient": lambda run, a: a,
    "optimization_barrier": lambda run, a: a,
}
REDUCTIONS: dict[str, Callable] = {
    "reduce_sum": ELEMENTWISE["add"],
    "reduce_prod": ELEMENTWISE["mul"],
    "reduce_max": ELEMENTWISE["max"],
    "reduce_min": ELEMENTWISE["min"],
    "reduce_and": ELEMENTWISE["and"],
    "reduce_or": ELEMENTWISE["or"],
}
CUMULATIVE: dict[str, Callable] = {
    "cumsum": ELEMENTWISE["add"],
    "cumprod": ELEMENTWISE["mul"],
    "cummax": ELEMENTWISE["max"],
    "cummin": ELEMENTWISE["min"],
    "cumlogsumexp": _log_of_sum,
}
