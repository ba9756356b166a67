"""SciPy's dense factorizations with one return type each, and without a scan for NaN every time."""

from typing import Any, NamedTuple, cast

import numpy as np
from jaxtyping import Float, Int
from scipy import linalg


class PivotedQR(NamedTuple):
    """matrix[:, order] = q r, with |diag r| descending."""

    q: Float[np.ndarray, "p k"]
    r: Float[np.ndarray, "k m"]
    order: Int[np.ndarray, " m"]


def thin_qr(
    matrix: Float[np.ndarray, "p m"],
) -> tuple[Float[np.ndarray, "p k"], Float[np.ndarray, "k m"]]:
    """Matrix = q r with k = min(p, m) orthonormal columns in q."""
    return cast(Any, linalg.qr(matrix, mode="economic", check_finite=False))


def pivoted_qr(matrix: Float[np.ndarray, "p m"]) -> PivotedQR:
    """The QR factors with columns exchanged, so that the first ones span best."""
    return PivotedQR(
        *cast(Any, linalg.qr(matrix, mode="economic", pivoting=True, check_finite=False))
    )


def without_column(
    q: Float[np.ndarray, "p k"], r: Float[np.ndarray, "k k"], place: int
) -> tuple[Float[np.ndarray, "p k-1"], Float[np.ndarray, "k-1 k-1"]]:
    """The thin QR factors of q r without one of its columns, of which there are at least two."""
    left, right = cast(Any, linalg).qr_delete(q, r, place, which="col", check_finite=False)
    size = r.shape[1] - 1
    return left[:, :size], right[:size, :size]


def least_squares(
    matrix: Float[np.ndarray, "p m"], right: Float[np.ndarray, " p"]
) -> Float[np.ndarray, " m"]:
    """The shortest x with matrix @ x nearest to `right`."""
    return cast(Any, linalg.lstsq(matrix, right, check_finite=False))[0]


def row_basis(
    rows: Float[np.ndarray, "m size"], least: float = 0.0
) -> Float[np.ndarray, "size rank"]:
    """An orthonormal basis of the span of the rows, of what is longer than `least` in them."""
    factors = pivoted_qr(rows.T)
    diagonal = np.abs(np.diag(factors.r))
    rounding = diagonal[0] * max(rows.shape) * np.finfo(float).eps
    return factors.q[:, : int(np.sum(diagonal > max(rounding, least)))]
