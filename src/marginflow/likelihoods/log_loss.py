"""The log loss of predicted probabilities, and the steps that make it, row by row."""

from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class LogLossSteps:
    """The log loss with its steps.

    Attributes:
        value: the mean over rows of −log of the probability of what happened, in nats.
        rows: a table with one line a row: the label; `probability`, step 1, of class 1 in a binary
            problem and of every class otherwise (`probability of c`); `kept`, step 2, p where the
            label is 1 and 1 − p where it is 0, or that of the label's class; `cost`, step 3, its
            negative logarithm; and `share` of the total.
        costliest: the lines of `rows` that cost most, the worst first.
    """

    value: float
    rows: pd.DataFrame
    costliest: pd.DataFrame

    def __repr__(self) -> str:
        return (
            f"log loss {self.value:.6g}: the mean of {len(self.rows)} rows; the costliest is row "
            f"{self.costliest.index[0]}, where {self.costliest['kept'].iloc[0]:.3g} was given to "
            f"what happened, at a cost of {self.costliest['cost'].iloc[0]:.3g}."
        )


@overload
def log_loss(
    targets: ArrayLike, probabilities: ArrayLike, *, explain: Literal[False] = ..., worst: int = ...
) -> float: ...
@overload
def log_loss(
    targets: ArrayLike, probabilities: ArrayLike, *, explain: Literal[True], worst: int = ...
) -> LogLossSteps: ...
def log_loss(
    targets: ArrayLike, probabilities: ArrayLike, *, explain: bool = False, worst: int = 5
) -> float | LogLossSteps:
    """The mean of −log(probability of what happened), in nats.

    In a binary problem: take the predicted probability p of class 1 in each row; keep p if the
    label is 1, else 1 − p; take the negative logarithm; average.

    Args:
        targets: labels (n,): two kinds for p of the one that sorts second, or K kinds.
        probabilities: p (n,), or (n, K) of the classes in sorted order, each row summing to one.
            With (n, K), labels that are whole numbers in 0..K−1 may leave classes out.
        explain: whether to return the steps row by row.
        worst: how many of the costliest rows to list.

    Returns:
        The mean, or `LogLossSteps`; ∞ where something happened that was given no chance.

    Raises:
        ValueError: if shapes, labels or probabilities do not fit.

    Example:
        >>> import marginflow as mf
        >>> steps = mf.log_loss([1, 0, 1], [0.9, 0.2, 0.05], explain=True)
        >>> steps.rows["kept"].tolist()
        [0.9, 0.8, 0.05]
        >>> round(steps.value, 6), int(steps.costliest.index[0])
        (1.108079, 2)
    """
    labels, p = np.asarray(targets), np.asarray(probabilities)
    if labels.ndim != 1 or p.ndim not in (1, 2) or len(labels) != len(p) or not len(p):
        raise ValueError(
            "expected labels (n,) and probabilities (n,) or (n, K) with n >= 1; got "
            f"{labels.shape} and {p.shape}."
        )
    rounding = np.finfo(p.dtype if p.dtype.kind == "f" else np.float64).eps
    p = p.astype(np.float64)
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError("probabilities: expected numbers in [0, 1].")
    classes, index = _encoded(labels, 2 if p.ndim == 1 else p.shape[1])
    if p.ndim == 1:
        kept = np.where(index == 1, p, 1 - p)
        # log(1 − p) keeps its digits where p is small
        with np.errstate(divide="ignore"):
            costs = -np.where(index == 1, np.log(p), np.log1p(-p))
    else:
        off = np.abs(p.sum(axis=1) - 1)
        if np.any(off > 4 * rounding * p.shape[1]):
            row = int(np.argmax(off))
            raise ValueError(
                f"probabilities: expected rows that sum to 1, got {p[row].sum():.9g} in row {row}."
            )
        kept = p[np.arange(len(p)), index]
        with np.errstate(divide="ignore"):
            costs = -np.log(kept)
    costs = costs + 0.0  # no negative zeros
    value = float(np.mean(costs))
    return _explained(labels, classes, p, kept, costs, value, worst) if explain else value


def _encoded(labels: np.ndarray, n_classes: int) -> tuple[list, np.ndarray]:
    """The classes in sorted order, and each row's place among them."""
    found, index = np.unique(labels, return_inverse=True)
    whole = labels.dtype.kind in "iub" and found.min() >= 0 and found.max() < n_classes
    if whole:
        return list(range(n_classes)), labels.astype(np.int64)
    if len(found) != n_classes:
        raise ValueError(
            f"targets: expected {n_classes} kinds of labels, as many as probabilities tell of, or "
            f"whole numbers in 0..{n_classes - 1}; got {len(found)} kinds."
        )
    return found.tolist(), index


def _explained(
    labels: np.ndarray,
    classes: list,
    p: np.ndarray,
    kept: np.ndarray,
    costs: np.ndarray,
    value: float,
    worst: int,
) -> LogLossSteps:
    columns: dict[str, np.ndarray] = {"label": labels}
    if p.ndim == 1:
        columns["probability"] = p
    else:
        columns |= {f"probability of {c}": p[:, k] for k, c in enumerate(classes)}
    total = float(np.sum(costs))
    infinite = np.isinf(costs)
    with np.errstate(invalid="ignore"):
        share = infinite / infinite.sum() if np.isinf(total) else costs / (total or 1.0)
    rows = pd.DataFrame({**columns, "kept": kept, "cost": costs, "share": share})
    order = np.argsort(-costs, kind="stable")[:worst]
    return LogLossSteps(value, rows, rows.iloc[order])
