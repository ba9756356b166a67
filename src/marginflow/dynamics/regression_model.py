"""Models of regression: parameters → predictions, with the targets they are to meet.

What training does to a linear function depends on how it is parameterized.  A model says how: its
parameters may be the weights themselves, two vectors whose squares are subtracted, or the factors
of a matrix.  `train_regression` moves the parameters; `effective` is the function that they make.

    LinearModel           X w
    DiagonalNetwork       X (u∘u − v∘v)
    MatrixCompletion      the observed entries of W₁ W₂ ... W_L
"""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from marginflow._types import AnyArray
from marginflow.data.regression import RegressionData, as_regression


class RegressionModel(eqx.Module):
    """A parameterized function with targets.

    Attributes:
        targets: what the predictions should be.
    """

    targets: eqx.AbstractVar[AnyArray]

    @abstractmethod
    def predictions(self, params: Any) -> AnyArray:
        """One for each target."""

    @abstractmethod
    def effective(self, params: Any) -> AnyArray:
        """What the parameters amount to: the weights, or the matrix."""

    @abstractmethod
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the parameters' arrays."""

    def observe(self, params: Any) -> dict[str, AnyArray]:
        """What is recorded of this model besides the standard observables."""
        return {}


class LinearModel(RegressionModel):
    """X w, its own weights the parameters, for optimizers without a closed form.

    Args:
        data: a pair (features (n, d), targets (n,)).

    Example:
        >>> import marginflow as mf
        >>> model = mf.LinearModel(([[1.0, 2.0]], [1.0]))
        >>> run = mf.train_regression(model, mf.SignDescent(0.1), steps=3, initial=[0.0, 0.0])
        >>> run.effective
        array([0.3, 0.3])
    """

    features: AnyArray
    targets: AnyArray

    def __init__(self, data: Any):
        problem = one_target(data, "LinearModel")
        self.features, self.targets = problem.features, problem.targets[:, 0]

    def predictions(self, params: Any) -> AnyArray:
        return self.features @ params[0]

    def effective(self, params: Any) -> AnyArray:
        return params[0]

    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return ((self.features.shape[1],),)


class DiagonalNetwork(RegressionModel):
    """X (u∘u − v∘v): a network of two diagonal layers.

    Gradient flow from u = v = α ends at the interpolator of least Q_α, see
    `diagonal_network_limit`.

    Args:
        data: a pair (features (n, d), targets (n,)).

    Example:
        >>> import marginflow as mf
        >>> model = mf.DiagonalNetwork(([[1.0, 2.0]], [2.0]))
        >>> run = mf.train_regression(
        ...     model, mf.HeavyBall(0.01), steps=10_000, initial=model.balanced(0.01)
        ... )
        >>> run.effective
        array([0.011, 0.995])

    Source: Woodworth et al. 2020, arXiv 2002.09277, section 4.
    """

    features: AnyArray
    targets: AnyArray

    def __init__(self, data: Any):
        problem = one_target(data, "DiagonalNetwork")
        self.features, self.targets = problem.features, problem.targets[:, 0]

    def balanced(self, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """U = v = α, which begin as w = 0."""
        size = self.features.shape[1]
        return np.full(size, float(scale)), np.full(size, float(scale))

    def predictions(self, params: Any) -> AnyArray:
        return self.features @ self.effective(params)

    def effective(self, params: Any) -> AnyArray:
        plus, minus = params
        return (plus - minus) * (plus + minus)

    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return ((self.features.shape[1],),) * 2

    def observe(self, params: Any) -> dict[str, AnyArray]:
        return {"l1_norm": jnp.sum(jnp.abs(self.effective(params)))}


def one_target(data: Any, name: str) -> RegressionData:
    """A regression problem with a single target."""
    problem = as_regression(data)
    if problem.targets.shape[1] != 1:
        raise ValueError(
            f"{name}: expected targets (n,), got {problem.targets.shape[1]} columns; train them "
            "one at a time."
        )
    return problem
