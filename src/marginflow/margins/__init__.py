"""Margin maps: from parameters to the relative margins that a loss sees."""

from marginflow.margins.binary import BinaryMargins
from marginflow.margins.coercion import as_linear_map, as_margin_map
from marginflow.margins.margin_map import LinearMarginMap, MarginMap
from marginflow.margins.multiclass import MulticlassMargins, relative_margins, scores_cotangent
from marginflow.margins.network import NetworkMargins
from marginflow.margins.robust import RobustMargins

__all__ = [
    "BinaryMargins",
    "LinearMarginMap",
    "MarginMap",
    "MulticlassMargins",
    "NetworkMargins",
    "RobustMargins",
    "as_linear_map",
    "as_margin_map",
    "relative_margins",
    "scores_cotangent",
]
