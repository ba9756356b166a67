"""Loops and branches of a traced program, unrolled."""

from collections.abc import Callable
from typing import Any

import numpy as np

from marginflow.theory.proof.choice import Choice, apply
from marginflow.theory.proof.expression import CannotError

# Steps that a loop may have.
STEPS = 1000


def _scan(run: Any, arguments: list[Any], params: dict) -> list[Any]:
    n_consts, n_carry, length = (params[key] for key in ("num_consts", "num_carry", "length"))
    consts, rows = arguments[:n_consts], arguments[n_consts + n_carry :]
    carry = arguments[n_consts : n_consts + n_carry]
    if length > STEPS:
        raise CannotError(f"a loop of {length} steps is too long")
    found = []
    for at in reversed(range(length)) if params["reverse"] else range(length):
        # an index that ends in an ellipsis keeps an array where the row is one number
        out = run.program(params["jaxpr"], [*consts, *carry, *(row[at, ...] for row in rows)])
        carry = out[:n_carry]
        found.append([run.symbolic(part) for part in out[n_carry:]])
    found = found[::-1] if params["reverse"] else found
    stacked = []
    for at, out in enumerate(params["jaxpr"].out_avals[n_carry:]):
        whole = np.empty((length, *out.shape), dtype=object)
        for step in range(length):
            whole[step, ...] = found[step][at]
        stacked.append(whole)
    return [*carry, *stacked]


def _while(run: Any, arguments: list[Any], params: dict) -> list[Any]:
    first, second = params["cond_nconsts"], params["body_nconsts"]
    asks, does = arguments[:first], arguments[first : first + second]
    carry = arguments[first + second :]
    for _ in range(STEPS):
        (goes_on,) = run.program(params["cond_jaxpr"], [*asks, *carry])
        goes_on = np.asarray(goes_on).item()
        if isinstance(goes_on, Choice):
            raise CannotError("a loop whose length depends on the margins")
        if not goes_on:
            return carry
        carry = run.program(params["body_jaxpr"], [*does, *carry])
    raise CannotError(f"a loop of more than {STEPS} steps is too long")


def _cond(run: Any, arguments: list[Any], params: dict) -> list[Any]:
    branches = params["branches"]
    which = np.asarray(arguments[0]).item()
    if not isinstance(which, Choice):
        at = int(getattr(which, "number", which))
        return run.program(branches[min(max(at, 0), len(branches) - 1)], arguments[1:])
    found = [run.program(branch, arguments[1:]) for branch in branches]

    def pick(index: Any, *values: Any) -> Any:
        at = int(getattr(index, "number", index))
        return values[min(max(at, 0), len(branches) - 1)]

    results = []
    for parts in zip(*found, strict=True):
        arrays = [run.symbolic(part) for part in parts]
        result = np.empty(arrays[0].shape, dtype=object)
        for at in np.ndindex(*result.shape):
            result[at] = apply(pick, which, *(array[at] for array in arrays))
        results.append(result)
    return results


FLOW: dict[str, Callable[[Any, list[Any], dict], list[Any]]] = {
    "scan": _scan,
    "while": _while,
    "cond": _cond,
}
