"""What every verb returns: a status with a sentence, figures, and an account of the work done.

A solve that did not reach its goal is still a result: it carries what was computed, and says in one
sentence what happened.  Verbs raise by default (`throw=True`) and return the same object with
`throw=False`; the exception holds the result, so nothing is lost either way.
"""

import html
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

import numpy as np


class Status(StrEnum):
    """How a computation ended.  Members compare equal to their names as strings.

    Example:
        >>> import marginflow as mf
        >>> mf.max_margin(mf.soudry_toy()).status == "done"
        True
    """

    DONE = "done"
    MAX_STEPS = "max_steps"
    DIVERGED = "diverged"
    SATURATED = "saturated"
    EPS_DOMINATED = "eps_dominated"
    NOT_SEPARABLE = "not_separable"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class Result:
    """The common base of results.

    Attributes:
        status: how the computation ended.
        message: the same in a sentence.
        statistics: counts and sizes of the work done; never wall-clock time, so that two runs with
            one seed give equal results.
    """

    status: Status
    message: str
    statistics: Mapping[str, Any] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """The figures worth a line in `repr`: scalars as they are, arrays by their shape."""
        shown: dict[str, Any] = {}
        for item in fields(self):
            if item.name in {"message", "statistics"}:
                continue
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray):
                shown[item.name] = f"array{value.shape}" if value.ndim else value.item()
            elif isinstance(value, Result):
                shown[item.name] = f"{type(value).__name__}({value.status})"
            elif isinstance(value, StrEnum):
                shown[item.name] = str(value)
            elif value is None or isinstance(value, bool | int | float | str | np.generic):
                shown[item.name] = value
        return shown

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__}: {self.message}"]
        lines += [f"  {name} = {_short(value)}" for name, value in self.summary().items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td>{html.escape(_short(value))}</td></tr>"
            for name, value in self.summary().items()
        )
        title = html.escape(f"{type(self).__name__}: {self.message}")
        return f"<table><caption>{title}</caption>{rows}</table>"


def _short(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.10g}"
    return str(value)


class MarginflowError(Exception):
    """The base of marginflow's own errors; `result` holds what was computed, where there is any."""

    def __init__(self, message: str, result: Result | None = None):
        super().__init__(message)
        self.result = result


class NotSeparableError(MarginflowError):
    """No linear classifier gives every relative margin a positive value; see `certificate`."""

    @property
    def certificate(self) -> Any:
        """The proof that nothing separates the data."""
        return getattr(self.result, "certificate", None)


class NotConvergedError(MarginflowError):
    """An iteration ended before its goal; `result` holds what it had."""
