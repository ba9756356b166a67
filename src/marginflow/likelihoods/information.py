"""Entropy, cross-entropy, divergences and mutual information of discrete distributions.

H(p, q) = H(p) + KL(p‖q), so that a model that is fitted by minimizing the cross-entropy is the one
that minimizes the divergence.  A zero probability counts as its limit: 0 log 0 = 0, and what q
excludes while p does not costs ∞.

A distribution lies along the last axis.  Probabilities have to sum to one within rounding; counts
are made probabilities by dividing by their sum first.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr

_UNITS = {"nats": 1.0, "bits": math.log(2.0)}


def entropy(p: ArrayLike, unit: str = "nats") -> np.ndarray:
    """H(p) = −Σ p log p, between 0 and log K.

    Args:
        p: probabilities (..., K).
        unit: "nats" or "bits".

    Returns:
        (...), float64.

    Raises:
        ValueError: if p is no distribution or the unit is another.

    Example:
        >>> import marginflow as mf
        >>> mf.entropy([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], unit="bits")
        array([1., 0.])
    """
    return np.asarray(np.sum(entr(_distribution("p", p)), axis=-1) / _size(unit))


def kl(p: ArrayLike, q: ArrayLike, unit: str = "nats") -> np.ndarray:
    """KL(p‖q) = Σ p log(p/q) ≥ 0, zero where p = q alone; ∞ where q is zero and p is not.

    The sum is of p log(p/q) − p + q, no term of which is negative: what is near zero is right to
    rounding, and never below.

    Args:
        p: probabilities (..., K).
        q: as p, with axes that broadcast.
        unit: "nats" or "bits".

    Returns:
        (...), float64.

    Raises:
        ValueError: if one is no distribution, their classes differ, or the unit is another.

    Example:
        >>> import marginflow as mf
        >>> mf.kl([0.5, 0.5], [0.25, 0.75], unit="bits").round(6)
        np.float64(0.207519)
    """
    p, q = _pair(p, q)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # p g(d) with d = log(q/p) and g(d) = e^d − 1 − d, formed from q/p − 1 where that is small
        off = (q - p) / p
        small = np.abs(off) < 1e-2
        near = np.where(small, off, 0)
        series = near**2 * sum((-near) ** k / (k + 2) for k in range(8))
        terms = p * np.where(small, series, off - np.log(q / p))
        terms = np.where(p == 0, q, np.where(q == 0, np.inf, terms))
    return np.asarray(np.sum(terms, axis=-1) / _size(unit))


def cross_entropy(p: ArrayLike, q: ArrayLike, unit: str = "nats") -> np.ndarray:
    """H(p, q) = −Σ p log q = H(p) + KL(p‖q), the mean log loss of predicting q where p holds.

    `CrossEntropy` is the loss of scores and labels; this is the number of two distributions.

    Args:
        p: probabilities (..., K), as soft labels.
        q: as p, with axes that broadcast.
        unit: "nats" or "bits".

    Returns:
        (...), float64; ∞ where q is zero and p is not.

    Raises:
        ValueError: if one is no distribution, their classes differ, or the unit is another.

    Example:
        >>> import marginflow as mf
        >>> mf.cross_entropy([1.0, 0.0], [0.25, 0.75], unit="bits")
        array(2.)
    """
    p, q = _pair(p, q)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p == 0, 0, -p * np.log(q))
    return np.asarray(np.sum(terms, axis=-1) / _size(unit))


def jensen_shannon(p: ArrayLike, q: ArrayLike, unit: str = "nats") -> np.ndarray:
    """½ KL(p‖m) + ½ KL(q‖m) with m = ½(p + q): symmetric, between 0 and log 2.

    Args:
        p: probabilities (..., K).
        q: as p, with axes that broadcast.
        unit: "nats" or "bits".

    Returns:
        (...), float64; its square root is a distance.

    Raises:
        ValueError: if one is no distribution, their classes differ, or the unit is another.

    Example:
        >>> import marginflow as mf
        >>> mf.jensen_shannon([1.0, 0.0], [0.0, 1.0], unit="bits")
        array(1.)
    """
    p, q = _pair(p, q)
    middle = 0.5 * p + 0.5 * q
    return np.asarray(0.5 * kl(p, middle, unit) + 0.5 * kl(q, middle, unit))


def mutual_information(joint: ArrayLike, unit: str = "nats") -> np.ndarray:
    """I(X; Y) = KL(p(x, y)‖p(x) p(y)), zero where X and Y are independent alone.

    Args:
        joint: probabilities (..., K, M) that sum to one over the last two axes.
        unit: "nats" or "bits".

    Returns:
        (...), float64.

    Raises:
        ValueError: if it is no joint distribution or the unit is another.

    Example:
        >>> import marginflow as mf
        >>> mf.mutual_information([[0.5, 0.0], [0.0, 0.5]], unit="bits")
        array(1.)
    """
    joint = np.asarray(joint, np.float64)
    if joint.ndim < 2:
        raise ValueError(f"joint: expected probabilities (..., K, M), got shape {joint.shape}.")
    flat = joint.reshape(*joint.shape[:-2], -1)
    flat = _distribution("joint", flat)
    independent = joint.sum(axis=-1, keepdims=True) * joint.sum(axis=-2, keepdims=True)
    return kl(flat, independent.reshape(flat.shape), unit)


def _size(unit: str) -> float:
    if unit not in _UNITS:
        raise ValueError(f"unit: expected 'nats' or 'bits', got {unit!r}.")
    return _UNITS[unit]


def _distribution(name: str, values: ArrayLike) -> np.ndarray:
    array = np.asarray(values)
    # probabilities in single precision sum to one within their own rounding
    single = array.dtype.kind == "f" and array.dtype.itemsize < 8
    rounding = 4 * np.finfo(array.dtype if single else np.float64).eps
    array = array.astype(np.float64)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"{name}: expected probabilities (..., K), got shape {array.shape}.")
    if not np.all(array >= 0):
        wrong = array[~(array >= 0)].flat[0]
        raise ValueError(f"{name}: expected probabilities >= 0, got {wrong}.")
    off = np.abs(array.sum(axis=-1) - 1)
    if np.any(off > rounding * array.shape[-1]):
        total = array.sum(axis=-1).flat[int(np.argmax(off))]
        raise ValueError(
            f"{name}: expected probabilities that sum to 1 along the last axis, got a sum of "
            f"{total:.17g}; divide counts by their sum."
        )
    return array


def _pair(p: ArrayLike, q: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    p, q = _distribution("p", p), _distribution("q", q)
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(
            f"expected p and q over the same classes, got {p.shape[-1]} and {q.shape[-1]}."
        )
    p, q = np.broadcast_arrays(p, q)
    return p, q
