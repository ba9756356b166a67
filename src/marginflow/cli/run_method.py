"""How `marginflow run` moves the weights: the rule that chooses a method, in one place.

Three methods give the path of training: `exact` makes every step; `fast-forward` reaches step
counts that nothing could make, with an error estimate; `flow` follows gradient flow in log time.
`auto` takes the flow where a log time is given; the exact loop up to `LARGEST_EXACT` steps, and
beyond where something is asked for that only a loop has, an optimizer among it that no equation
takes forward; fast-forward for all else.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from marginflow.cli.errors import UsageError
from marginflow.cli.step_count import StepCount, parse_steps

if TYPE_CHECKING:
    from marginflow.losses import Loss

LARGEST_EXACT = 10**6
STEPS_BY_DEFAULT = "10000"


class Method(StrEnum):
    """What --method takes."""

    AUTO = "auto"
    EXACT = "exact"
    FAST_FORWARD = "fast-forward"
    FLOW = "flow"


@dataclass(frozen=True)
class Choice:
    """A method, why it was taken, and how far it goes.

    Attributes:
        method: any but `auto`.
        reason: in a few words.
        steps: the step count; None for the flow.
        log_time: log t at the end of the flow; None for the others.
    """

    method: Method
    reason: str
    steps: StepCount | None
    log_time: float | None


def choose(
    method: Method,
    *,
    steps: str | None,
    log_time: float | None,
    loss: "Loss",
    n_classes: int,
    only_exact: Sequence[str],
    refusal: str | None = None,
) -> Choice:
    """Choose the method of a run.

    Args:
        method: as asked.
        steps: --steps as typed, or None.
        log_time: --log-time, or None.
        loss: of the run.
        n_classes: K.
        only_exact: the options given that only the exact loop has, as --batch-size.
        refusal: why fast-forward does not take the optimizer, without a full stop; None if it does.

    Raises:
        UsageError: if what was asked for does not go together.
    """
    chosen, reason = method, "asked for"
    if method == Method.FLOW or (method == Method.AUTO and log_time is not None):
        if steps is not None or log_time is None:
            raise UsageError("a flow is followed to --log-time, not for --steps; give the former.")
        if not math.isfinite(log_time):
            raise UsageError(f"--log-time must be a finite number, got {log_time}.")
        reason = "--log-time is given" if method == Method.AUTO else reason
        _refuse_options("flow", only_exact)
        _refuse_rising(loss, n_classes, "a flow")
        return Choice(Method.FLOW, reason, None, log_time)
    if log_time is not None:
        raise UsageError(f"--log-time is for the flow, and --method is {method}; give --steps.")
    count = _read(STEPS_BY_DEFAULT if steps is None else steps)
    if method == Method.AUTO:
        chosen, reason = _by_rule(count, only_exact, _kind(loss, n_classes), refusal)
    if chosen == Method.EXACT and count.count is None:
        if refusal is not None:
            raise UsageError(
                f"no loop makes {count} steps; take at most 2^63 - 1.  There is no fast-forward "
                f"either: {refusal}."
            )
        raise UsageError(
            f"no loop makes {count} steps ({reason}); take at most 2^63 - 1, or --method "
            "fast-forward without what only a loop has."
        )
    if chosen == Method.FAST_FORWARD:
        _refuse_options("fast-forward", only_exact)
        if refusal is not None:
            raise UsageError(
                f"fast-forward: {refusal}.  --method exact makes the steps of any optimizer."
            )
        _refuse_rising(loss, n_classes, "fast-forward")
        if _kind(loss, n_classes) == "finite":
            raise UsageError(
                f"fast-forward needs a loss with a continuous slope, got {loss.name}; take "
                "--method exact, which ends by itself where every slope is zero."
            )
    return Choice(chosen, reason, count, None)


def _by_rule(
    count: StepCount, only_exact: Sequence[str], kind: str | None, refusal: str | None
) -> tuple[Method, str]:
    if count.count is not None and count.count <= LARGEST_EXACT:
        return Method.EXACT, "up to 10^6 steps each is made"
    if only_exact:
        return Method.EXACT, f"{only_exact[0]} is for exact steps"
    if kind == "finite":
        return Method.EXACT, "the loss has no continuous slope"
    if kind == "rising":
        return Method.EXACT, "slopes of the loss turn positive"
    if refusal is not None:
        return Method.EXACT, refusal
    return Method.FAST_FORWARD, "more than 10^6 steps"


def _kind(loss: "Loss", n_classes: int) -> str | None:
    tail = loss.tail(n_classes)
    return None if tail is None else tail.kind


def _refuse_rising(loss: "Loss", n_classes: int, method: str) -> None:
    if _kind(loss, n_classes) == "rising":
        raise UsageError(
            f"{method} needs margins that grow with log t, and some slopes of {loss.name} turn "
            "positive however large the margins are, which holds them back; take --method exact."
        )


def _refuse_options(method: str, only_exact: Sequence[str]) -> None:
    if only_exact:
        raise UsageError(f"{only_exact[0]} is for exact steps, and the method is {method}.")


def _read(text: str) -> StepCount:
    try:
        return parse_steps(text)
    except ValueError as error:
        raise UsageError(f"--steps: {error}") from None
