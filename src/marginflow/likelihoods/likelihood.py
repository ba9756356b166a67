"""The protocol of a likelihood: a family of distributions, and the loss that it makes of scores.

The loss of a model that outputs scores is −log p(target | scores).  A family states four things in
closed form: its coordinates (each score made a real number, or the logarithm of a positive one, by
the link), the loss and its gradient in the coordinates, and its Fisher information.  From these
follow everything in the scores: `loss`, `score` and JAX's autodiff by the chain rule, `fisher`
likewise.  What has no closed form, as an entropy or a divergence, is an expectation over
`nodes`, by a quadrature or a sum.

Loss and score are written in the logarithms of the parameters, so that they stay right at scores of
±10⁴, where the parameters themselves are zero or infinite.
"""

import functools
from abc import abstractmethod
from types import MappingProxyType
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from marginflow._precision import x64
from marginflow._types import AnyArray
from marginflow.likelihoods.expectation import Nodes, expect, rows_of
from marginflow.likelihoods.links import (
    INVERSE_LINKS,
    link_slope,
    log_of_positive,
    score_of_positive,
)
from marginflow.likelihoods.support import Numbers, Support
from marginflow.losses.array_border import in_callers_type


class Likelihood(eqx.Module):
    """A family of distributions of a target, told by unconstrained scores.  Frozen.

    Scores are (..., n_scores), and (...) in a family with one score; targets are (...), or (..., m)
    where one target is m numbers.  What comes as NumPy goes out as NumPy, in its dtype; `loss`,
    `score` and `link` of JAX arrays pass through `jit`, `vmap` and `grad`, and the gradient of the
    loss is the score function.  The other methods are computed in float64 by NumPy and SciPy.

    Attributes:
        inverse_link: "exp" or "softplus", how a score becomes a positive parameter.
        known_as: the names of this loss in other libraries.
    """

    inverse_link: str = eqx.field(static=True, default="exp", kw_only=True)
    known_as: ClassVar[MappingProxyType[str, str]] = MappingProxyType({})

    def __check_init__(self):
        if self.inverse_link not in INVERSE_LINKS:
            raise ValueError(
                f"{self.name}: expected inverse_link 'exp' or 'softplus', "
                f"got {self.inverse_link!r}."
            )
        if self.inverse_link != "exp" and not any(self.positive):
            raise ValueError(
                f"{self.name} has no positive parameter that a link would make; leave "
                "inverse_link out."
            )

    @property
    def name(self) -> str:
        """The name in tables."""
        return type(self).__name__

    # What a family states.

    @property
    @abstractmethod
    def support(self) -> Support:
        """Where the targets live."""

    @property
    @abstractmethod
    def score_names(self) -> tuple[str, ...]:
        """What each score is, with the exponential link."""

    @property
    @abstractmethod
    def positive(self) -> tuple[bool, ...]:
        """Which scores stand for a positive parameter, through the link."""

    @abstractmethod
    def _parameters(self, coordinates: AnyArray) -> dict[str, AnyArray]:
        """Named parameters of the coordinates (..., p)."""

    @abstractmethod
    def _loss(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        """−log p, (...), in JAX."""

    @abstractmethod
    def _score(self, coordinates: AnyArray, targets: AnyArray) -> AnyArray:
        """Its gradient in the coordinates, (..., p), in JAX."""

    @abstractmethod
    def _mean(self, coordinates: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def _mode(self, coordinates: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def _cdf(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def _draw(self, coordinates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One target for each row of coordinates."""

    @abstractmethod
    def _start(self, targets: np.ndarray) -> np.ndarray:
        """Coordinates (p,) that fit targets with an intercept only, exactly or nearly."""

    def _nodes(self, coordinates: np.ndarray, edges: np.ndarray | None) -> Nodes:
        """Targets and weights for expectations; families without closed forms have them."""
        raise NotImplementedError(f"{self.name} has no nodes for expectations.")

    def _edges(self, coordinates: np.ndarray) -> np.ndarray | None:
        """Where the loss may have kinks or poles nearby, (n, m); None if nowhere."""
        return None

    def _fisher(self, coordinates: np.ndarray) -> np.ndarray:
        """E[score scoreᵀ] in the coordinates, (n, p, p), as an expectation."""

        def outer(rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
            score = self._score_rows(rows, targets)
            return score[:, :, None] * score[:, None, :]

        return expect(outer, coordinates, self._nodes(coordinates, None))

    def _entropy(self, coordinates: np.ndarray) -> np.ndarray:
        return expect(self._loss_rows, coordinates, self._nodes(coordinates, None))

    def _kl(self, coordinates: np.ndarray, others: np.ndarray) -> np.ndarray:
        def gap(rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
            p = rows[:, : coordinates.shape[1]]
            q = rows[:, coordinates.shape[1] :]
            return self._loss_rows(q, targets) - self._loss_rows(p, targets)

        nodes = self._nodes(coordinates, self._edges(others))
        return expect(gap, np.concatenate([coordinates, others], axis=1), nodes)

    # What follows.

    @property
    def n_scores(self) -> int:
        """How many scores tell one distribution."""
        return len(self.score_names)

    def link(self, scores: Numbers) -> dict[str, AnyArray]:
        """The parameters that the scores stand for, by name, each (...) or with an axis of its own.

        Args:
            scores: (..., n_scores), or (...) for one score.

        Example:
            >>> import marginflow as mf
            >>> mf.Gamma().link([[0.0, 0.0]])
            {'mean': array([1.]), 'shape': array([1.])}
        """
        return in_callers_type(_parameters_of, self, self._with_axis(scores))

    def loss(self, scores: Numbers, targets: Numbers) -> AnyArray:
        """−log p(target | scores) of each target, in nats, (...).

        Args:
            scores: (..., n_scores), or (...) for one score.
            targets: (...), or (..., m) where one target is m numbers.

        Raises:
            TypeError: if scores are not real numbers in an array of NumPy or JAX or in a list.
            ValueError: if shapes do not fit or a target is outside the support.

        Example:
            >>> import marginflow as mf
            >>> mf.Poisson().loss([0.0, 1.0], [0, 2])
            array([1.        , 1.41142901])
        """
        return self._call(_losses, scores, targets)

    __call__ = loss

    def score(self, scores: Numbers, targets: Numbers) -> AnyArray:
        """The score function, the gradient of the loss in the scores, in their shape.

        Args:
            scores: (..., n_scores), or (...) for one score.
            targets: as for `loss`.

        Raises:
            TypeError: if scores are not real numbers in an array of NumPy or JAX or in a list.
            ValueError: if shapes do not fit or a target is outside the support.

        Example:
            >>> import marginflow as mf
            >>> mf.Poisson().score([0.0, 0.0], [0, 2])
            array([ 1., -1.])
        """
        gradient = self._call(_scores, scores, targets)
        return gradient[..., 0] if self.n_scores == 1 else gradient

    def fisher(self, scores: Numbers) -> AnyArray:
        """The Fisher information of one target, the variance of the score function.

        Args:
            scores: (..., n_scores), or (...) for one score.

        Returns:
            (..., n_scores, n_scores), or (...) for one score.

        Example:
            >>> import marginflow as mf
            >>> mf.Gaussian().fisher([0.0, 0.0])
            array([[1., 0.],
                   [0., 2.]])
        """

        def in_scores(rows: np.ndarray) -> np.ndarray:
            slope = np.where(self.positive, link_slope(rows, self.inverse_link), 1.0)
            fisher = self._fisher(self._coordinates(rows)) * slope[:, :, None] * slope[:, None, :]
            return fisher[:, 0, 0] if self.n_scores == 1 else fisher

        return self._by_rows(in_scores, scores)

    def mean(self, scores: Numbers) -> AnyArray:
        """The mean of the target, (...) or (..., m); NaN where there is none.

        Of classes it is the mean label.  Of an angle it is the direction of the mean vector, of a
        censored time the mean of the time.

        Args:
            scores: (..., n_scores), or (...) for one score.
        """
        return self._by_rows(lambda rows: self._mean(self._coordinates(rows)), scores)

    def mode(self, scores: Numbers) -> AnyArray:
        """The most likely target; the end of the support where the density is infinite there.

        Args:
            scores: (..., n_scores), or (...) for one score.
        """
        return self._by_rows(lambda rows: self._mode(self._coordinates(rows)), scores)

    def entropy(self, scores: Numbers) -> AnyArray:
        """−E log p in nats, that of a density where the target is continuous.

        Args:
            scores: (..., n_scores), or (...) for one score.
        """
        return self._by_rows(lambda rows: self._entropy(self._coordinates(rows)), scores)

    def kl(self, scores: Numbers, others: Numbers) -> AnyArray:
        """KL(p‖q) in nats between two members of the family.

        Args:
            scores: of p, (..., n_scores), or (...) for one score.
            others: of q, in the same shape.

        Example:
            >>> import marginflow as mf
            >>> mf.Gaussian(scale=1.0).kl([0.0], [2.0])
            array([2.])
        """

        def divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
            # below zero is rounding alone
            return np.maximum(self._kl(self._coordinates(p), self._coordinates(q)), 0)

        return self._by_rows(divergence, scores, self._with_axis(others))

    def cross_entropy(self, scores: Numbers, others: Numbers) -> AnyArray:
        """H(p, q) = H(p) + KL(p‖q) = −E_p log q in nats, between two members of the family.

        Args:
            scores: of p, (..., n_scores), or (...) for one score.
            others: of q, in the same shape.
        """

        def total(p: np.ndarray, q: np.ndarray) -> np.ndarray:
            p, q = self._coordinates(p), self._coordinates(q)
            return self._entropy(p) + np.maximum(self._kl(p, q), 0)

        return self._by_rows(total, scores, self._with_axis(others))

    def cdf(self, scores: Numbers, targets: Numbers) -> AnyArray:
        """P(Y ≤ target), for quantile residuals; classes are taken in the order of their labels.

        Args:
            scores: (..., n_scores), or (...) for one score.
            targets: (...); of a censored time the time alone.  They may lie outside the support.

        Raises:
            NotImplementedError: if a target is several numbers, of which none comes first.
        """
        y = np.asarray(targets, np.float64)
        return self._by_rows(
            lambda rows, flat: self._cdf(self._coordinates(rows), flat[:, 0]), scores, y[..., None]
        )

    def sample(self, scores: Numbers, seed: int, size: int | None = None) -> AnyArray:
        """Draw targets.

        Args:
            scores: (..., n_scores), or (...) for one score.
            seed: of NumPy's generator.
            size: how many for each distribution; one, without an axis of its own, if left out.

        Returns:
            (...) or (size, ...), in the dtype of the scores; (..., m) where a target is m numbers.

        Example:
            >>> import marginflow as mf
            >>> mf.Bernoulli().sample([-40.0, 40.0], seed=0)
            array([0., 1.])
        """
        rng = np.random.default_rng(seed)
        if size is None:
            return self._by_rows(
                lambda rows: self._draw(self._coordinates(rows), rng),
                scores,
                finish=self.support.inside,
            )

        def draws(rows: np.ndarray) -> np.ndarray:
            drawn = self._draw(self._coordinates(np.tile(rows, (size, 1))), rng)
            return drawn.reshape(size, len(rows), *drawn.shape[1:])

        return self._by_rows(draws, scores, n_leading=1, finish=self.support.inside)

    def start(self, targets: Numbers) -> np.ndarray:
        """Scores (n_scores,) that fit an intercept only, exactly or as a good start.

        Args:
            targets: (n,), or (n, m) where a target is m numbers.

        Example:
            >>> import marginflow as mf
            >>> mf.Gaussian().start([1.0, 3.0])
            array([2., 0.])
        """
        y = np.asarray(self.support.check(targets), np.float64)
        y = y.reshape(-1, *y.shape[-1:]) if self.support.n_columns else y.reshape(-1)
        if not len(y):
            raise ValueError("start: expected one target or more, got none.")
        scores = self._start(y)
        positive = np.array(self.positive)
        with np.errstate(over="ignore"):
            values = np.exp(scores[positive])
        if self.inverse_link != "exp":
            scores[positive] = score_of_positive(values, self.inverse_link)
        return scores

    def finite_range(self, target: Numbers, dtype: Any = np.float64) -> np.ndarray:
        """Within which scores the loss of a target and its gradient are finite in a format.

        Each score is moved alone, the others stay at zero, between the ends of the format.

        Args:
            target: one target.
            dtype: float32 or float64.

        Returns:
            (n_scores, 2), the least and the largest, float64.

        Example:
            >>> import marginflow as mf
            >>> mf.Poisson().finite_range(1, "float32").round(2)
            array([[-3.4e+38,  8.872e+01]])
        """
        from marginflow.likelihoods.finite_range import finite_range

        return finite_range(self, target, np.dtype(dtype))

    # Between the caller's arrays and rows.

    def _with_axis(self, scores: Any) -> Any:
        array = scores if isinstance(scores, jax.Array) else np.asarray(scores)
        if self.n_scores == 1:
            return array[..., None]
        if array.ndim == 0 or array.shape[-1] != self.n_scores:
            raise ValueError(
                f"{self.name}: expected scores (..., {self.n_scores}), "
                f"{', '.join(self.score_names)}; got shape {array.shape}."
            )
        return array

    def _call(self, method: Any, scores: Any, targets: Any) -> Any:
        array = self._with_axis(scores)
        y = self.support.check(targets)
        leading = y.shape[:-1] if self.support.n_columns else y.shape
        if array.shape[:-1] != leading:
            raise ValueError(
                f"{self.name}: expected scores and targets with the same leading axes; got "
                f"{np.shape(scores)} and {y.shape}."
            )
        return in_callers_type(method, self, array, y, n_columns=self.support.n_columns)

    def _by_rows(
        self, function: Any, scores: Any, *others: Any, n_leading: int = 0, finish: Any = None
    ) -> Any:
        """Call a function of rows (n, p) in float64; its results go back to the caller's type."""
        array = self._with_axis(scores)
        values = np.asarray(array)
        real = np.issubdtype(values.dtype, np.floating) or values.dtype.name == "bfloat16"
        dtype = values.dtype if real else np.dtype(np.float64)
        leading = values.shape[:-1]
        flat = [values.astype(np.float64).reshape(-1, self.n_scores)]
        for other in others:
            other = np.asarray(other, np.float64)
            if other.shape[:-1] != leading:
                raise ValueError(
                    f"{self.name}: expected both arguments with the same leading axes; got "
                    f"{leading} and {other.shape[:-1]}."
                )
            flat.append(other.reshape(-1, other.shape[-1]))
        with np.errstate(all="ignore"):
            result = np.asarray(function(*flat))
            shape = result.shape[:n_leading] + leading + result.shape[n_leading + 1 :]
            result = result.reshape(shape).astype(dtype)
        result = result if finish is None else finish(result)
        if not isinstance(array, jax.Array):
            return result
        with x64():
            return jnp.asarray(result)

    def _coordinates(self, scores: Any) -> Any:
        """Each score, or the logarithm of the positive parameter that it stands for."""
        if self.inverse_link == "exp":
            return scores
        linked = log_of_positive(scores, self.inverse_link)
        xp = np if isinstance(scores, np.ndarray) else jnp
        return xp.where(np.array(self.positive), linked, scores)

    def _loss_rows(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return rows_of(_losses_in_coordinates, self, coordinates, targets)

    def _score_rows(self, coordinates: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return rows_of(_scores_in_coordinates, self, coordinates, targets)


def _parameters_of(likelihood: Likelihood, scores: jax.Array) -> dict[str, AnyArray]:
    return likelihood._parameters(likelihood._coordinates(scores))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _losses(likelihood: Likelihood, scores: jax.Array, targets: jax.Array) -> AnyArray:
    return likelihood._loss(likelihood._coordinates(scores), targets.astype(scores.dtype))


@functools.partial(_losses.defjvp, symbolic_zeros=True)
def _(likelihood, primals, tangents):
    (scores, targets), (direction, target_direction) = primals, tangents
    value = _losses(likelihood, scores, targets)
    change = jnp.zeros_like(value)
    if not isinstance(direction, SymbolicZero):
        change += jnp.sum(_scores(likelihood, scores, targets) * direction, axis=-1)
    if not isinstance(target_direction, SymbolicZero):
        coordinates = likelihood._coordinates(scores)
        of_targets = functools.partial(likelihood._loss, coordinates)
        change += jax.jvp(of_targets, (targets,), (target_direction,))[1]
    return value, change


def _scores(likelihood: Likelihood, scores: jax.Array, targets: jax.Array) -> AnyArray:
    gradient = likelihood._score(likelihood._coordinates(scores), targets.astype(scores.dtype))
    slope = link_slope(scores, likelihood.inverse_link)
    return gradient * jnp.where(np.array(likelihood.positive), slope, 1)


def _losses_in_coordinates(
    likelihood: Likelihood, coordinates: jax.Array, targets: jax.Array
) -> AnyArray:
    return likelihood._loss(coordinates, targets)


def _scores_in_coordinates(
    likelihood: Likelihood, coordinates: jax.Array, targets: jax.Array
) -> AnyArray:
    return likelihood._score(coordinates, targets)
