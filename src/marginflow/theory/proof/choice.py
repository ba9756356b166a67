"""Values that depend on the sign of an expression: decision diagrams over questions.

A stable spelling asks which of two numbers is larger and then computes the same either way.  So an
open comparison is no obstacle: both answers are carried along, operation by operation, and become
one value again as soon as they agree.  What is left open at the end is a kink.

A node asks for the sign of one expression.  Its value where that is zero may be left out: then the
values on both sides agree there (as in a maximum) and either will do.  Questions have numbers, and
those of smaller number are asked first, so that equal functions have equal diagrams.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from marginflow.theory.proof.expression import CannotError, Expression

# Ends that a diagram may have.
ENDS = 2**11


@dataclass(frozen=True)
class Question:
    """The sign of an expression; equal if the number is."""

    number: int
    about: Expression


@dataclass(frozen=True)
class Choice:
    """One of three values by the sign of an expression.

    Attributes:
        question: about that sign.
        negative: the value where it is negative: an end, or another choice.
        zero: where it is zero; None if both others are right there.
        positive: where it is positive.
    """

    question: Question
    negative: Any
    zero: Any
    positive: Any

    def side(self, sign: int) -> Any:
        """The value for a sign ±1."""
        return self.positive if sign > 0 else self.negative


def apply(rule: Callable[..., Any], *values: Any) -> Any:
    """A function of values of which some are choices; the function may itself make choices."""
    question = _first(values)
    if question is None:
        return rule(*values)
    parts = [_restricted(values, question, sign) for sign in (-1, 0, 1)]
    below, at, above = (None if part is None else apply(rule, *part) for part in parts)
    return choose(question, below, at, above)


def choose(question: Question, negative: Any, zero: Any, positive: Any) -> Any:
    """The choice between three values, in its simplest form."""
    if negative == positive and (zero is None or zero == negative):
        return negative
    values = (negative, positive) if zero is None else (negative, zero, positive)
    first = _first(values)
    if first is None or first.number > question.number:
        found = Choice(question, negative, zero, positive)
        if sum(1 for _ in ends(found)) > ENDS:
            raise CannotError("a choice between too many formulas")
        return found
    if first == question:
        middle = zero
        if isinstance(zero, Choice) and zero.question == question:
            middle = zero.negative if zero.zero is None else zero.zero
        return choose(question, _side(negative, first, -1), middle, _side(positive, first, 1))
    parts = [_restricted(values, first, sign) for sign in (-1, 0, 1)]
    below, at, above = (
        None
        if part is None
        else choose(question, part[0], part[1] if zero is not None else None, part[-1])
        for part in parts
    )
    return choose(first, below, at, above)


def ends(value: Any, path: tuple[tuple[Question, int], ...] = ()) -> Iterator[tuple[Any, tuple]]:
    """Every value at an end, with the signs (question, ±1 or 0) that lead to it."""
    if not isinstance(value, Choice):
        yield value, path
        return
    for sign, part in ((-1, value.negative), (0, value.zero), (1, value.positive)):
        if part is not None:
            yield from ends(part, (*path, (value.question, sign)))


def _first(values: tuple[Any, ...]) -> Question | None:
    asked = [value.question for value in values if isinstance(value, Choice)]
    return min(asked, key=lambda question: question.number, default=None)


def _side(value: Any, question: Question, sign: int) -> Any:
    asks = isinstance(value, Choice) and value.question == question
    return value.side(sign) if asks else value


def _restricted(values: tuple[Any, ...], question: Question, sign: int) -> tuple[Any, ...] | None:
    """The values for one sign; None for zero where every one of them takes either side."""
    nodes = [v for v in values if isinstance(v, Choice) and v.question == question]
    if sign == 0:
        apart = [node for node in nodes if node.zero is not None]
        if not apart:
            return None
        either = 1 if all(node.zero == node.positive for node in apart) else -1
        exact = {id(node): node.zero for node in apart}
        return tuple(exact.get(id(value), _side(value, question, either)) for value in values)
    return tuple(_side(value, question, sign) for value in values)
