"""The best margins of the data of a sweep, in each of its norms: solved once, with their bounds."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from marginflow._results import Status
from marginflow.data import Dataset
from marginflow.limits import max_margin
from marginflow.norms import Norm


@dataclass(frozen=True)
class BestMargin:
    """The largest margin that weights of norm 1 have.

    Attributes:
        norm: by its name.
        status: `done`; `not_separable`; or `max_steps`, where the bounds are looser than asked.
        margin: the largest found; NaN where nothing separates the data.
        margin_lower: a proved lower bound of the largest.
        margin_upper: a proved upper bound of it.
        relative_gap: of the certificate.
        message: the solver's sentence.
    """

    norm: str
    status: str
    margin: float
    margin_lower: float
    margin_upper: float
    relative_gap: float
    message: str

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it: numbers that are not finite as words."""
        return {k: _to_word(v) if isinstance(v, float) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "BestMargin":
        """The inverse of `to_json`."""
        numbers = ("margin", "margin_lower", "margin_upper", "relative_gap")
        values: dict[str, Any] = found | {name: float(found[name]) for name in numbers}
        return cls(**values)


def best_margin(data: Dataset, norm: Norm) -> BestMargin:
    """Solve for the best margin of data in a norm; where nothing separates them, say so."""
    found = max_margin(data, norm.name, throw=False)
    none = found.status == Status.NOT_SEPARABLE
    return BestMargin(
        norm=norm.name,
        status=str(found.status),
        margin=math.nan if none else float(found.margin),
        margin_lower=math.nan if none else float(found.margin_lower),
        margin_upper=math.nan if none else float(found.margin_upper),
        relative_gap=float(found.relative_gap),
        message=found.message,
    )


def _to_word(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
