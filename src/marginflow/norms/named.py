"""Norms by name."""

import math
import re
from typing import Any

from marginflow.norms.entrywise import EntrywiseNorm
from marginflow.norms.grouped import GroupNorm
from marginflow.norms.norm import Norm
from marginflow.norms.schatten import SchattenNorm

NAMED_NORMS: dict[str, Norm] = {
    "frobenius": EntrywiseNorm(2),
    "max": EntrywiseNorm(math.inf),
    "l1": EntrywiseNorm(1),
    "spectral": SchattenNorm(math.inf),
    "nuclear": SchattenNorm(1),
    "class_l2": GroupNorm("class"),
    "feature_l2": GroupNorm("feature"),
}
"""The norms that the literature on implicit bias speaks of."""

_OTHERS = re.compile(
    r"(?P<kind>l|schatten|class_l2_p|feature_l2_p)(?P<p>\d+(\.\d*)?(e-?\d+)?|inf)"
    r"|(?P<group>class|feature)_l2_sum"
)


def as_norm(norm: Any) -> Norm:
    """A norm as it is, or the one of that name.

    Args:
        norm: a `Norm`; "frobenius", "max", "l1", "spectral", "nuclear", "class_l2", "feature_l2";
            or one with an exponent, as "l1.5" and "schatten3".

    Raises:
        ValueError: if there is no norm of that name.
        TypeError: if it is neither a norm nor a name.

    Example:
        >>> from marginflow.norms import as_norm
        >>> as_norm("l3")
        EntrywiseNorm(p=3.0)
    """
    if isinstance(norm, Norm):
        return norm
    if not isinstance(norm, str):
        raise TypeError(f"norm: expected a norm or its name, got {type(norm).__name__}.")
    if norm in NAMED_NORMS:
        return NAMED_NORMS[norm]
    match = _OTHERS.fullmatch(norm)
    if match is None:
        known = ", ".join(map(repr, NAMED_NORMS))
        raise ValueError(
            f"norm: expected one of {known}, or 'l' or 'schatten' with a number from 1 on, as "
            f"'l1.5', got {norm!r}."
        )
    if match["group"]:
        return GroupNorm(match["group"], 1)
    p = float(match["p"])
    if match["kind"] in ("l", "schatten"):
        return EntrywiseNorm(p) if match["kind"] == "l" else SchattenNorm(p)
    return GroupNorm(match["kind"].removesuffix("_l2_p"), p)
