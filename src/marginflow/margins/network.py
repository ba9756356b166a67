"""Networks: the margins of a stack of matrices with rectified units between them, without biases.

Such a network is homogeneous: weights c times as large give scores c^L times as large, L the number
of matrices.  Once the data are separated, the loss falls by growth alone, and what training still
decides is the direction of all weights together: the margin over their norm to the power L, the
normalized margin (Lyu & Li 2020, arXiv 1906.05890).  Everything that works on a `MarginMap` works
on it: losses at any margin, optimizers, checkpoints.

The last matrix is a linear classifier on the last hidden units, and is the linear map's own.
"""

import math
from typing import Any

import equinox as eqx
import numpy as np

from marginflow._types import AnyArray, namespace
from marginflow.margins.binary import BinaryMargins
from marginflow.margins.coercion import as_linear_map
from marginflow.margins.margin_map import LinearMarginMap, MarginMap
from marginflow.margins.multiclass import scores_cotangent

Layers = tuple[AnyArray, ...]


class NetworkMargins(MarginMap):
    """Relative margins of a fully connected homogeneous network.

    scores = φ(... φ(x W₁) ...) W_L with φ(z) = max(z, a z), a the negative slope; the parameters
    are the tuple (W₁, ..., W_L).  Where z = 0 the slope of φ is taken to be a.  Without hidden
    layers it is the linear classifier; with a = 1 a deep linear one.  An intercept is a column of
    ones among the features, which the first layer's norm counts.

    Args:
        data: a `Dataset`, a pair (features, labels) or a linear margin map: for two classes the
            network has one score, unless `MulticlassMargins(data)` is passed.
        hidden: the widths of the hidden layers, from the features to the scores.
        negative_slope: a in [0, 1]: 0 for rectified units, 1 for linear ones.

    Raises:
        ValueError: if a width is below 1 or the slope is out of range.
        TypeError: if a margin map is given that is not linear.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> network = mf.NetworkMargins((np.eye(2), [-1, 1]), hidden=(3,))
        >>> network.layer_shapes, network.homogeneity
        (((2, 3), (3,)), 2.0)
        >>> network.margins((np.ones((2, 3)), np.array([1.0, 2.0, 3.0])))
        array([[-6.],
               [ 6.]])

    Lyu & Li 2020, arXiv 1906.05890, section 2, without biases.
    """

    linear: LinearMarginMap
    hidden: tuple[int, ...] = eqx.field(static=True)
    negative_slope: float = eqx.field(static=True)

    def __init__(self, data: Any, hidden: Any = (), *, negative_slope: float | int = 0.0):
        widths = tuple(int(width) for width in hidden)
        if any(width < 1 or width != given for width, given in zip(widths, hidden, strict=True)):
            raise ValueError(f"hidden: expected whole numbers from 1 on, got {hidden!r}.")
        if not 0 <= negative_slope <= 1:
            raise ValueError(
                f"negative_slope: expected 0 (rectified) to 1 (linear), got {negative_slope!r}."
            )
        self.linear = as_linear_map(data, "NetworkMargins")
        self.hidden, self.negative_slope = widths, float(negative_slope)

    @property
    def homogeneity(self) -> float:
        return float(len(self.hidden) + 1)

    @property
    def n_classes(self) -> int:
        """The number of classes, K."""
        return self.linear.n_classes

    @property
    def n_samples(self) -> int:
        """The number of samples, n."""
        return self.linear.n_samples

    @property
    def layer_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of W₁, ..., W_L; the last is (h,) in the binary map."""
        sizes = (self.linear.n_features, *self.hidden)
        between = tuple((sizes[i], sizes[i + 1]) for i in range(len(self.hidden)))
        return (*between, (sizes[-1], *self.linear.weights_shape[1:]))

    def margins(self, params: Layers) -> AnyArray:
        return self._head(self._activations(params)[-1]).margins(params[-1])

    def vjp(self, params: Any, cotangent: AnyArray) -> Layers:
        activations = self._activations(params)
        gradients = [self._head(activations[-1]).adjoint(cotangent)]
        pull = _outer(params[-1], self._scores_cotangent(cotangent))
        for layer in reversed(range(len(self.hidden))):
            pull = pull * self._slopes(activations[layer + 1])
            gradients.append(activations[layer] @ pull.T)
            pull = params[layer] @ pull
        return tuple(reversed(gradients))

    def take(self, samples: AnyArray) -> "NetworkMargins":
        return eqx.tree_at(lambda maps: maps.linear, self, self.linear.take(samples))

    def draw(self, seed: int, scale: float | int = 1.0) -> tuple[np.ndarray, ...]:
        """Gaussian first weights: variance 2/((1 + a²) m), m the layer's inputs, times scale².

        With scale 1 the activations keep their mean square from layer to layer (He et al. 2015,
        arXiv 1502.01852, section 2.2).

        Args:
            seed: of `numpy.random.default_rng`.
            scale: a factor for every layer.
        """
        rng, gain = np.random.default_rng(seed), math.sqrt(2.0 / (1.0 + self.negative_slope**2))
        return tuple(
            scale * gain / math.sqrt(shape[0]) * rng.standard_normal(shape)
            for shape in self.layer_shapes
        )

    def layers(self, flat: AnyArray) -> Layers:
        """The matrices of a vector that holds them one after the other, as records do.

        Args:
            flat: (p,) all entries, W₁ first, each matrix row by row.
        """
        sizes = [math.prod(shape) for shape in self.layer_shapes]
        if flat.shape != (sum(sizes),):
            raise ValueError(f"flat: expected shape {(sum(sizes),)}, got {flat.shape}.")
        ends = np.cumsum([0, *sizes])
        return tuple(
            flat[ends[i] : ends[i + 1]].reshape(shape) for i, shape in enumerate(self.layer_shapes)
        )

    def _activations(self, params: Layers) -> list[AnyArray]:
        """The inputs (d, n) and what each hidden layer (h, n) makes of them."""
        shapes = tuple(np.shape(layer) for layer in params)
        if shapes != self.layer_shapes:
            raise ValueError(
                f"expected layers of shapes {self.layer_shapes}, got {shapes}; "
                "NetworkMargins.draw(seed) gives first weights."
            )
        found = [self.linear.features_t]
        for layer in params[:-1]:
            xp, sums = namespace(layer, found[-1]), layer.T @ found[-1]
            found.append(xp.maximum(sums, self.negative_slope * sums))
        return found

    def _slopes(self, activation: AnyArray) -> AnyArray:
        """φ' (h, n), which the sign of φ tells as well."""
        return namespace(activation).where(activation > 0, 1.0, self.negative_slope)

    def _head(self, activation: AnyArray) -> LinearMarginMap:
        return eqx.tree_at(lambda maps: maps.features_t, self.linear, activation)

    def _scores_cotangent(self, cotangent: AnyArray) -> AnyArray:
        """The pull-back to the scores: (n, K−1) to (K, n), or (n,) for one score."""
        if isinstance(self.linear, BinaryMargins):
            return self.linear.signs * cotangent[:, 0]
        return scores_cotangent(cotangent, self.linear.labels).T


def _outer(weights: AnyArray, scores: AnyArray) -> AnyArray:
    """The pull-back of scores to the units that they are made of, (h, n)."""
    return weights[:, None] * scores if weights.ndim == 1 else weights @ scores
