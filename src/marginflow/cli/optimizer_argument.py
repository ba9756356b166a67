"""--optimizer on the command line: a registered name, a schedule, and settings as KEY=VALUE."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from marginflow.cli.errors import UsageError, as_usage_error

if TYPE_CHECKING:
    from marginflow.dynamics import Optimizer

GRADIENT_DESCENT = "gd"
WORDS = {"true": True, "false": False, "none": None}


class Schedule(StrEnum):
    """How the learning rate goes on."""

    CONSTANT = "constant"
    INVERSE_SQRT = "inverse-sqrt"


@dataclass(frozen=True)
class OptimizerArgument:
    """An optimizer that lacks nothing but its learning rate.

    Attributes:
        name: a registered one.
        settings: by name, as they were given.
        schedule: of the learning rate.
    """

    name: str
    settings: dict[str, Any]
    schedule: Schedule = Schedule.CONSTANT

    def make(self, rate: float) -> "Optimizer":
        """The optimizer with a learning rate.

        Raises:
            UsageError: if a setting is out of its range.
        """
        from marginflow.dynamics import get_optimizer, inverse_sqrt

        learning_rate: Any = inverse_sqrt(rate) if self.schedule == Schedule.INVERSE_SQRT else rate
        with as_usage_error():
            return get_optimizer(self.name, learning_rate=learning_rate, **self.settings)


def optimizer_argument(
    name: str | None,
    options: Sequence[str] = (),
    *,
    schedule: Schedule | None = None,
    momentum: float | None = None,
) -> OptimizerArgument:
    """What --optimizer, --option, --schedule and --momentum say together.

    Args:
        name: as typed; None for gradient descent.
        options: KEY=VALUE each.
        schedule: None for a constant learning rate.
        momentum: None for the optimizer's own.

    Raises:
        UsageError: if there is no such optimizer, or it has no such setting.
    """
    name = _registered(GRADIENT_DESCENT if name is None else name)
    settings: dict[str, Any] = {}
    for text in options:
        key, value = _split(text)
        if key in settings:
            raise UsageError(f"--option {key} is given twice; give it once.")
        settings[key] = value
    if momentum is not None:
        if "momentum" in settings:
            raise UsageError("--momentum and --option momentum say the same; give one of them.")
        if not 0 <= momentum < 1:
            raise UsageError(f"--momentum must be at least 0 and below 1, got {momentum}.")
        settings["momentum"] = momentum
    _check_keys(name, settings)
    return OptimizerArgument(name, settings, schedule or Schedule.CONSTANT)


def _registered(name: str) -> str:
    from marginflow.dynamics import registered_optimizers
    from marginflow.experiments.words import unknown_name

    key, known = name.strip().lower().replace("_", "-"), registered_optimizers()
    if key not in known:
        raise UsageError(f"--optimizer: {unknown_name('an optimizer', name, known)}")
    return key


def _split(text: str) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    key, value = key.strip().replace("-", "_"), value.strip()
    if not sign or not key or not value:
        raise UsageError(f"--option expects KEY=VALUE, as b1=0.9, got {text!r}.")
    if key == "learning_rate":
        raise UsageError("--option learning_rate: say --learning-rate instead.")
    return key, _value(value)


def _value(text: str) -> Any:
    """A number, true, false, none, or a word."""
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _check_keys(name: str, settings: dict[str, Any]) -> None:
    """Refuse settings that the optimizer has not, and miss those that it cannot do without."""
    from marginflow.dynamics import registered_optimizers

    found = inspect.signature(registered_optimizers()[name]).parameters
    if any(each.kind == each.VAR_KEYWORD for each in found.values()):
        return
    own = {key: each for key, each in found.items() if key != "learning_rate"}
    for key in settings:
        if key not in own:
            option = "--momentum" if key == "momentum" else f"--option {key}"
            raise UsageError(f"{option} is no setting of {name}; {_listed(name, own)}.")
    for key, each in own.items():
        if each.default is each.empty and key not in settings:
            raise UsageError(f"--optimizer {name} needs --option {key}=VALUE.")


def _listed(name: str, own: dict[str, inspect.Parameter]) -> str:
    if not own:
        return f"{name} has none but the learning rate"
    shown = [
        key if each.default is each.empty else f"{key} ({each.default})"
        for key, each in own.items()
    ]
    return f"it has, with these defaults: {', '.join(shown)}"
