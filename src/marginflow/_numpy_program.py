"""A traced function evaluated by NumPy: what is called a few dozen times is not worth compiling.

XLA needs half a second to compile what NumPy evaluates on some hundred rows in a millisecond.  So a
function that is to be looked at, not trained with, is traced by JAX, derivatives and all, and the
trace is run operation by operation.  An operation that has no rule in `_numpy_primitives` is left
to JAX, which compiles it alone; every function that JAX can trace has its program.

Subnormal numbers are kept, which compiled code rounds to zero.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from marginflow._numpy_primitives import RULES
from marginflow._precision import x64

Values = Sequence[Any]
Operation = Callable[..., Any]
# What calls another program, under which parameter it is found.
_CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
}
_IDENTITIES = ("copy", "copy_p", "stop_gradient", "optimization_barrier")


class NumpyProgram:
    """A function of arrays, traced once for their shapes and types.

    Args:
        function: of JAX arrays; returns an array or a tuple of them.
        shapes: of its arguments, float64 arrays; or with a dtype, `jax.ShapeDtypeStruct`.

    Example:
        >>> import jax
        >>> import numpy as np
        >>> from marginflow._numpy_program import NumpyProgram
        >>> program = NumpyProgram(jax.grad(lambda u: (u**3).sum()), (2,))
        >>> program(np.array([1.0, 2.0]))
        [array([ 3., 12.])]
    """

    def __init__(
        self, function: Callable[..., Any], *shapes: tuple[int, ...] | jax.ShapeDtypeStruct
    ):
        arguments = [
            shape
            if isinstance(shape, jax.ShapeDtypeStruct)
            else jax.ShapeDtypeStruct(shape, np.float64)
            for shape in shapes
        ]
        self._types = [argument.dtype for argument in arguments]
        with x64():
            program, self._results = jax.make_jaxpr(function, return_shape=True)(*arguments)
            self._run = _planned(program)

    def __call__(self, *arguments: np.ndarray) -> list[np.ndarray]:
        """The flat list of results."""
        given = zip(arguments, self._types, strict=True)
        with np.errstate(all="ignore"):
            results = self._run([np.asarray(each, dtype=dtype) for each, dtype in given])
        return [np.asarray(result) for result in results]

    def results(self, *arguments: np.ndarray) -> Any:
        """The results as the function returns them, an array or a tree of arrays."""
        return jax.tree.unflatten(jax.tree.structure(self._results), self(*arguments))


def _planned(program: ClosedJaxpr) -> Callable[[Values], list[Any]]:
    """A program as a function of its arguments; what depends on none of them is computed here."""
    plan = _Plan()
    arguments = [plan.slot() for _ in program.jaxpr.invars]
    results = plan.include(program, arguments)
    start, steps = plan.start, plan.steps_towards(results)

    def run(values: Values) -> list[Any]:
        held = start.copy()
        for place, value in zip(arguments, values, strict=True):
            held[place] = value
        for operation, inputs, outputs, many in steps:
            found = operation(*[held[i] for i in inputs])
            if many:
                for place, value in zip(outputs, found, strict=True):
                    held[place] = value
            else:
                held[outputs[0]] = found
        return [held[place] for place in results]

    return run


class _Plan:
    """Numbered places for values, and the steps that fill them.

    Attributes:
        start: what is in each place before the first step.
        steps: operation, places of its operands and results, whether it gives a list of them.
    """

    def __init__(self) -> None:
        self.start: list[Any] = []
        self.steps: list[tuple[Operation, list[int], list[int], bool]] = []
        self._known: list[bool] = []

    def slot(self, value: Any = None, is_known: bool = False) -> int:
        """A new place."""
        self.start.append(value)
        self._known.append(is_known)
        return len(self.start) - 1

    def include(self, program: ClosedJaxpr, arguments: Sequence[int]) -> list[int]:
        """Append a program, and those that it calls; the places of its results."""
        jaxpr = program.jaxpr
        consts = [self.slot(_to_numpy(value), True) for value in program.consts]
        at = dict(zip(jaxpr.constvars, consts, strict=True))
        at |= dict(zip(jaxpr.invars, arguments, strict=True))

        def place(atom: Any) -> int:
            if isinstance(atom, Literal):
                kind: Any = atom.aval
                return self.slot(np.asarray(atom.val, dtype=kind.dtype), True)
            return at[atom]

        for equation in jaxpr.eqns:
            inputs = [place(atom) for atom in equation.invars]
            at |= dict(zip(equation.outvars, self._append(equation, inputs), strict=True))
        return [place(atom) for atom in jaxpr.outvars]

    def steps_towards(
        self, results: Sequence[int]
    ) -> list[tuple[Operation, list[int], list[int], bool]]:
        """The steps without which some result would be missing."""
        needed, kept = set(results), []
        for step in reversed(self.steps):
            if needed.intersection(step[2]):
                needed.update(step[1])
                kept.append(step)
        return kept[::-1]

    def _append(self, equation: JaxprEqn, inputs: list[int]) -> list[int]:
        name, params = equation.primitive.name, equation.params
        if name in _IDENTITIES:
            return inputs
        if name in _CALLS and _CALLS[name] in params:
            return self.include(_closed(params[_CALLS[name]]), inputs)
        operation, many = _operation(equation)
        if all(self._known[i] for i in inputs):
            with np.errstate(all="ignore"):
                found = operation(*(self.start[i] for i in inputs))
            return [self.slot(value, True) for value in (found if many else [found])]
        outputs = [self.slot() for _ in equation.outvars]
        self.steps.append((operation, inputs, outputs, many))
        return outputs


def _operation(equation: JaxprEqn) -> tuple[Operation, bool]:
    """What an equation does, and whether it gives a list of results."""
    name, params = equation.primitive.name, equation.params
    if name in _CONTROL:
        return _CONTROL[name](params), True
    rule = RULES.get(name)
    made = None if rule is None else rule(params, [atom.aval for atom in equation.invars])
    if made is not None:
        return made, equation.primitive.multiple_results
    return _left_to_jax(equation), equation.primitive.multiple_results


def _left_to_jax(equation: JaxprEqn) -> Operation:
    primitive, params = equation.primitive, equation.params

    def operation(*values: Any) -> Any:
        with x64():
            arrays = [jnp.asarray(value) if _is_plain(value) else value for value in values]
            found = primitive.bind(*arrays, **params)
        return [_to_numpy(part) for part in found] if isinstance(found, list) else _to_numpy(found)

    return operation


def _while(params: dict[str, Any]) -> Operation:
    goes_on, body = _planned(params["cond_jaxpr"]), _planned(params["body_jaxpr"])
    n_cond, n_body = params["cond_nconsts"], params["body_nconsts"]

    def operation(*values: Any) -> list[Any]:
        of_cond, of_body = values[:n_cond], values[n_cond : n_cond + n_body]
        state = list(values[n_cond + n_body :])
        while np.asarray(goes_on([*of_cond, *state])[0]).any():
            state = body([*of_body, *state])
        return state

    return operation


def _cond(params: dict[str, Any]) -> Operation:
    branches = [_planned(branch) for branch in params["branches"]]

    def operation(which: Any, *values: Any) -> list[Any]:
        return branches[min(max(int(which), 0), len(branches) - 1)](values)

    return operation


def _scan(params: dict[str, Any]) -> Operation:
    body = _planned(params["jaxpr"])
    n_consts, n_carry = params["num_consts"], params["num_carry"]
    order = range(params["length"])
    order = order[::-1] if params["reverse"] else order

    def operation(*values: Any) -> list[Any]:
        consts, state = values[:n_consts], list(values[n_consts : n_consts + n_carry])
        rows = values[n_consts + n_carry :]
        collected: list[Any] = [None] * len(order)
        for i in order:
            found = body([*consts, *state, *(row[i] for row in rows)])
            state, collected[i] = found[:n_carry], found[n_carry:]
        return [*state, *(np.stack(column) for column in zip(*collected, strict=True))]

    return operation


_CONTROL: dict[str, Callable[[dict[str, Any]], Operation]] = {
    "while": _while,
    "cond": _cond,
    "scan": _scan,
}


def _closed(program: ClosedJaxpr | Jaxpr) -> ClosedJaxpr:
    return program if isinstance(program, ClosedJaxpr) else ClosedJaxpr(program, ())


def _is_plain(value: Any) -> bool:
    """Whether it is an array of numbers, and not of random keys."""
    return not (hasattr(value, "dtype") and jnp.issubdtype(value.dtype, jax.dtypes.extended))


def _to_numpy(value: Any) -> Any:
    return np.asarray(value) if _is_plain(value) else value
