"""The protocol of a loss: a template on relative margins, and its slopes as (sign, log |slope|).

A permutation-equivariant, relative-margin (PERM) loss is one symmetric function ψ of a sample's
relative margins (Wang & Scott 2024, arXiv 2311.17778).  Everything else follows from it: the loss
in the scores, its gradient, its Hessian.  The one thing that does not follow in floating point is
the far tail: at margin 10⁶ every slope of the cross-entropy is zero in float64, while training in
log time still needs it.  Hence a loss states its slopes by sign and logarithm, and those who train
form every weight as exp(s + log_abs).

A new loss is a subclass with `template`, `slope`, `smoothness` and `tail`, or a `TemplateLoss` of a
function.  Its formulas are written for JAX arrays, and `keeps_array_type` opens them to others.
"""

import math
from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from numpy.typing import ArrayLike

from marginflow._types import AnyArray
from marginflow.losses.array_border import in_callers_type, keeps_array_type
from marginflow.losses.tail import Tail
from marginflow.margins.multiclass import relative_margins, scores_cotangent

# Where Σ e^(−a u_k) is below e^−40, a template and its tail differ by less than rounding.
_FAR = -40.0


class Loss(eqx.Module):
    """A loss given by its template.  Frozen; parameters of a loss are fields of its class.

    Margins are (..., K−1), with any leading axes.  Every method keeps the array type and dtype that
    it is given: NumPy arrays and lists are computed in float64, or in their own width; JAX arrays
    pass through `jit`, `vmap` and `grad`.
    """

    @property
    def name(self) -> str:
        """The name in tables."""
        return type(self).__name__

    @abstractmethod
    def template(self, margins: AnyArray) -> AnyArray:
        """ψ(u): margins (..., K−1) to values (...)."""

    @abstractmethod
    def slope(self, margins: AnyArray) -> tuple[AnyArray, AnyArray]:
        """∂ψ/∂u_k as (sign, log |slope|), each (..., K−1); an exact zero is (0, −inf)."""

    @abstractmethod
    def smoothness(self, n_classes: int) -> float | None:
        """The largest eigenvalue β of the Hessian in the K scores, or None where there is no bound.

        In a binary problem with one score, x·w, the constant is half of that for two classes.
        """

    @abstractmethod
    def tail(self, n_classes: int) -> Tail | None:
        """How the slopes fade; None where no tail could be derived."""

    @keeps_array_type
    def log_template(self, margins: AnyArray) -> AnyArray:
        """The logarithm of ψ(u), kept where ψ itself underflows if the tail is exponential.

        Far out, ψ = Σ_k |∂_k ψ| / a up to a factor 1 + O(Σ e^(−a u_k)).
        """
        value = self.template(margins)
        tail = self.tail(margins.shape[-1] + 1)
        if tail is None or tail.rate is None or tail.log_constant is None:
            return log_of_nonnegative(value)
        pull = jax.nn.logsumexp(self.slope(margins)[1], axis=-1)
        far = pull - tail.log_constant < _FAR
        near = log_of_nonnegative(jnp.where(far, 1, value))
        return jnp.where(far, pull - math.log(tail.rate), near)

    @keeps_array_type
    def slope_value(self, margins: AnyArray) -> AnyArray:
        """∂ψ/∂u_k itself; zero where it underflows."""
        sign, log_abs = self.slope(margins)
        return sign * jnp.exp(log_abs)

    def __call__(self, scores: ArrayLike, labels: ArrayLike) -> AnyArray:
        """The loss of each sample.

        Args:
            scores: (..., K), or (...) for a binary problem with one score for the class that sorts
                second.
            labels: (...), integers in 0..K−1.

        Returns:
            (...), in the dtype and array type of `scores`.

        Raises:
            TypeError: if `scores` are not real numbers in an array of NumPy or JAX or in a list.
            ValueError: if shapes or labels do not fit.

        Example:
            >>> import numpy as np
            >>> import marginflow as mf
            >>> mf.CrossEntropy()(np.array([[0.0, 0.0], [50.0, 0.0]]), np.array([0, 0]))
            array([6.93147181e-01, 1.92874985e-22])
        """
        return in_callers_type(_values, self, scores, _checked_labels(scores, labels))

    def gradient(self, scores: ArrayLike, labels: ArrayLike) -> AnyArray:
        """The gradient of each sample's loss in its scores, in their shape, dtype and array type.

        The true class's entry is minus the sum of the others, so that it is not lost at large
        margins: p − 1 rounds to zero from margin 37 on in float64, and from 17 on in float32.

        Args:
            scores: (..., K), or (...) for a binary problem.
            labels: (...), integers in 0..K−1.

        Returns:
            As `scores`.

        Raises:
            TypeError: if `scores` are not real numbers in an array of NumPy or JAX or in a list.
            ValueError: if shapes or labels do not fit.

        Example:
            >>> import numpy as np
            >>> import marginflow as mf
            >>> mf.CrossEntropy().gradient(np.array([[100.0, 0.0]]), np.array([0]))
            array([[-3.72007598e-44,  3.72007598e-44]])
        """
        return in_callers_type(_gradients, self, scores, _checked_labels(scores, labels))

    def _of_scores(self, scores: jax.Array, labels: jax.Array) -> AnyArray:
        """The loss at JAX arrays; a loss with a shorter way than by margins overrides it."""
        return self.template(_margins(scores, labels))

    def _gradient_of_scores(self, scores: jax.Array, labels: jax.Array) -> AnyArray:
        """Its gradient, likewise."""
        slopes = self.slope_value(_margins(scores, labels))
        if scores.ndim == labels.ndim:
            return jnp.where(labels == 1, 1, -1) * slopes[..., 0]
        return scores_cotangent(slopes, labels)


def log_of_nonnegative(values: AnyArray) -> AnyArray:
    """The logarithm, −inf at zero with derivatives of zero there instead of NaN."""
    zero = values == 0
    return jnp.where(zero, -jnp.inf, jnp.log(jnp.where(zero, 1, values)))


def _values(loss: Loss, scores: jax.Array, labels: jax.Array) -> AnyArray:
    return loss._of_scores(scores, labels)


def _gradients(loss: Loss, scores: jax.Array, labels: jax.Array) -> AnyArray:
    return loss._gradient_of_scores(scores, labels)


def _margins(scores: jax.Array, labels: jax.Array) -> AnyArray:
    if scores.ndim == labels.ndim:
        return (jnp.where(labels == 1, 1, -1) * scores)[..., None]
    return relative_margins(scores, labels)


def _checked_labels(scores: ArrayLike, labels: ArrayLike) -> Any:
    """Labels as an array that fits the scores; the values of traced ones cannot be checked."""
    labels = labels if isinstance(labels, jax.Array) else np.asarray(labels)
    shape = np.shape(scores)
    binary = labels.shape == shape
    if not binary and (labels.shape != shape[:-1] or shape[-1] < 2):
        raise ValueError(
            "expected scores (..., K) with K >= 2 and labels (...), or binary scores (...) with "
            f"labels (...); got scores {shape} and labels {labels.shape}."
        )
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(
            f"labels: expected integers in 0..K-1, got dtype {labels.dtype}; "
            "Dataset(features, labels) encodes labels of any kind."
        )
    if not isinstance(labels, Tracer):
        _check_range(np.asarray(labels), 2 if binary else shape[-1])
    return labels


def _check_range(labels: np.ndarray, n_classes: int) -> None:
    wrong = labels[(labels < 0) | (labels >= n_classes)]
    if wrong.size:
        raise ValueError(
            f"labels: expected integers in 0..{n_classes - 1}, got {wrong.flat[0]}; "
            "Dataset(features, labels) encodes labels of any kind."
        )
