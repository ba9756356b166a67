"""--record on the command line: when a run is looked at.

log:50              about 50 records in each decade of steps (of log time, beyond exact steps)
every:1000          every 1000th step
at:10,1e5,10^100    these steps (log times for a flow)
"""

import math
from typing import TYPE_CHECKING, Any

from marginflow.cli.errors import UsageError
from marginflow.cli.step_count import parse_steps

if TYPE_CHECKING:
    import numpy as np

MOST_RECORDS = 10**6  # of a run: more fill the memory and draw no other curve
_DECADES_OF_EXACT_STEPS = math.log10(2**63)

RECORD_HELP = (
    "When the run is looked at: log:N for about N records in each decade (of log time, beyond "
    "exact steps), every:N steps, or at:A,B,... for these steps (log times of a flow)."
)


def exact_schedule(text: str, steps: int) -> Any:
    """The schedule of a run of so many steps, each of which is made.

    Raises:
        UsageError: if the text is none of the three forms, or names a step beyond the last.
    """
    from marginflow.dynamics import every, log_spaced

    kind, value = _split(text)
    if kind == "log":
        number = _number(text, value)
        _refuse_many(text, number * _DECADES_OF_EXACT_STEPS)
        return log_spaced(number)
    if kind == "every":
        interval = _number(text, value)
        _refuse_many(text, steps / interval)
        return every(interval)
    counts = [0 if entry.strip() == "0" else _number(text, entry) for entry in value.split(",")]
    _refuse_beyond(text, float(max(counts)), float(steps))
    return counts


def log_steps_schedule(text: str, last: float) -> "np.ndarray":
    """Logarithms of step counts from 1 to e^last, for fast-forward."""
    import numpy as np

    kind, value = _split(text)
    if kind != "at":
        return np.minimum(np.expm1(_evenly(kind, text, value, math.log1p(last))), last)
    found = np.array([_steps(text, entry).log_steps for entry in value.split(",")])
    _refuse_beyond(text, float(found.max()), last)
    return found


def log_time_schedule(text: str, last: float) -> "np.ndarray":
    """Log times up to the last, for a flow: −∞, which is t = 0, then denser at the start."""
    import numpy as np

    kind, value = _split(text)
    if kind == "at":
        found = np.array([_float(text, entry) for entry in value.split(",")])
        _refuse_beyond(text, float(found.max()), last)
        return found
    grid = np.expm1(_evenly(kind, text, value, math.log1p(np.logaddexp(0.0, last))))[1:-1]
    # the grid is in log(1 + t), which is 0 at t = 0
    inner = grid + np.log(-np.expm1(-grid))
    return np.concatenate([[-np.inf], inner[inner < last], [last]])


def _evenly(kind: str, text: str, value: str, end: float) -> "np.ndarray":
    """From 0 to the end, so many a decade."""
    import numpy as np

    if kind != "log":
        raise UsageError(f"--record {text}: every:N is for exact steps; take log:N or at:A,B,...")
    records = _number(text, value) * end / math.log(10)
    _refuse_many(text, records)
    return np.linspace(0.0, end, math.ceil(records) + 2)


def _refuse_many(text: str, records: float) -> None:
    if records > MOST_RECORDS:
        raise UsageError(
            f"--record {text}: expected at most {MOST_RECORDS} records, got about {records:.2g}; "
            "take fewer."
        )


def _refuse_beyond(text: str, latest: float, last: float) -> None:
    if not latest <= last:
        raise UsageError(f"--record {text}: the run ends before the last of these.")


def _split(text: str) -> tuple[str, str]:
    kind, colon, value = text.partition(":")
    if not colon or kind not in ("log", "every", "at"):
        raise UsageError(f"--record expects log:N, every:N or at:A,B,..., got {text!r}.")
    return kind, value


def _number(text: str, value: str) -> int:
    count = _steps(text, value).count
    if count is None:
        raise UsageError(f"--record {text}: expected a smaller number.")
    return count


def _steps(text: str, value: str) -> Any:
    try:
        return parse_steps(value)
    except ValueError as error:
        raise UsageError(f"--record {text}: {error}") from None


def _float(text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"--record {text}: expected log times, got {value!r}.") from None
