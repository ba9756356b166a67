"""Gradient descent on minibatches: the mean path, and an estimate of how far a run strays."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from marginflow.dynamics.compiled_module import CompiledModule
from marginflow.dynamics.continuations.continuation import Course, Problem
from marginflow.dynamics.continuations.linear import LinearContinuation
from marginflow.dynamics.continuations.mean_field import MeanField
from marginflow.dynamics.descent import DescentState
from marginflow.dynamics.linear_method import linear_method
from marginflow.dynamics.log_time_field import CompiledField
from marginflow.dynamics.minibatches import Batches, Reshuffled

# A run strays further than this many standard deviations, halved, once in some hundred.
DEVIATIONS = 1.5
# Of more steps than this a step within an epoch is not known.
LAST_KNOWN = 2.0**52
# The covariance of so many weights is worth keeping.
SMALL = 256

Field = Callable[[float, np.ndarray], np.ndarray]


class MinibatchContinuation(LinearContinuation):
    """The mean over all draws that may follow a prefix.

    The prefix is that of the run's own seed; what its later draws do is not known, and is in the
    estimate as three standard deviations.

    Args:
        problem: the data and the loss.
        log_step: the logarithm of h, the mean step on the whole risk.
        batches: how minibatches are drawn.
    """

    def __init__(self, problem: Problem, log_step: float, batches: Batches):
        super().__init__(problem, log_step, linear_method([1.0], [1.0]))
        self.batches, self.reshuffled = batches, isinstance(batches, Reshuffled)
        self.per_epoch = batches.n_samples // batches.batch_size if self.reshuffled else 1
        self.stride = self.per_epoch
        whole = self.reshuffled and batches.n_samples % batches.batch_size == 0
        self.order = 1.5 if whole else 0.5
        field = MeanField(
            jax.tree.map(jnp.asarray, problem.margin_map),
            problem.loss,
            jnp.asarray(self.log_step),
            per_epoch=self.per_epoch,
            batch_size=batches.batch_size,
            reshuffled=self.reshuffled,
        )
        self.mean = CompiledModule(field)
        self.mean_field = field
        self.spread = float(self.per_epoch)

    def obstacle(self, step: int, state: DescentState) -> str | None:
        found = super().obstacle(step, state)
        return found and f"{found}, over an epoch of {self.per_epoch} steps"

    def run(
        self, step: int, state: DescentState, times: np.ndarray, rtol: float, judged: bool
    ) -> Course:
        course = super().run(step, state, times, rtol, judged)
        if not judged:
            return course
        variance = self.strayed.variance()
        variance += self._within_epoch(float(times[-1]), course.path.weights[-1])
        return Course(course.path, DEVIATIONS * math.sqrt(variance))

    def follow(
        self, log_time: float, weights: np.ndarray, times: np.ndarray, rtol: float, judged: bool
    ) -> Course:
        """Follow the mean path from weights, and sum what a run strays from it."""
        field, watch = self.field(), None
        if judged:
            watch = self.strayed = Strayed(self._strays, field.jacobian, log_time, weights)
        path = self._integration(field, weights, rtol, watch).run(log_time, weights, times)
        return Course(path, 0.0)

    def field(self) -> CompiledField:
        return CompiledField(
            self.problem.margin_map, self.problem.loss, field=self.mean_field, spread=self.spread
        )

    def _strays(self, log_time: float, weights: np.ndarray) -> np.ndarray:
        shaped = weights.reshape(self.problem.margin_map.weights_shape)
        return self.mean("strays", np.float64(log_time), shaped)

    def _within_epoch(self, log_time: float, weights: np.ndarray) -> float:
        if self.per_epoch == 1:
            return 0.0
        seen = self.batches.n_samples / 2
        if log_time < math.log(LAST_KNOWN):
            seen = round(math.exp(log_time)) % self.per_epoch * self.batches.batch_size
        shaped = weights.reshape(self.problem.margin_map.weights_shape)
        return float(self.mean("within_epoch", np.float64(log_time), shaped, np.float64(seen)))


class Strayed:
    """The covariance of a run about its mean path, along the path.

    Between two points the flow contracts what has strayed so far, by implicit Euler with the
    Jacobian, which contracts less than the flow does.  For many weights only the trace is kept, and
    nothing contracts it: on a convex risk it does not grow by itself.

    Args:
        strays: F at a log time and weights; FᵀF is gathered per unit of log time.
        jacobian: of the mean path's velocity, negative semidefinite.
        log_time: of the start.
        weights: there.
    """

    def __init__(self, strays: Field, jacobian: Field, log_time: float, weights: np.ndarray):
        self.strays, self.jacobian = strays, jacobian
        self.log_time, self.last = log_time, strays(log_time, weights)
        self.small = weights.size <= SMALL
        self.covariance = np.zeros((weights.size, weights.size) if self.small else (1, 1))

    def __call__(self, log_time: float, weights: np.ndarray) -> None:
        elapsed, now = log_time - self.log_time, self.strays(log_time, weights)
        if self.small:
            gathered = (self.last.T @ self.last + now.T @ now) / 2
            step = np.eye(weights.size) - elapsed * self.jacobian(log_time, weights)
            half = np.linalg.solve(step, self.covariance + elapsed * gathered)
            self.covariance = np.linalg.solve(step, half.T)
        else:
            self.covariance += elapsed * (np.sum(self.last**2) + np.sum(now**2)) / 2
        self.log_time, self.last = log_time, now

    def variance(self) -> float:
        """The expected square of the distance from the mean."""
        return float(np.trace(self.covariance))
