"""The regions of a linear classifier in the plane, exactly: a rectangle cut by half-planes."""

import numpy as np
from jaxtyping import Float


def decision_polygons(
    weights: Float[np.ndarray, "2 K"],
    offsets: Float[np.ndarray, " K"],
    box: tuple[float, float, float, float],
) -> list[Float[np.ndarray, "m 2"]]:
    """Where each class has the largest score, within a rectangle.

    Args:
        weights: of the scores.
        offsets: added to the scores.
        box: left, right, bottom, top.

    Returns:
        A convex polygon a class; (0, 2) where a class wins nowhere.

    Example:
        >>> import numpy as np
        >>> from marginflow.figures.regions import decision_polygons
        >>> left, right = decision_polygons(
        ...     np.array([[-1.0, 1.0], [0.0, 0.0]]), np.zeros(2), (-1.0, 1.0, 0.0, 1.0)
        ... )
        >>> right.tolist()
        [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    """
    found = []
    for k in range(weights.shape[1]):
        polygon = corners(box)
        for j in range(weights.shape[1]):
            if j != k:
                polygon = clip(polygon, weights[:, k] - weights[:, j], offsets[k] - offsets[j])
        found.append(polygon)
    return found


def boundaries(
    weights: Float[np.ndarray, "2 K"],
    offsets: Float[np.ndarray, " K"],
    box: tuple[float, float, float, float],
) -> list[Float[np.ndarray, "2 2"]]:
    """The segments that part the regions, within a rectangle: (start, end) each."""
    found = []
    polygons = decision_polygons(weights, offsets, box)
    for k, polygon in enumerate(polygons):
        for j in range(k):
            normal, offset = weights[:, k] - weights[:, j], offsets[k] - offsets[j]
            size = float(np.abs(normal).max())
            if not size or not len(polygon):
                continue
            reach = float(np.abs(polygon).max())
            on_line = polygon[np.abs(polygon @ normal + offset) <= 1e-9 * size * reach]
            if len(on_line) >= 2:
                along = on_line @ np.array([-normal[1], normal[0]])
                found.append(on_line[[int(along.argmin()), int(along.argmax())]])
    return found


def corners(box: tuple[float, float, float, float]) -> Float[np.ndarray, "4 2"]:
    """The rectangle (left, right, bottom, top) as a polygon, counterclockwise."""
    left, right, bottom, top = box
    return np.array([[left, bottom], [right, bottom], [right, top], [left, top]], dtype=float)


def clip(
    polygon: Float[np.ndarray, "m 2"], normal: Float[np.ndarray, "2"], offset: float
) -> Float[np.ndarray, "k 2"]:
    """The part of a convex polygon where x·normal + offset ≥ 0."""
    values = polygon @ normal + offset
    kept: list[np.ndarray] = []
    for i in range(len(polygon)):
        before, here = values[i - 1], values[i]
        if (before > 0 > here) or (before < 0 < here):
            share = before / (before - here)
            kept.append(polygon[i - 1] + share * (polygon[i] - polygon[i - 1]))
        if here >= 0:
            kept.append(polygon[i])
    return np.array(kept).reshape(-1, 2)
