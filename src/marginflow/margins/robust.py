"""Robust margins: the least margins that a bounded perturbation of each sample leaves.

An attacker moves a sample by δ with ‖δ‖_p ≤ ε.  The margin against class k then falls by at most
ε·‖w_y − w_k‖_q, 1/p + 1/q = 1, and one δ does that: the direction of norm 1 along which w_y − w_k
rises fastest.  So the margins of the worst case are those of a linear map less one number for each
two classes, and training against the worst case is training on this map.
"""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

from marginflow._types import AnyArray, namespace
from marginflow.margins.coercion import as_linear_map
from marginflow.margins.margin_map import LinearMarginMap, MarginMap
from marginflow.norms import EntrywiseNorm, as_norm


class RobustMargins(MarginMap):
    """Margins of the worst perturbation of each sample within a ball.

    u_ik(W) = x_i·(w_{y_i} − w_k) − ε‖w_{y_i} − w_k‖_q, and y_i x_i·w − ε‖w‖_q for two classes: the
    least margin of x_i + δ over ‖δ‖_p ≤ ε, with q the conjugate of p.  The map is concave and
    homogeneous of degree 1.  It has a corner where w_{y_i} = w_k, for p = ∞ wherever two entries
    agree, and for p = 1 where the largest of |w_{y_i} − w_k| is tied; `vjp` takes the supergradient
    that leaves out zero entries there, and the first of those that are tied.

    Args:
        data: a `Dataset`, a pair (features, labels) or a linear margin map.
        radius: ε ≥ 0, in the features' units.
        norm: the p-norm that bounds the perturbation of a sample's features: "max" for p = ∞,
            "l2" or "frobenius" for p = 2, "l1", or another exponent, as "l3"; or an
            `EntrywiseNorm`.  The weights are measured in its dual.

    Raises:
        ValueError: if the radius is negative or not finite, or the norm is not a p-norm of entries.
        TypeError: if a margin map is given that is not linear.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> maps = mf.RobustMargins((np.eye(2), [-1, 1]), radius=0.5, norm="max")
        >>> maps.margins(np.array([-1.0, 3.0]))
        array([[-1.],
               [ 1.]])

    Salehi & Hassibi 2020, arXiv 2010.15391, the adversarial risk (binary); the multiclass margins
    follow in the same way.
    """

    linear: LinearMarginMap
    radius: AnyArray | float
    norm: EntrywiseNorm

    def __init__(self, data: Any, radius: float | int, norm: Any = "max"):
        norm = as_norm(norm)
        if not isinstance(norm, EntrywiseNorm):
            raise ValueError(
                "norm: expected a p-norm of a sample's features, 'max', 'l2', 'l1' or an exponent "
                f"as 'l3', got {norm.name!r}."
            )
        if not 0 <= radius < math.inf:
            raise ValueError(f"radius: expected a finite number from 0 on, got {radius!r}.")
        self.linear = as_linear_map(data, "RobustMargins")
        self.radius, self.norm = float(radius), norm

    @property
    def homogeneity(self) -> float:
        return 1.0

    @property
    def n_classes(self) -> int:
        """The number of classes, K."""
        return self.linear.n_classes

    @property
    def n_samples(self) -> int:
        """The number of samples, n."""
        return self.linear.n_samples

    @property
    def weights_shape(self) -> tuple[int, ...]:
        """(d, K), or (d,) of a binary map."""
        return self.linear.weights_shape

    def margins(self, params: AnyArray) -> AnyArray:
        lengths = _of_columns(self.norm.dual, differences(params))
        return self.linear.margins(params) - self.radius * self.per_pair(lengths)

    def vjp(self, params: Any, cotangent: AnyArray) -> AnyArray:
        return self.perturbed_adjoint(cotangent, self.worst_directions(params))

    def take(self, samples: AnyArray) -> "RobustMargins":
        return eqx.tree_at(lambda maps: maps.linear, self, self.linear.take(samples))

    def worst_directions(self, params: AnyArray) -> AnyArray:
        """g_yk = −δ/ε of the worst perturbation: ‖g‖_p ≤ 1, g_yk·(w_y − w_k) = ‖w_y − w_k‖_q.

        They have the shape of `differences`; zero where the difference is.
        """
        return _of_columns(self.norm.steepest, differences(params))

    def perturbed_adjoint(self, cotangent: AnyArray, directions: AnyArray) -> AnyArray:
        """Σ c_ik (x_i − ε g_{y_i k}) (e_{y_i} − e_k)ᵀ for directions g with g_yk = −g_ky."""
        forces = self.class_forces(cotangent)
        pushed = (directions * forces).sum(axis=-1)
        return self.linear.adjoint(cotangent) - self.radius * pushed

    def class_forces(self, cotangent: AnyArray) -> AnyArray:
        """Sums of a cotangent over the pairs of each two classes: (K, K), symmetric; (1,)."""
        xp, dual = namespace(cotangent), self.linear.to_dual(cotangent)
        if dual.ndim == 1:
            return xp.sum(dual, keepdims=True)
        own = xp.arange(self.n_classes)[:, None] == self.linear.labels
        sums = own.astype(dual.dtype) @ dual
        return sums + sums.T

    def per_pair(self, table: AnyArray) -> AnyArray:
        """Values of each two classes (K, K), or (1,), as those of all pairs (n, K−1) or (1,)."""
        return table if table.ndim == 1 else self.linear.from_dual(table[self.linear.labels])


def differences(params: AnyArray) -> AnyArray:
    """w_y − w_k of all two classes, (d, K, K); the weights themselves, (d, 1), for (d,)."""
    return params[:, None] if params.ndim == 1 else params[:, :, None] - params[:, None, :]


def _of_columns(function: Callable[[AnyArray], Any], table: AnyArray) -> AnyArray:
    """A function of vectors (d,) applied along the first axis of (d, ...).

    What it gives, a number or a vector, replaces that axis.
    """
    xp, columns = namespace(table), table.reshape(len(table), -1).T
    if xp is np:
        found = np.stack([np.asarray(function(column)) for column in columns], axis=-1)
    else:
        found = jax.vmap(function, out_axes=-1)(columns)
    return found.reshape(*found.shape[:-1], *table.shape[1:])
