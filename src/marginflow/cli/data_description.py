"""How the data of a run are described, for people and in JSON."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from marginflow.data import Dataset


def describe_data(data: "Dataset") -> dict[str, Any]:
    """The data in a JSON document: enough to know them again, not the data themselves."""
    return {
        "name": data.name,
        "samples": data.n_samples,
        "features": data.n_features,
        "classes": data.classes,
        "class_counts": data.class_counts,
        "feature_names": data.feature_names,
        "provenance": data.provenance,
        "hash": data.hash,
        "notes": data.notes,
    }


def data_line(data: "Dataset") -> str:
    """The data in a line."""
    return (
        f"{data.name}: {data.n_samples} samples, {data.n_features} features, "
        f"{data.n_classes} classes"
    )


def describe_pairs(data: "Dataset", pairs: "np.ndarray", **columns: Any) -> list[dict[str, Any]]:
    """Pairs of a sample and another class, with the labels as the user gave them.

    Args:
        data: whose pairs they are.
        pairs: (m, 2) rows of samples, counted from 0, and codes of classes.
        columns: further values of each pair, by name.
    """
    samples, others = pairs[:, 0], pairs[:, 1]
    named = {
        "sample": samples.tolist(),
        "label": data.classes[data.labels[samples]].tolist(),
        "other": data.classes[others].tolist(),
        **columns,
    }
    return [dict(zip(named, row, strict=True)) for row in zip(*named.values(), strict=True)]
