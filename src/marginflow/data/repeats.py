"""Rows with the same features under different labels: proof at sight that nothing separates."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float64, Int64

LISTED = 5


def contradictory_rows(
    features: Float64[np.ndarray, "n d"], labels: Int64[np.ndarray, " n"]
) -> list[np.ndarray]:
    """Groups of rows that have equal features and not all the same label.

    No linear classifier gives two such rows positive margins, whatever the loss.  0.0 and −0.0 are
    equal here.  Time O(n d), by hashing.

    Args:
        features: (n, d), finite.
        labels: (n,).

    Returns:
        One ascending array of row numbers for each group, in the order of their first rows.
    """
    rows = np.ascontiguousarray(features + 0.0)  # −0.0 becomes 0.0: equal rows, equal bytes
    keys = rows.view(f"V{rows.itemsize * rows.shape[1]}").ravel().tolist()
    first: dict[bytes, int] = {}
    leader = np.fromiter((first.setdefault(key, i) for i, key in enumerate(keys)), np.int64)
    groups = np.unique(leader[labels != labels[leader]])
    if not groups.size:
        return []
    members = np.flatnonzero(np.isin(leader, groups))
    members = members[np.argsort(leader[members], kind="stable")]
    cuts = np.flatnonzero(np.diff(leader[members])) + 1
    return np.split(members, cuts)


def contradiction_note(groups: list[np.ndarray], given: np.ndarray) -> str:
    """One sentence that names the contradictory rows; `given` are the user's own labels."""
    shown = [
        f"rows {_listed(rows.tolist())} (labels {_listed(dict.fromkeys(given[rows].tolist()))})"
        for rows in groups[:LISTED]
    ]
    more = len(groups) - len(shown)
    return (
        f"The same features stand under different labels in {'; '.join(shown)}"
        f"{f'; and in {more} more groups' if more else ''}, counted from 0: "
        "no linear classifier separates these data."
    )


def _listed(items: Iterable) -> str:
    texts = [repr(item) for item in items]
    return ", ".join(texts[:LISTED] + ["..."] * (len(texts) > LISTED))
