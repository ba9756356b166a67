"""From data to the margin map that a verb works on."""

from typing import Any

from marginflow.data import Dataset, as_dataset
from marginflow.margins.binary import BinaryMargins
from marginflow.margins.margin_map import LinearMarginMap, MarginMap
from marginflow.margins.multiclass import MulticlassMargins


def as_margin_map(data: Any) -> MarginMap:
    """The margin map of a `Dataset`, a pair (features, labels), or a map itself.

    Two classes give `BinaryMargins`, more give `MulticlassMargins`; pass `MulticlassMargins(data)`
    to have two weight vectors for two classes.
    """
    if isinstance(data, MarginMap):
        return data
    dataset: Dataset = as_dataset(data)
    return BinaryMargins(dataset) if dataset.n_classes == 2 else MulticlassMargins(dataset)


def as_linear_map(data: Any, verb: str) -> LinearMarginMap:
    """`as_margin_map`, refusing a map that is not linear in its weights."""
    margin_map = as_margin_map(data)
    if not isinstance(margin_map, LinearMarginMap):
        raise TypeError(
            f"{verb} expects margins that are linear in the weights, "
            f"got {type(margin_map).__name__}; "
            "pass a Dataset, a pair (features, labels), MulticlassMargins or BinaryMargins."
        )
    return margin_map
