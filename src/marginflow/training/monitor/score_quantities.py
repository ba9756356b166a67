"""Quantities of a model's scores on fixed samples."""

import math

import numpy as np

from marginflow.training.monitor.margin_summary import margin_summary, sample_margins


def probe_quantities(
    scores: np.ndarray,
    targets: np.ndarray,
    loss: float,
    norm: float,
    homogeneity: float | int | None,
) -> dict[str, float]:
    """Loss and margins of the probe samples, by name.

    Args:
        scores: of the model, (n, K) or (n,).
        targets: (n,) classes, or numbers of a regression.
        loss: the mean loss.
        norm: of the weights.
        homogeneity: L of a model with scores(c·weights) = c^L scores, if it is one.
    """
    found = {"loss": loss} | margins_of(scores, targets)
    if "margin" in found and homogeneity is not None and norm > 0:
        found["normalized_margin"] = found["margin"] / norm**homogeneity
    return found


def validation_quantities(
    scores: np.ndarray, targets: np.ndarray, loss: float, training_loss: float | None
) -> dict[str, float]:
    """Loss and accuracy of samples that are not trained on, by name.

    Args:
        scores: of the model, (n, K) or (n,).
        targets: (n,) classes, or numbers of a regression.
        loss: the mean loss.
        training_loss: that of the probe samples, if there are any.
    """
    found = {"validation_loss": loss}
    margins = margins_of(scores, targets)
    if margins:
        found["validation_accuracy"] = margins["accuracy"]
    if training_loss is not None:
        found["loss_gap"] = loss - training_loss
    return found


def margins_of(scores: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Margins by name; none of a regression, of scores that are not finite, or not one row each.

    Args:
        scores: (n, K), or (n,) or (n, 1) of class 1.
        targets: (n,).
    """
    if np.issubdtype(targets.dtype, np.floating) or targets.ndim != 1:
        return {}
    rows = scores[:, 0] if scores.ndim == 2 and scores.shape[1] == 1 else scores
    if rows.ndim > 2 or not math.isfinite(np.sum(np.abs(rows), dtype=np.float64)):
        return {}
    return margin_summary(sample_margins(rows.astype(np.float64), targets))
