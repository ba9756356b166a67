"""The class probabilities that a loss defines at scores: those for which the scores are right.

Scores s minimize the mean loss Σ_y p_y ℓ(s, y) only if Σ_y p_y ∇ℓ(s, y) = 0.  Where every slope is
negative this says that p is the stationary distribution of a Markov chain: the true class y hands
to class k what the loss pulls at their margin, |∂ψ/∂u_k|.  For the cross-entropy it is the softmax,
for the multiclass exponential loss the softmax of 2s, for a Fenchel–Young loss its prediction; of
proper losses in general it is the inverse of the link (Reid & Williamson 2010, "Composite binary
losses"; Zhang 2004, "Statistical behavior and consistency of classification methods").

A hinge has none: where it pulls it pulls alike, whatever the scores.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.special import softmax

from marginflow._types import AnyArray
from marginflow.losses.array_border import in_callers_type
from marginflow.losses.cross_entropy import CrossEntropy
from marginflow.losses.fenchel_young import FenchelYoungLoss
from marginflow.losses.loss import Loss
from marginflow.losses.negentropy import Negentropy
from marginflow.losses.registry import as_loss
from marginflow.margins.multiclass import relative_margins

_ENTRIES = 2**22  # of all chains that are held at once
_STEP, _APART, _FAR = 0.25, 1e-6, 50.0  # of scores, to see whether probabilities follow them


def class_probabilities(loss: Loss | str | Callable, scores: ArrayLike) -> Float[np.ndarray, "..."]:
    """The probabilities p for which scores are a stationary point of the mean loss.

    Σ_y p_y ∇ℓ(s, y) = 0 with Σ p = 1, solved without a subtraction, so that a probability of e^−500
    is right to rounding too (Grassmann, Taksar & Heyman 1985, "Regenerative analysis and steady
    state distributions for Markov chains").

    Args:
        loss: a `Loss`, the name of a registered one, or a template function.
        scores: (..., K) finite numbers; for one score s of the class that sorts second, (0, s).

    Returns:
        (..., K), each row with sum 1.

    Raises:
        ValueError: if the loss defines no probabilities, or scores do not fit.

    Example:
        >>> import marginflow as mf
        >>> mf.class_probabilities("cross-entropy", [0.0, 1.0]).round(4)
        array([0.2689, 0.7311])
        >>> mf.class_probabilities("multiclass-exponential", [0.0, 1.0]).round(4)
        array([0.1192, 0.8808])
        >>> mf.class_probabilities("squared-weston-watkins", [0.0, 0.5])
        array([0.25, 0.75])
    """
    array = np.asarray(scores, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] < 2 or not np.all(np.isfinite(array)):
        raise ValueError(
            "scores: expected finite numbers (..., K) for K >= 2 classes, got shape "
            f"{array.shape}{'' if np.all(np.isfinite(array)) else ' with some not finite'}."
        )
    loss = as_loss(loss, array.shape[-1])
    if not defines_probabilities(loss, array.shape[-1]):
        raise ValueError(
            f"{loss.name} defines no class probabilities: the scores at which its mean is least do "
            "not tell them.  cross-entropy and other smooth decreasing losses define them."
        )
    rows = array.reshape(-1, array.shape[-1])
    return _probabilities(loss, rows).reshape(array.shape)


def defines_probabilities(loss: Loss, n_classes: int) -> bool:
    """Whether class probabilities can be read off the scores of a loss.

    So it is if they are all there near scores of zero, differ little at scores that differ little,
    rise with the class's own score, and are still there when it is large.

    Args:
        loss: the loss.
        n_classes: K ≥ 2.

    Example:
        >>> from marginflow.losses import CrossEntropy, MeanAbsoluteError, WestonWatkins
        >>> losses = CrossEntropy(), MeanAbsoluteError(), WestonWatkins()
        >>> [defines_probabilities(loss, 3) for loss in losses]
        [True, False, False]
    """
    raised = np.zeros((3, n_classes))
    raised[:, 0] = (0.0, _STEP / 2, _STEP)
    far = _FAR * (raised[-1:] > 0)
    found = _probabilities(loss, np.concatenate([raised, _unequal(raised), far]))
    even, uneven = found[:3], found[3:6]
    if not np.all(found[:6] > 0) or np.isnan(found[6]).any():
        return False
    return bool(np.all(np.diff(even[:, 0]) > 1e-3) and np.abs(even - uneven).max() < 1e-3)


def _unequal(scores: Float[np.ndarray, "n K"]) -> Float[np.ndarray, "n K"]:
    """Scores without ties, nearly the same."""
    return scores + _APART * np.arange(scores.shape[1])


def _probabilities(loss: Loss, scores: Float[np.ndarray, "n K"]) -> Float[np.ndarray, "n K"]:
    """By the shortest way; NaN where there are none."""
    if isinstance(loss, CrossEntropy):
        return softmax(scores, axis=1)
    if isinstance(loss, FenchelYoungLoss):
        return in_callers_type(_predictions, loss.omega(), scores)
    return by_stationarity(loss, scores)


def _predictions(omega: Negentropy, scores: AnyArray) -> AnyArray:
    return jnp.exp(omega.log_prediction(scores))


def by_stationarity(loss: Loss, scores: Float[np.ndarray, "n K"]) -> Float[np.ndarray, "n K"]:
    """The stationary distributions of the chains y → k with rates |∂ψ/∂u_k| at true class y.

    The classes are taken out from the lowest score up, each by its rates to those that stay: the
    lower a class, the more it is pulled away from.

    Args:
        loss: any; rows are NaN where a slope is positive or a class with others left is not pulled.
        scores: (n, K).
    """
    n_classes = scores.shape[1]
    order = np.argsort(-scores, axis=1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=1)
    found = np.empty_like(scores)
    chunk = max(1, _ENTRIES // n_classes**2)
    for start in range(0, len(scores), chunk):
        rows = slice(start, start + chunk)
        found[rows] = _stationary(_log_rates(loss, ordered[rows]))
    shares = np.empty_like(scores)
    np.put_along_axis(shares, order, found, axis=1)
    return shares


def _log_rates(loss: Loss, scores: Float[np.ndarray, "n K"]) -> Float[np.ndarray, "n K K"]:
    """The log of |∂ψ/∂u_k| at true class y for [y, k]; NaN where a slope is positive."""
    n, n_classes = scores.shape
    labels = np.broadcast_to(np.arange(n_classes), (n, n_classes))
    repeated = np.broadcast_to(scores[:, None], (n, n_classes, n_classes))
    sign, log_abs = loss.slope(relative_margins(repeated, labels))
    rates = np.full((n, n_classes, n_classes), -np.inf)
    rates[:, ~np.eye(n_classes, dtype=bool)] = np.where(sign > 0, np.nan, log_abs).reshape(n, -1)
    return rates


def _stationary(log_rates: Float[np.ndarray, "n K K"]) -> Float[np.ndarray, "n K"]:
    """The stationary distributions of chains, by elimination from the last class to the first."""
    rates = log_rates.copy()
    with np.errstate(invalid="ignore"):
        for k in range(rates.shape[1] - 1, 0, -1):
            rates[:, :k, k] -= np.logaddexp.reduce(rates[:, k, :k], axis=1)[:, None]
            through = rates[:, :k, k, None] + rates[:, k, None, :k]
            rates[:, :k, :k] = np.logaddexp(rates[:, :k, :k], through)
        log_shares = np.zeros(rates.shape[:2])
        for k in range(1, rates.shape[1]):
            log_shares[:, k] = np.logaddexp.reduce(log_shares[:, :k] + rates[:, :k, k], axis=1)
        log_shares -= np.logaddexp.reduce(log_shares, axis=1)[:, None]
        return np.exp(log_shares)
