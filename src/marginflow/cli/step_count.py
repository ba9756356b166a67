"""Step counts as people write them: 100000, 1e5000, 10**5000, 10^5000, e^1000000.

Training that is fast-forwarded is counted in steps that no integer of a machine holds, and that
Python itself refuses to print or parse in decimal beyond 4300 digits.  A step count is therefore
its logarithm, its exact value where that fits into 64 bits, and a short text that reads back as the
same count.
"""

import math
import re
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation, Overflow

LARGEST_COUNT = 2**63 - 1
PLAIN_DIGITS = 15  # a count of more digits is shown as a power or in scientific notation
SHOWN_DIGITS = 20
SHOWN = 40  # characters of a text that is refused

_NUMBER = r"[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE]\+?[0-9]+)?"
_POWER = re.compile(rf"(?:(e|[0-9][0-9_]*)\s*(?:\*\*|\^)\s*|exp\(\s*)({_NUMBER})\s*(\)?)")
_EXACT = Context(prec=60, traps=[InvalidOperation, Overflow])
_LOG_OF_LARGEST = 43  # e^43 fits into 63 bits and e^44 does not
_DECADES_TOLD_APART = 1e9  # up to here a float64 logarithm tells 10^k from its neighbors
_LONGEST_EXPONENT = 18  # digits, less one


@dataclass(frozen=True)
class StepCount:
    """A number of steps, 1 or more.

    Attributes:
        log_steps: its natural logarithm.
        count: the number itself where it is at most 2⁶³−1, else None.
        text: a short form, which `parse_steps` reads back.
    """

    log_steps: float
    count: int | None
    text: str

    def __str__(self) -> str:
        return self.text


def parse_steps(text: str) -> StepCount:
    """Read a step count.

    A power of e that fits into 62 bits is rounded to the nearest whole number of steps.

    Args:
        text: digits, which may be grouped as 100_000; scientific notation; a whole number or e to a
            power, written with ** or ^; or exp(x).

    Raises:
        ValueError: if it is none of these, is not whole, is below 1, or has no float64 logarithm.

    Example:
        >>> from marginflow.cli.step_count import parse_steps
        >>> [parse_steps(text).text for text in ("1e5000", "10**5000", "1e5", "exp(1e6)")]
        ['10^5000', '10^5000', '100000', 'e^1000000']
    """
    stripped = text.strip()
    try:
        if re.fullmatch(_NUMBER, stripped):
            return _of_number(Decimal(stripped), text)
        match = _POWER.fullmatch(stripped)
        if match and (match[1] is None) == (match[3] == ")"):
            exponent = Decimal(match[2])
            if match[1] in (None, "e"):
                return _of_logarithm(exponent, None)
            return _of_power(int(match[1]), exponent, text)
    except (InvalidOperation, Overflow):
        raise ValueError(
            f"expected a step count with a finite logarithm, got {_short(text)}; write very large "
            "counts as e^x."
        ) from None
    raise ValueError(
        "expected a number of steps, as 100000, 1e5000, 10^5000, 10**5000 or e^1000000; "
        f"got {_short(text)}."
    )


def show_log_steps(log_steps: float) -> str:
    """A step count that is known by its logarithm, in a form that `parse_steps` reads.

    Example:
        >>> import math
        >>> from marginflow.cli.step_count import show_log_steps
        >>> [show_log_steps(s) for s in (-math.inf, math.log(1000), 5000 * math.log(10), 1e6)]
        ['0', '1000', '10^5000', 'e^1000000']
    """
    decades = log_steps / math.log(10)
    if decades < PLAIN_DIGITS:
        return _show_whole(Decimal(round(math.exp(log_steps))))
    if decades < _DECADES_TOLD_APART and math.isclose(decades, round(decades), rel_tol=1e-14):
        return f"10^{round(decades)}"
    return f"e^{_show_float(log_steps)}"


def _of_number(value: Decimal, text: str) -> StepCount:
    if value < 1 or value != value.to_integral_value():
        raise ValueError(f"expected a whole number of steps from 1 on, got {_short(text)}.")
    log_steps = _finite(_EXACT.ln(value))
    if value <= LARGEST_COUNT:
        return StepCount(log_steps, int(value), _show_whole(value))
    long = len(_digits(value)) > SHOWN_DIGITS
    return StepCount(log_steps, None, f"e^{log_steps!r}" if long else _show_power(value))


def _of_logarithm(log_steps: Decimal, shown: str | None) -> StepCount:
    """A count given by its logarithm; `shown` is its text where it is not a power of e."""
    if log_steps < _LOG_OF_LARGEST:
        value = _EXACT.exp(log_steps).to_integral_value()
        return _of_number(value, str(value))
    exponent = _finite(log_steps)
    return StepCount(exponent, None, shown or f"e^{_show_float(exponent)}")


def _of_power(base: int, exponent: Decimal, text: str) -> StepCount:
    if base < 2 or exponent != exponent.to_integral_value():
        raise ValueError(f"expected a whole power of a whole number from 2 on, got {_short(text)}.")
    if exponent.adjusted() > _LONGEST_EXPONENT:
        raise Overflow
    power = int(exponent)
    if base == 10:
        return _of_number(Decimal(f"1e{power}"), text)
    return _of_logarithm(_EXACT.multiply(power, _EXACT.ln(Decimal(base))), f"{base}^{power}")


def _finite(log_steps: Decimal) -> float:
    value = float(log_steps)
    if math.isinf(value):
        raise Overflow
    return value


def _show_whole(value: Decimal) -> str:
    if value.adjusted() >= PLAIN_DIGITS or (value.adjusted() > 6 and _digits(value) == "1"):
        return _show_power(value)
    return str(int(value))


def _show_power(value: Decimal) -> str:
    digits = _digits(value)
    if digits == "1":
        return f"10^{value.adjusted()}"
    return f"{digits[0]}.{digits[1:] or 0}e{value.adjusted()}"


def _digits(value: Decimal) -> str:
    return "".join(map(str, value.as_tuple().digits)).rstrip("0")


def _show_float(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")
